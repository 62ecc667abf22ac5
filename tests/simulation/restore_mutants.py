"""The rules of a restore taken away one by one; `mutants` names them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from tests.simulation.database import Quarantine, Record
from tests.simulation.restore import NEVER
from tests.simulation.worker import Worker


class NoQuarantine(Worker):
    """A restored database is believed."""

    def notice_witness(self) -> None:
        self.world.db.quarantine = None


class WitnessKnowsOfRunsOnly(Worker):
    """A backup from the middle of a run looks like a run that was cut short."""

    def guard_sending(self) -> None:
        self.guard()


class LookedUpAtOnce(Worker):
    """Nobody waits for what was sent before the restore and is still on its way."""

    def patience(self) -> timedelta:
        return timedelta(0)


class WaitingEditsAreNew(Worker):
    """What waited in the backup counts as never sent."""

    def weigh(self, row: Quarantine) -> None:
        return None


class DeletionsForgotten(Worker):
    """What is not there was never made."""

    def deletions(self, row: Quarantine) -> bool:
        return False


class RenamedForgotten(Worker):
    """What has no counterpart of its name was never made."""

    def perhaps_renamed_until(self, unsure: Sequence[Any], row: Quarantine) -> datetime:
        return NEVER


class LookAlikesAreTied(Worker):
    """Two documents that look alike are one."""

    def is_sure(self, band: str, record: Record, body: Any) -> bool:
        return True


class TodayIsThePast(Worker):
    """What the ledger says now counts as what was sent."""

    def past(self, record: Record, body: Any, row: Quarantine) -> Any:
        return self.world.kind.from_ledger(record.data)
