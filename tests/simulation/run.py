"""Running many histories on all cores, one history aloud, and the mutants; `make t-sim`, `t-sim-one`, `t-mutants`."""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import os
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tests.simulation.lanes import WideWorker
from tests.simulation.mappings import small_mappings
from tests.simulation.mutants import CANARY, MUTANTS, Mutant, by
from tests.simulation.worker import Worker
from tests.simulation.world import World

CHUNK = 1000
"""Histories that one process plays before it reports."""
EXPECTED = (
    "a case: concurrent_update",
    "a case: delete_conflict",
    "a case had moved on",
    "a change without its outbox row",
    "a late request took effect",
    "a page was split",
    "a paused worker woke up",
    "a record kept moving",
    "a refusal did not settle an earlier send",
    "a request arrived twice",
    "a rule decided",
    "a token was stale",
    "a turn was cut short",
    "a worker lost its lease",
    "a worker was paused too long to send",
    "adopted after a lost answer",
    "an answer was lost",
    "an edit of a backup was in doubt",
    "asked what belongs together after a restore",
    "an update in doubt found its record moved",
    "held: a deleted record may be ours",
    "killed",
    "QuickBooks stored something else",
    "refused",
    "sent again after two looks",
    "looked everything up after a restore",
    "restored from a backup",
    "several records may be ours",
    "somebody else settled the command",
    "tied again after a restore",
)
"""What a run must have met: one that never did proves nothing about it, and is void."""
EXPECTED_PLACES = (
    "claimed", "inbox read", "bodies queried", "decided", "applied", "feed read", "cursor moved", "command taken up",
    "before the mark", "mark committed", "waiting for its turn", "answer in memory", "settled", "probed",
    "probe committed", "deletions read", "read back", "read back settled",
    "quarantine prepared", "everything read", "lost time read", "looked up",
)  # fmt: skip
"""Every stop of a worker; at each of them it may be killed, paused or overtaken."""


CANARY_SEEDS = 200


@dataclass
class Report:
    schedules: int = 0
    sometimes: Counter[str] = field(default_factory=Counter)
    visits: Counter[str] = field(default_factory=Counter)
    violations: dict[int, list[str]] = field(default_factory=dict)

    def add(self, other: Report) -> None:
        self.schedules += other.schedules
        self.sometimes.update(other.sometimes)
        self.visits.update(other.visits)
        self.violations.update(other.violations)

    @property
    def never(self) -> list[str]:
        missed = [name for name in EXPECTED if not self.sometimes[name]]
        return missed + [place for place in EXPECTED_PLACES if not self.visits[place]]


def play_range(seeds: range, **options: Any) -> Report:
    """Play these seeds, one after another, in this process; `options` as of `World`."""
    report = Report()
    gc.freeze()
    gc.disable()  # the histories leave few cycles; they are collected once a chunk
    with small_mappings():
        for seed in seeds:
            world = World(seed, **options).play()
            report.schedules += 1
            report.sometimes.update(world.sometimes)
            report.visits.update(world.visits)
            if world.violations:
                report.violations[seed] = world.violations
    gc.enable()
    gc.collect()
    return report


def play_all(seeds: range, **options: Any) -> Report:
    """Play them on all cores."""
    report = Report()
    chunks = [range(at, min(at + CHUNK, seeds.stop)) for at in range(seeds.start, seeds.stop, CHUNK)]
    with multiprocessing.get_context("fork").Pool(os.cpu_count()) as pool:
        for part in pool.imap_unordered(partial(play_range, **options), chunks):
            report.add(part)
    return report


def first_hit(mutant: Mutant, seeds: range) -> tuple[int, str] | None:
    """The first seed whose history shows what the mutant breaks, and how."""
    with small_mappings():
        for seed in seeds:
            broken = outcome(mutant, seed)
            if broken:
                return seed, broken
    return None


def outcome(mutant: Mutant, seed: int) -> str:
    """What a history of a mutant breaks, "" = nothing. A rule that raises counts as broken: it would stop the run."""
    with mutant.applied() as options:
        try:
            violations = World(seed, **options).play().violations
        except Exception as error:
            return f"{type(error).__name__}: {error}"
    return violations[0] if violations else ""


def told(seed: int, mutant: Mutant | None = None) -> Iterator[str]:
    """One history aloud."""
    log: list[str] = []
    with small_mappings():
        if mutant is None:
            world = World(seed, log=log).play()
        else:
            with mutant.applied() as options:
                world = World(seed, log=log, **options).play()
    yield from log
    yield from world.violations or ["no violation"]


def run(count: int, start: int, **options: Any) -> int:
    began = time.monotonic()
    report = play_all(range(start, start + count), **options)
    seconds = time.monotonic() - began
    print(f"schedules   {report.schedules}, seeds {start} to {start + count - 1}")
    print(f"time        {seconds:.0f} s, {report.schedules / seconds:.0f} a second")
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"processor   {used.ru_utime + used.ru_stime:.0f} s of work on {os.cpu_count()} cores")
    print(f"kills       {report.sometimes['killed']}")
    print(f"stops       {sum(report.visits[place] for place in EXPECTED_PLACES)}")
    print("sometimes")
    for name, times in report.sometimes.most_common():
        print(f"  {times:>9}  {name}")
    print(f"violations  {len(report.violations)}")
    for seed, broken in sorted(report.violations.items())[:10]:
        print(f"  make t-sim-one SEED={seed}   {broken[0]}")
    if report.never:
        print(f"VOID: never met: {', '.join(report.never)}")
    return 1 if report.violations or report.never else 0


def try_one(asked: tuple[str, int]) -> tuple[str, tuple[int, str] | None, float]:
    """One mutant in this process: its name, the first hit, and the seconds it took."""
    name, limit = asked
    began = time.monotonic()
    return name, first_hit(MUTANTS[name], range(limit)), time.monotonic() - began


def try_mutants(limit: int) -> int:
    """Every mutant must be caught; the canary, which breaks everything, must fail at once."""
    missed = []
    with multiprocessing.get_context("fork").Pool(os.cpu_count()) as pool:
        for name, hit, seconds in pool.imap(try_one, [(name, limit) for name in MUTANTS]):
            shown = f"not caught in {limit}" if hit is None else f"{hit[0] + 1:>6}  {hit[1]}"
            print(f"{name:<50} {shown}  ({seconds:.1f} s)", flush=True)
            if hit is None:
                missed.append(name)
    failed = first_hit(CANARY, range(CANARY_SEEDS)) is not None
    print(f"{'canary (everybody is overwritten at once)':<50} {'fails, as it must' if failed else 'PASSES'}")
    print(f"{len(MUTANTS) - len(missed)} of {len(MUTANTS)} mutants caught")
    return 1 if missed or not failed else 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    many = commands.add_parser("run")
    many.add_argument("count", type=int)
    many.add_argument("--start", type=int, default=0)
    one = commands.add_parser("one")
    one.add_argument("seed", type=int)
    one.add_argument("--mutant", choices=sorted(MUTANTS), default=None)
    for parser_of in (many, one):
        parser_of.add_argument("--wide", action="store_true", help="by workers with several writes on the wire at once")
    commands.add_parser("mutants").add_argument("--limit", type=int, default=400_000)
    asked = parser.parse_args()
    if asked.command == "run":
        sys.exit(run(asked.count, asked.start, worker=WideWorker if asked.wide else Worker))
    if asked.command == "mutants":
        sys.exit(try_mutants(asked.limit))
    as_told = by(WideWorker) if asked.wide else None
    for line in told(asked.seed, MUTANTS[asked.mutant] if asked.mutant else as_told):
        print(line)
