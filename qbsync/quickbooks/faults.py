"""What can go wrong with a call to QuickBooks, named by what the caller should do next.

Raised by `client` and `protocol`, caught by the sync engine. What always holds: every fault is exactly one of the classes below;
`NotSent`, `Throttled` and every refusal are CERTAIN that QuickBooks changed nothing; whatever is not certain is `OutcomeUnknown`.
The text of a fault is redacted when it is made, so it may be logged; faults survive pickling.
"""


class QuickBooksFault(Exception):
    """Any failed call. `code` is QuickBooks' own ("" when the failure came from elsewhere), `tid` its tracking id for support."""

    def __init__(
        self,
        message: str = "",
        *,
        code: str = "",
        detail: str = "",
        element: str = "",
        status: int | None = None,
        tid: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.detail = detail
        self.element = element
        self.status = status
        self.tid = tid

    def __str__(self) -> str:
        head = f"{self.code} {self.message}".strip()
        text = f"{head}: {self.detail}" if self.detail else head
        facts = [f"HTTP {self.status}" if self.status is not None else "", f"intuit_tid {self.tid}" if self.tid else ""]
        known = ", ".join(fact for fact in facts if fact)
        return f"{text} ({known})" if known else text


class NotSent(QuickBooksFault):
    """Certain that no request left this host: name not resolved, connection refused or timed out, TLS refused. Send again later."""


class OutcomeUnknown(QuickBooksFault):
    """The call may have been carried out. A write must be looked up before it is sent again; a read is simply tried later."""


class Throttled(QuickBooksFault):
    """Too many calls; nothing was done. Wait `retry_after` seconds, or a minute when QuickBooks did not say (F5.4)."""

    def __init__(self, message: str = "", *, retry_after: float | None = None, **facts: object) -> None:
        super().__init__(message, **facts)  # type: ignore[arg-type]  # the same keywords as the base class
        self.retry_after = retry_after


class Refused(QuickBooksFault):
    """QuickBooks will not do it as asked; the data or the request has to change. Also the base of the refusals named below."""


class Unauthorized(QuickBooksFault):
    """The access token is not accepted: refresh it once, then a person has to reconnect. Code 120: the user lost the right."""


class Forbidden(QuickBooksFault):
    """The app may not use this company, or the wrong host was asked: a person has to act (F1.2)."""


class Stale(QuickBooksFault):
    """The record changed meanwhile: read it, merge again."""


class Gone(QuickBooksFault):
    """The record, or one it refers to, was deleted or made inactive: read again and decide."""


class DuplicateName(QuickBooksFault):
    """The name is taken by a customer, vendor or employee (or by another item): look it up or rename."""


class DuplicateNumber(QuickBooksFault):
    """The document number is taken: look it up or renumber."""


class InvalidReference(QuickBooksFault):
    """A record referred to does not exist or cannot be linked: resolve the reference again."""


class ClosedPeriod(QuickBooksFault):
    """The books are closed for this date: a person has to decide."""


class SubscriptionEnded(QuickBooksFault):
    """The company's QuickBooks subscription ended: stop writing, reading may still work (F10.17)."""


class Deposited(QuickBooksFault):
    """The payment is part of a bank deposit and cannot be changed until that is undone in QuickBooks (F3.1.13)."""


class TryAgain(QuickBooksFault):
    """Certainly not done, only for now: another name is being saved, wrong cluster, company locked or in maintenance."""
