"""Django's registration of the sync: receivers that listen to the ledger, schedules that are made after migrating."""

from __future__ import annotations

import os

from django.apps import AppConfig
from django.conf import settings
from django.db.models.signals import post_migrate


class QbsyncConfig(AppConfig):
    name = "qbsync"
    verbose_name = "QuickBooks sync"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from qbsync import receivers, schedules  # noqa: F401 (connects the receivers)
        from qbsync.engine import failpoints

        failpoints.arm(os.environ, debug=settings.DEBUG)

        post_migrate.connect(schedules.ensure, sender=self, dispatch_uid="qbsync.schedules")
