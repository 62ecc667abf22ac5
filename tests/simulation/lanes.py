"""A worker with several writes on the wire at once, as `engine.sending` has them for documents.

The same histories are told with it beside those of `worker`. Which lane moves next is drawn: a request takes effect
some time after it was handed over, answers come back in any order, and others act in between. What stops the worker
waits until everything that was handed over is recorded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from qbsync import transitions
from qbsync.transitions import Step
from tests.simulation.database import CommandRow
from tests.simulation.lease import Stopped, Turn
from tests.simulation.worker import Worker
from tests.simulation.writes import Writes

LANES = 3
"""Few, so that lanes are full now and then: there are seldom more records than that in a history."""


@dataclass
class Flight:
    row: CommandRow
    answer: tuple[str, Any] | None = None


class WideWorker(Worker):
    """push.run_commands: first whatever has to be looked for, then everything that is ready."""

    def run_commands(self) -> Iterator[Any]:
        ready = [row for row in self.world.db.commands if self.is_ready(row)]
        looked = yield from super().run_commands()
        yield from self.send_all(ready)
        return looked + len(ready)

    def is_ready(self, row: CommandRow) -> bool:
        self.seen[row.pk] = row.standing
        return Writes.next_step(self, row) is Step.SEND

    def next_step(self, row: CommandRow) -> Step:
        """What is ready is left to `send_all`."""
        step = super().next_step(row)
        return Step.LEAVE if step is Step.SEND else step

    def send_all(self, ready: list[CommandRow]) -> Turn:
        """sending._Sending.run"""
        flights: list[Flight] = []
        stopped = False
        while flights or (ready and not stopped):
            try:
                if ready and not stopped and len(flights) < LANES and (not flights or self.world.random.random() < 0.7):
                    yield from self.hand_over(ready.pop(0), flights)
                else:
                    yield from self.move_on(self.world.random.choice(flights), flights)
            except Stopped:
                stopped = True
            if len(flights) > 1:
                self.world.sometimes["several writes were on their way"] += 1
        if stopped:
            raise Stopped

    def hand_over(self, row: CommandRow, flights: list[Flight]) -> Turn:
        """sending._Sending._hand_over"""
        yield "command taken up"
        self.guard()
        yield "before the mark"
        self.mark_sending(row)
        yield "mark committed"
        self.guard_sending()
        self.last_look(row)
        flights.append(Flight(row))

    def move_on(self, flight: Flight, flights: list[Flight]) -> Turn:
        """A lane sends its request, or its answer is recorded."""
        if flight.answer is None:
            yield "waiting for its turn"
            flight.answer = self.in_the_lane(flight.row)
            return
        yield "answer in memory"
        flights.remove(flight)
        answer, body = flight.answer
        if answer == "ok":
            self.confirmed(flight.row, body)
            yield "settled"
        else:
            self.refusal(flight.row, answer)

    def in_the_lane(self, row: CommandRow) -> tuple[str, Any]:
        """lanes.Lane._carry_out: the last look, and the request."""
        if not transitions.may_send(self.world.now, self.seen[row.pk], self.world.timing):
            return "not_sent", None
        return self.request(row)
