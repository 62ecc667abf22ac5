"""Named places where tests make the engine die. In production `reach` does nothing.

Inside one process a test puts a function in `armed`; it is called with the name of the place and may raise, as a killed
process would stop there: everything after the place does not happen. A whole process is armed by its environment:
BATCHLY_FAILPOINT=push.answered:2 kills it the second time it comes to that place, `push.answered=raise` raises there.
That is refused at the start unless DEBUG and BATCHLY_TEST_FAILPOINTS are both on. Every place stands in `PLACES`.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.core.exceptions import ImproperlyConfigured

armed: Callable[[str], None] | None = None

PLACES = frozenset(
    {
        "apply.before_commit",
        "apply.committed",
        "connect.code_exchanged",
        "connect.state_used",
        "connect.stored",
        "held.before_commit",
        "held.settling",
        "notify.before_commit",
        "plan.before_commit",
        "plan.lines_stored",
        "plan.page_applied",
        "pull.bodies_read",
        "pull.cursor_moved",
        "pull.feed_read",
        "pull.full_begun",
        "pull.full_finished",
        "pull.page_stored",
        "push.adopted",
        "push.answered",
        "push.before_sending",
        "push.deletions_committed",
        "push.deletions_read",
        "push.lost_committed",
        "push.probe_committed",
        "push.probed",
        "push.read_back",
        "push.read_back_committed",
        "push.sending_committed",
        "push.settled",
        "quarantine.before_commit",
        "quarantine.prepared",
        "quarantine.tied",
        "resolve.before_commit",
        "resolve.committed",
        "reverse.before_commit",
        "safety.before_commit",
        "safety.opened",
        "session.claimed",
        "session.run_begun",
        "session.run_closed",
        "settle.adopting",
        "settle.before_commit",
        "settle.superseding",
        "sweep.missed_enqueued",
        "sync.read",
        "sync.wish_fulfilled",
        "tokens.answered",
        "tokens.before_commit",
        "tokens.committed",
        "tokens.lock_held",
        "webhook.recorded",
        "webhook.verified",
        "webhook.woken",
    }
)
"""Every place there is. A test holds this list and the calls of `reach` against each other."""

_ORDER = re.compile(r"(?P<place>[a-z_.]+)(:(?P<nth>[1-9]\d{0,5}))?(=(?P<action>kill|raise))?")


class Crash(BaseException):
    """A simulated death. No handler of the product catches it."""


@dataclass
class Death:
    """Ends this process the `nth` time it comes to `place`."""

    place: str
    nth: int = 1
    action: str = "kill"

    def __call__(self, place: str) -> None:
        if place != self.place:
            return
        self.nth -= 1
        if self.nth:
            return
        if self.action == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        raise Crash(place)


def reach(place: str) -> None:
    if armed is not None:
        armed(place)


def arm(environment: Mapping[str, str], *, debug: bool) -> None:
    """Called once when Django is loaded. Raises ImproperlyConfigured where a process must never be armed."""
    global armed
    order = environment.get("BATCHLY_FAILPOINT", "")
    if not order:
        return
    if not debug or environment.get("BATCHLY_TEST_FAILPOINTS") != "on":
        raise ImproperlyConfigured(
            "BATCHLY_FAILPOINT makes this process kill itself; it is for tests, with DEBUG and BATCHLY_TEST_FAILPOINTS "
            "on. Remove it from the environment."
        )
    found = _ORDER.fullmatch(order)
    if found is None or found["place"] not in PLACES:
        raise ImproperlyConfigured(
            f"BATCHLY_FAILPOINT={order} names no failpoint; write place, place:2 or place=raise."
        )
    armed = Death(found["place"], nth=int(found["nth"] or 1), action=found["action"] or "kill")
