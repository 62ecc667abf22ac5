"""Wiring of Batchly: settings, addresses, logging, Celery. Holds no business rule."""

from batchly.celery import app as celery_app

__all__ = ["celery_app"]
