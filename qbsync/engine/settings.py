"""The engine's numbers and addresses, taken from Django's settings in one place."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings

from qbsync.quickbooks import Endpoints, Limiter
from qbsync.transitions import Timing


def timing() -> Timing:
    return Timing(
        request_limit=settings.QBSYNC_REQUEST_LIMIT_SECONDS,
        send_guard=settings.QBSYNC_SEND_GUARD_SECONDS,
        query_lag=settings.QBSYNC_QUERY_LAG_SECONDS,
        feed_lag=settings.QBSYNC_FEED_LAG_SECONDS,
        slack=min(5, settings.QBSYNC_QUERY_LAG_SECONDS),
    )


def endpoints(environment: str) -> Endpoints:
    """Where a connection's company lives. The three differ by address alone."""
    if environment == "emulator":
        return Endpoints.emulator(settings.QBO_EMULATOR_URL)
    if environment == "sandbox" and settings.QBO_SANDBOX_URL:
        return Endpoints.emulator(settings.QBO_SANDBOX_URL)
    return Endpoints.production() if environment == "production" else Endpoints.sandbox()


def lease_time() -> timedelta:
    return timedelta(seconds=settings.QBSYNC_LEASE_SECONDS)


def overlap() -> timedelta:
    """How far each reading of the change feed reaches back before the last one (F6.12)."""
    return timedelta(seconds=settings.QBSYNC_OVERLAP_SECONDS)


def pull_interval() -> timedelta:
    return timedelta(seconds=settings.QBSYNC_PULL_SECONDS)


def limiter() -> Limiter:
    """What one company may be asked; the margin under QuickBooks' own limits is part of the settings."""
    return Limiter(per_second=settings.QBSYNC_REQUESTS_PER_SECOND, per_minute=settings.QBSYNC_REQUESTS_PER_MINUTE)
