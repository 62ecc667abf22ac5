"""Each rule of the sync, taken away, is noticed: by the very history that noticed it first.

`make t-mutants` searches from seed 0 on; here the seeds that it found are played, so that a mutant costs milliseconds. When
a change of the simulation moves the seeds, run it again and write down what it says.
"""

import pytest

from tests.simulation import run
from tests.simulation.mappings import small_mappings
from tests.simulation.mutants import MUTANTS
from tests.simulation.world import play

FIRST_HIT = {
    "last writer wins": 50,
    "an update in doubt is merged like any other": 37196,
    "the base moves on under an open conflict": 65,
    "a deletion in QuickBooks beats an edit": 521,
    "a void in Batchly beats an edit": 149,
    "an ended record comes back": 6,
    "never agreed counts as agreed to be empty": 37196,
    "merge while a write is in flight": 31,
    "the base counts as sent before it is": 3,
    "a void goes out if the contents are equal": 197,
    "a rule decides where nobody disagreed": 20,
    "a refusal is sent again as it is": 3780,
    "what a write in doubt brought about is forgotten": 164327,
    "a presence in doubt is taken for never sent": 147620,
    "a confirmed write clears the doubt about others": 38591,
    "units in doubt are forgotten under a case": 63,
    "no high-water mark": 17570,
    "a creation in doubt is imported when it is seen": 31,
    "the feed's rows are known by their id": 1,
    "a lost creation is looked for by its number": 196,
    "an unknown outcome is ready again": 83,
    "one look instead of two": 381,
    "both looks at the same moment": 3726,
    "no waiting until a request has landed": 2322,
    "the wait forgets the send guard": 10428,
    "SENDING is as good as READY": 124,
    "no send guard": 1,
    "retry under a new request id": 13,
    "the request id alone is trusted": 39,
    "no SENDING commit": 0,
    "no fence": 1,
    "no lease": 0,
    "a page is written without the lease": 13906,
    "the base is not saved": 1,
    "adopt with today's base": 1,
    "what was found is not compared": 39,
    "any record with our mark will do": 506,
    "the mark is the identity": 48,
    "cursor first": 10996,
    "no overlap": 24,
    "a row is cleared without its stamp": 2377,
    "a confirmed write clears newer edits": 3,
    "a newer revision is written over": 907,
    "a stale token is read anew to overwrite": 37,
    "the doubt is not remembered": 801,
    "an update in doubt counts as done": 63,
    "one token step with our values was us": 2370,
    "a conflict tells nobody": 1,
    "no sweep": 1,
    "the agreement moves on past an edit": 370356,
    "a restored database is believed": 298,
    "the witness knows of runs only": 492,
    "looked up at once after a restore": 1123,
    "deletions of a lost time are forgotten": 487,
    "names changed in a lost time are forgotten": 1625,
    "documents that look alike are tied": 7552,
    "edits that waited in a backup are new": 37625,
    "the ledger of today is the past": 492,
}
"""The first seed, counted from 0, whose history breaks a promise once the rule is gone."""


def test_every_mutant_has_its_history() -> None:
    assert FIRST_HIT.keys() == MUTANTS.keys()
    assert len(MUTANTS) >= 25


@pytest.mark.parametrize(("name", "seed"), FIRST_HIT.items())
def test_a_rule_taken_away_is_noticed(name: str, seed: int) -> None:
    with small_mappings():
        assert run.outcome(MUTANTS[name], seed) != ""


@pytest.mark.parametrize("seed", sorted(set(FIRST_HIT.values())))
def test_the_same_history_is_clean_with_the_rule_in_place(seed: int) -> None:
    with small_mappings():
        assert play(seed).violations == []
