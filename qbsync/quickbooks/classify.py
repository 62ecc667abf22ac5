"""Decides which fault a failed answer is. Pure; called by `protocol`.

What always holds: an answer is called a refusal only if QuickBooks certainly did nothing. Server errors, system failures and answers
that cannot be read are `OutcomeUnknown`, whatever their text says.
"""

from qbsync.quickbooks import faults
from qbsync.quickbooks.fault_body import Error

_BY_CODE: dict[str, type[faults.QuickBooksFault]] = {
    "100": faults.Unauthorized,
    "110": faults.Unauthorized,
    "120": faults.Unauthorized,
    "3200": faults.Unauthorized,
    "3100": faults.Forbidden,
    "5010": faults.Stale,
    "610": faults.Gone,
    "6240": faults.DuplicateName,
    "6140": faults.DuplicateNumber,
    "2500": faults.InvalidReference,
    "620": faults.InvalidReference,
    "6200": faults.ClosedPeriod,
    "6210": faults.ClosedPeriod,
    "6190": faults.SubscriptionEnded,
    "6540": faults.Deposited,
    "130": faults.TryAgain,
    "140": faults.TryAgain,
    "150": faults.TryAgain,
    # A request id that was used before: the earlier send may have been carried out, so look (F4.3).
    "600": faults.OutcomeUnknown,
    "10000": faults.OutcomeUnknown,
    "3001": faults.Throttled,
}
_BY_STATUS: dict[int, type[faults.QuickBooksFault]] = {
    401: faults.Unauthorized,
    403: faults.Forbidden,
    408: faults.OutcomeUnknown,  # a gateway gave up waiting; what stood behind it may have gone on
    429: faults.Throttled,
    499: faults.OutcomeUnknown,
}
_ONE_AT_A_TIME = "only add or edit one"  # name lists and items are saved one by one (F3.2.7)
_INTERNAL = "unexpected internal error"  # a 6000 that is no business rule (F4.3)
_SYSTEM_FAULT = "SystemFault"


def kind_of(error: Error) -> type[faults.QuickBooksFault]:
    """The fault that one error stands for, by its code and, where the code means several things, its text."""
    if error.code == "6000":
        text = f"{error.message} {error.detail}".lower()
        if _ONE_AT_A_TIME in text:
            return faults.TryAgain
        return faults.OutcomeUnknown if _INTERNAL in text else faults.Refused
    if error.fault_type == _SYSTEM_FAULT:
        return faults.OutcomeUnknown
    return _BY_CODE.get(error.code, faults.Refused)


def fault_for(
    status: int, errors: tuple[Error, ...], *, retry_after: float | None = None, tid: str = ""
) -> faults.QuickBooksFault:
    """The fault to raise for an answer that is a failure."""
    kind, error = _verdict(status, errors)
    message = error.message if error else f"HTTP {status} without a readable fault"
    facts = {
        "code": error.code if error else "",
        "detail": error.detail if error else "",
        "element": error.element if error else "",
        "status": status,
        "tid": tid,
    }
    if kind is faults.Throttled:
        return faults.Throttled(message, retry_after=retry_after, **facts)
    return kind(message, **facts)  # type: ignore[arg-type]  # the keywords of the base class


def _verdict(status: int, errors: tuple[Error, ...]) -> tuple[type[faults.QuickBooksFault], Error | None]:
    judged = [(kind_of(error), error) for error in errors]
    first = errors[0] if errors else None
    for kind, error in judged:
        if kind is faults.Throttled:  # certain, and the gateway has used 403 and 429 for it (F4.1.4)
            return kind, error
    if status >= 500 or 300 <= status < 400:
        return faults.OutcomeUnknown, first
    for kind, error in judged:
        if kind is faults.OutcomeUnknown:
            return kind, error
    if status in _BY_STATUS:
        return _BY_STATUS[status], first
    for kind, error in judged:
        if kind is not faults.Refused:
            return kind, error
    if first is None and not 400 <= status < 500:
        return faults.OutcomeUnknown, None
    return faults.Refused, first
