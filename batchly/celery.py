"""The Celery application: `celery -A batchly worker` and `celery -A batchly beat` start here."""

import os

from celery import Celery
from celery.signals import setup_logging
from django_structlog.celery.steps import DjangoStructLogInitStep

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "batchly.settings")

app = Celery("batchly")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.steps["worker"].add(DjangoStructLogInitStep)


@setup_logging.connect
def keep_our_logging(**_: object) -> None:
    """Django has configured logging already; a receiver here keeps Celery from adding its own."""
