"""Playing many histories, one aloud, or each twice; `make t-trinity`, `make t-trinity-one`."""

from __future__ import annotations

import argparse
import gc
import hashlib
import os
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from math import inf
from multiprocessing import get_context

from qbsync.engine.errors import place_of
from tests.trinity.baton import Hand
from tests.trinity.database import standing
from tests.trinity.mutants import RULES, without
from tests.trinity.world import World

HANDS = 3
EXPECTED: tuple[str, ...] = (
    "a batch was sent",
    "a full pull was cut off",
    "a full pull went on at a later page",
    "a late request took effect",
    "a query went on behind its first rows",
    "a queue was longer than a page",
    "a worker changed to another company",
    "an old state was shown",
    "command: find_deleted -> ready",
    "command: find_ours -> done",
    "command: read_back -> cancelled",
    "command: send -> cancelled",
    "command: send -> rejected",
    "command: send -> unknown",
    "decided: concurrent_update",
    "decided: delete_conflict",
    "fault: expired_access",
    "fault: late",
    "fault: lost_response",
    "fault: partial_batch",
    "fault: throttle",
    "items of a batch fared differently",
    "killed",
    "killed around a batch",
    "killed inside a transaction",
    "more writes waited than a page holds",
    "paused",
    "several writes were under way",
    "slept",
    "stopped: LeaseLost",
    "switched inside a push",
    "the answer to a batch was lost",
    "the feed could not tell of everything",
    "two companies of one organization",
    "two companies were worked on at once",
)
"""What a run must have met: one that never did proves nothing about it, and is void."""


@dataclass
class Report:
    histories: int = 0
    sometimes: Counter[str] = field(default_factory=Counter)
    visits: Counter[str] = field(default_factory=Counter)
    violations: dict[int, list[str]] = field(default_factory=dict)

    def add(self, other: Report) -> None:
        self.histories += other.histories
        self.sometimes.update(other.sometimes)
        self.visits.update(other.visits)
        self.violations.update(other.violations)

    def count(self, world: World) -> None:
        self.histories += 1
        self.sometimes.update(world.sometimes)
        self.visits.update(world.visits)
        if world.violations:
            self.violations[world.seed] = world.violations

    @property
    def never(self) -> list[str]:
        return [name for name in EXPECTED if not self.sometimes[name]]


@contextmanager
def hands() -> Iterator[Sequence[Hand]]:
    """The threads of the workers; they keep their connections from history to history."""
    crew = [Hand(number) for number in range(1, HANDS + 1)]
    try:
        yield crew
    finally:
        for hand in crew:
            hand.dismiss()


def play_all(seeds: Sequence[int], *, seconds: float = inf) -> Report:
    """One after another, in this process and its database; no new one is begun after so many seconds."""
    report, began = Report(), time.monotonic()
    gc.freeze()
    with hands() as crew:
        for seed in seeds:
            if time.monotonic() - began < seconds:
                report.count(_played(World(seed, crew)))
    return report


def _played(world: World) -> World:
    """A history that nobody could go on with counts as a violation: its seed is told, and the others are played."""
    try:
        return world.play()
    except Exception as error:
        world.bad(f"the history broke off: {place_of(error)}")
        for hand in world.hands:
            while not hand.ended:  # the next history begins with hands that are free
                hand.kill()
        return world


def told(seed: int, rule: str = "") -> World:
    """One history with its log; `rule` names what is taken away from the product."""
    with hands() as crew, without(rule) if rule else nullcontext():
        return World(seed, crew, log=[]).play()


def first_hit(rule: str, seeds: Iterable[int]) -> tuple[int, str] | None:
    """The first history in which a promise notices that a rule is missing."""
    with hands() as crew:
        for seed in seeds:
            with without(rule):
                violations = World(seed, crew).play().violations
            if violations:
                return seed, violations[0]
    return None


