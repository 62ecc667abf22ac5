"""What a client gets under a fault on order: a refusal instead of an answer, or the served answer spoiled.

Called by ``emulator``; which request a fault strikes is for ``faults`` to say.
"""

from __future__ import annotations

from dataclasses import replace

from . import answers
from .errors import system_failure
from .faults import Call, Fault
from .gateway_errors import throttled
from .refusals import one_name_at_a_time, stale
from .wire import Ending, Response


def refusal(call: Call, fault: Fault, *, now: float, throttle_format: str) -> Response | None:
    """The whole answer, where the request never reaches the books; None where it is to be served."""
    match fault.kind:
        case "throttle" | "quota_exhausted":
            return answers.gateway(throttled(), now, format=fault.format or throttle_format)
        case "server_error":
            return answers.server_error(fault.status, now, format=fault.format)
        case "stale_token":
            return answers.faulted(stale("Craig Carlson"), now)
        case "one_name_at_a_time":
            return answers.faulted(one_name_at_a_time(call.entity), now)
        case "fault_in_200":
            return answers.faulted(system_failure("Unexpected Internal Error", status=200), now)
        case "refuse":
            return Response(0, ending=Ending.REFUSE, delay=fault.seconds)
        case "reset_before":
            return Response(0, ending=Ending.ABORT)
        case "hang":
            return Response(0, ending=Ending.HANG, delay=fault.seconds)
    return None


def served(response: Response, fault: Fault) -> Response:
    """The request was served and committed; what the client gets of the answer is another matter."""
    match fault.kind:
        case "slow":
            return replace(response, delay=fault.seconds)
        case "lost_response":
            return replace(response, ending=Ending.ABORT)
        case "truncated":
            return replace(response, ending=Ending.CUT)
        case "malformed":
            return replace(response, body=response.body[:-1] + b',,"')
    return response
