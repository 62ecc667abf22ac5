"""What keeping a side means for a record that ended on one side and was changed on the other. Pure sentences."""

from __future__ import annotations

from collections.abc import Mapping

from qbsync.admin.status import Mark

STATES = {
    "live": Mark("In use", "edit", "info"),
    "archived": Mark("Inactive", "inventory_2", ""),
    "void": Mark("Void", "block", "warning"),
    "gone": Mark("Deleted", "delete", "danger"),
}
UNKNOWN = Mark("Never agreed", "remove", "")
DOCUMENTS = ("invoice", "payment")


def state(presence: str | None) -> Mark:
    return STATES.get(presence or "", UNKNOWN)


def choices(entity: str, presence: Mapping[str, str | None]) -> tuple[str, str]:
    """What happens when Batchly, and what when QuickBooks, is kept."""
    ended = "voided" if entity in DOCUMENTS else "made inactive"
    if presence.get("local") == "live":
        return _keep_live_batchly(entity, presence.get("remote")), (
            f"The {entity} is {ended} in Batchly too. What was changed there since both last agreed counts no more."
        )
    return (
        f"The {entity} is {ended} in QuickBooks too. What was changed there since both last agreed counts no more.",
        f"The {entity} comes back in Batchly, as it now stands in QuickBooks.",
    )


def _keep_live_batchly(entity: str, remote: str | None) -> str:
    if entity in DOCUMENTS:
        number = " with a new number" if entity == "invoice" and remote == "void" else ""
        return (
            f"QuickBooks cannot bring it back, so a new {entity} with Batchly's content is made on both sides{number}. "
            f"The old one is voided in Batchly."
        )
    return f"The {entity} is made active again in QuickBooks, with Batchly's content."
