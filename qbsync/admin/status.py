"""The words of the console: one mark (icon, word, tone) for every state, so that colour never stands alone.

Pure. Used by all pages; `monitoring` and the templates show the same words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Tone = Literal["success", "info", "warning", "danger", ""]


@dataclass(frozen=True)
class Mark:
    """A state as it is shown: a word, an icon of the theme's icon font, and the tone of its colour."""

    word: str
    icon: str
    tone: Tone


IN_SYNC = Mark("In sync", "check_circle", "success")
SENDING = Mark("Sending", "arrow_forward", "info")
RECEIVING = Mark("Receiving", "arrow_back", "info")
WAITING = Mark("Waiting", "schedule", "info")
RETRYING = Mark("Retrying", "autorenew", "warning")
NEEDS_YOU = Mark("Needs you", "front_hand", "danger")
CONFLICT = Mark("Conflict", "call_split", "danger")
BLOCKED = Mark("Blocked", "block", "danger")
CHECKING = Mark("Checking", "help", "warning")
NOT_LINKED = Mark("Not linked", "link_off", "")
CLOSED = Mark("Closed", "remove", "")
UNREADABLE = Mark("Unreadable", "broken_image", "warning")
"""A record of QuickBooks that cannot be read or parsed."""

STANDING = {
    "in_sync": IN_SYNC,
    "sending": SENDING,
    "receiving": RECEIVING,
    "waiting": WAITING,
    "retrying": RETRYING,
    "needs_you": NEEDS_YOU,
    "conflict": CONFLICT,
    "blocked": BLOCKED,
    "checking": CHECKING,
    "not_linked": NOT_LINKED,
    "closed": CLOSED,
}
"""The words of `engine.why`."""
CONNECTION = {
    "connected": Mark("Connected", "check_circle", "success"),
    "needs_reconnect": Mark("Connect again", "front_hand", "danger"),
    "disconnected": Mark("Disconnected", "link_off", ""),
}
RUN = {
    "running": Mark("Running", "autorenew", "info"),
    "succeeded": Mark("Done", "check_circle", "success"),
    "failed": Mark("Stopped", "error", "danger"),
    "interrupted": Mark("Interrupted", "pause_circle", "warning"),
}
COMMAND = {
    "ready": SENDING,
    "sending": SENDING,
    "unknown": CHECKING,
    "held": NEEDS_YOU,
    "left": Mark("Left alone", "do_not_disturb_on", ""),
    "done": Mark("Written", "check_circle", "success"),
    "cancelled": Mark("Not needed", "remove", ""),
    "rejected": Mark("Refused", "block", "danger"),
}
RESOLUTION = {
    "pending": Mark("Pending", "front_hand", "danger"),
    "keep_batchly": Mark("Kept Batchly", "check_circle", "success"),
    "keep_quickbooks": Mark("Kept QuickBooks", "check_circle", "success"),
    "merged": Mark("Merged", "merge", "success"),
    "auto_resolved": Mark("By a rule", "rule", "info"),
    "dismissed": Mark("Dismissed", "remove", ""),
}
SAFETY_STOP = {
    "open": NEEDS_YOU,
    "approved": Mark("Approved", "check_circle", "success"),
    "declined": Mark("Declined", "block", "warning"),
    "over": Mark("No longer needed", "remove", ""),
}

HELD_ANSWER = {
    "open": Mark("On its way", "schedule", "info"),
    "done": Mark("Carried out", "check_circle", "success"),
    "refused": Mark("Not carried out", "block", "warning"),
    "withdrawn": Mark("Replaced", "remove", ""),
}
PLAN = {
    "making": Mark("Being made", "autorenew", "info"),
    "made": NEEDS_YOU,
    "approved": Mark("Approved", "arrow_forward", "info"),
    "applied": Mark("Applied", "check_circle", "success"),
    "discarded": Mark("Discarded", "remove", ""),
}
PLANNED = {
    "planned": Mark("Planned", "schedule", "info"),
    "written": Mark("Written", "check_circle", "success"),
    "left": Mark("Left out", "remove", "warning"),
}


def queue_mark(*, parked: bool, waits_for: str, attempts: int) -> Mark:
    """The state of an inbox or outbox row."""
    if parked:
        return NEEDS_YOU
    if waits_for:
        return WAITING
    return RETRYING if attempts else WAITING
