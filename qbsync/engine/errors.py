"""What can stop a flow, named by what the caller should do about it."""

from __future__ import annotations

from traceback import extract_tb


class SyncStopped(Exception):
    """A flow ended before its work did. The text is a sentence for a person."""


class RetryLater(SyncStopped):
    """Nothing is wrong that time will not mend (throttled, no answer, busy). `after` in seconds, if known."""

    def __init__(self, message: str, *, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after


class Busy(RetryLater):
    """Another worker is syncing this company."""


class LeaseLost(RetryLater):
    """This worker was paused past its lease, and another may be at work: it must not write any more."""


class NeedsPerson(SyncStopped):
    """Only a person can mend this; the text says what to do."""


class Disconnected(NeedsPerson):
    """The connection to QuickBooks is gone and has to be made again."""


def place_of(error: BaseException) -> str:
    """What an unforeseen error is and where it struck, for the log. Never its text, which may hold business data."""
    frames = extract_tb(error.__traceback__)
    place = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}"
