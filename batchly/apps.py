"""The wiring's own app: registers the system checks."""

from django.apps import AppConfig


class BatchlyConfig(AppConfig):
    name = "batchly"

    def ready(self) -> None:
        from batchly import checks  # noqa: F401  importing registers them
