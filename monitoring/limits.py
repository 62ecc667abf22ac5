"""The limits of `health` for this installation, from Django's settings."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings

from monitoring.health import Limits

USUAL_GAPS = 10
"""So many times the usual gap between two readings is silence."""
SHORTEST_SILENCE = timedelta(minutes=5)
"""A restart or a long full pull is no alarm."""


def limits() -> Limits:
    usual = timedelta(seconds=settings.QBSYNC_PULL_SECONDS)
    return Limits(silence=max(USUAL_GAPS * usual, SHORTEST_SILENCE))
