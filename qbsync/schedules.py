"""The periodic tasks, created in django-celery-beat where they are missing and never overwritten.

Called after every migration; an administrator's changes to a schedule stay.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings


def ensure(**kwargs: Any) -> None:
    """Create missing schedules. Safe to repeat; an existing one is left exactly as it is."""
    from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

    every = {
        "Read changes from QuickBooks": ("qbsync.pull", settings.QBSYNC_PULL_SECONDS),
        "Sweep for lost wake-ups": ("qbsync.sweep", settings.QBSYNC_SWEEP_SECONDS),
        "Refresh QuickBooks tokens": ("qbsync.refresh_tokens", 3600),
    }
    for name, (task, seconds) in every.items():
        if not PeriodicTask.objects.filter(name=name).exists():
            interval, _ = IntervalSchedule.objects.get_or_create(every=seconds, period=IntervalSchedule.SECONDS)
            PeriodicTask.objects.create(name=name, task=task, interval=interval)
    at = {
        "Full pull from QuickBooks": ("qbsync.full_pull", {"minute": "17", "hour": "3", "day_of_week": "0"}),
        "Tie-out with QuickBooks": ("qbsync.tie_out", {"minute": "41", "hour": "4", "day_of_week": "*"}),
    }
    for name, (task, moment) in at.items():
        if not PeriodicTask.objects.filter(name=name).exists():
            crontab, _ = CrontabSchedule.objects.get_or_create(
                **moment, day_of_month="*", month_of_year="*", timezone="UTC"
            )
            PeriodicTask.objects.create(name=name, task=task, crontab=crontab)