def play_share(seeds: range, seconds: float) -> Report:
    """A share of the histories, in a process and a database of its own."""
    with standing():
        return play_all(seeds, seconds=seconds)


def run(count: int, start: int, processes: int, seconds: float) -> int:
    began = time.monotonic()
    report = Report()
    shares = [range(start + number, start + count, processes) for number in range(processes)]
    with get_context("fork").Pool(processes) as pool:
        for part in pool.starmap(play_share, [(share, seconds) for share in shares]):
            report.add(part)
    _print(report, time.monotonic() - began)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"processor   {used.ru_utime + used.ru_stime:.0f} s of work, without PostgreSQL's")
    return 1 if report.violations or report.never else 0


def _print(report: Report, seconds: float) -> None:
    print(f"histories   {report.histories}")
    print(f"time        {seconds:.0f} s, {report.histories / seconds:.1f} a second")
    print(f"stops       {sum(report.visits.values())} at {len(report.visits)} places")
    print("sometimes")
    for name, times in sorted(report.sometimes.items(), key=lambda each: -each[1]):
        print(f"  {times:>9}  {name}")
    print(f"violations  {len(report.violations)}")
    for seed, broken in sorted(report.violations.items()):
        print(f"  make t-trinity-one SEED={seed}   {broken[0][:600]}")
    if report.never:
        print(f"VOID: never met: {', '.join(report.never)}")


def mutants(limit: int) -> int:
    """Each must be noticed within so many histories."""
    missed = 0
    with standing():
        for rule in ("canary", *RULES):
            hit = first_hit(rule, range(limit))
            missed += hit is None
            print(f"{rule:<50} {f'{hit[0] + 1:>4}  {hit[1][:120]}' if hit else 'NOT NOTICED'}", flush=True)
    return 1 if missed else 0


def one(seed: int, rule: str) -> int:
    with standing():
        world = told(seed, rule)
    print("\n".join(world.log or []))
    print("\n".join(world.violations) or "no violation")
    return 1 if world.violations else 0


def hashes(count: int, start: int) -> int:
    """The hash of each history's log."""
    with standing():
        for seed in range(start, start + count):
            lines = told(seed).log or []
            print(seed, len(lines), hashlib.sha256("\n".join(lines).encode()).hexdigest(), flush=True)
    return 0


def twice(count: int, start: int) -> int:
    """Each seed in two processes whose sets are in different orders: the logs must be the same."""
    command = [sys.executable, "-m", "tests.trinity", "hashes", str(count), "--start", str(start)]
    both = [
        subprocess.Popen(command, env={**os.environ, "PYTHONHASHSEED": order}, stdout=subprocess.PIPE, text=True)
        for order in ("1", "2")
    ]
    first, second = (process.communicate()[0].splitlines() for process in both)
    differing = [one.split()[0] for one, other in zip(first, second, strict=True) if one != other]
    print(f"{len(first)} histories played twice, {len(differing)} differ {differing}")
    return 1 if differing or len(first) != count else 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("run", "twice", "hashes"):
        many = commands.add_parser(name)
        many.add_argument("count", type=int)
        many.add_argument("--start", type=int, default=0)
        many.add_argument("--processes", type=int, default=os.cpu_count() or 1)
        many.add_argument("--seconds", type=float, default=inf, help="begin no history after so many seconds")
    single = commands.add_parser("one")
    single.add_argument("seed", type=int)
    single.add_argument("--without", default="", choices=("canary", *RULES))
    commands.add_parser("mutants").add_argument("--limit", type=int, default=60)
    asked = parser.parse_args()
    if asked.command == "run":
        sys.exit(run(asked.count, asked.start, asked.processes, asked.seconds))
    if asked.command == "one":
        sys.exit(one(asked.seed, asked.without))
    if asked.command == "mutants":
        sys.exit(mutants(asked.limit))
    sys.exit({"twice": twice, "hashes": hashes}[asked.command](asked.count, asked.start))
