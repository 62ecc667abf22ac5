"""How many examples the property tests of this folder draw: a few seconds' worth, or as many as the environment says."""

import os

from hypothesis import HealthCheck, settings

THOROUGH = int(os.environ.get("SYNC_EXAMPLES", "0"))
"""For example SYNC_EXAMPLES=20000 for a run of some minutes; 0 = the quick, repeatable one."""

quick = settings(
    max_examples=THOROUGH or 150,
    derandomize=not THOROUGH,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


def seeds(quick_count: int) -> range:
    """The seeds of a run that is driven by seeded randomness instead of Hypothesis."""
    return range(THOROUGH or quick_count)
