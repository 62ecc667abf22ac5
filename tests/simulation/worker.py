"""One worker of the sync: the engine's order of transactions around the product's own decisions.

Every method names the engine function whose place it takes; a reader can lay the two side by side. What decides is not
copied but called: `decide`, `merge`, `next_step`, `after`, `may_send`, `newest`, `creation_of`, `is_known`, `made_in_window`,
`_update_link`, `edited_base`. A `yield` is a place between two transactions, or before or after a request: there the
scheduler may let others run, stop the worker for hours, or kill it.
"""

from __future__ import annotations

from tests.simulation.books import NoAnswer
from tests.simulation.lease import LEASE, OVERLAP, REFERENCES, Stopped, Turn
from tests.simulation.pages import Pages
from tests.simulation.restore import Quarantined
from tests.simulation.writes import Writes

MAX_ROUNDS = 40
"""Rounds of one sync; the engine allows more, here that many mean that it runs in circles."""


class Worker(Pages, Writes, Quarantined):
    # --- sync.sync, session.opened, sync.work_off

    def sync(self, *, read: bool) -> Turn:
        if not self.claim():
            return
        yield "claimed"
        try:
            self.notice_witness()
            if not (yield from self.is_free()):  # type: ignore[func-returns-value]
                self.give_back()
                return
            yield from self.work_off()
            if read:
                yield from self.pull_changes()
                yield from self.work_off()
        except (Stopped, NoAnswer):
            self.world.sometimes["a turn was cut short"] += 1
        self.give_back()

    def work_off(self) -> Turn:
        for _ in range(MAX_ROUNDS):
            moved = 0
            moved += yield from self.inbox_page()  # type: ignore[misc]
            moved += yield from self.outbox_page()  # type: ignore[misc]
            moved += yield from self.run_commands()  # type: ignore[misc]
            if not moved:
                return
        self.world.sometimes["a sync had too many rounds"] += 1
        raise Stopped


__all__ = ["LEASE", "OVERLAP", "REFERENCES", "Stopped", "Turn", "Worker"]
