"""System checks of settings that are right for one machine and wrong for another. Run by `manage.py check --deploy`."""

from typing import Any

from django.conf import settings
from django.core import checks


@checks.register(checks.Tags.security, deploy=True)
def one_machine_settings(**_: Any) -> list[checks.CheckMessage]:
    """Warns about what suits a demo only."""
    found: list[checks.CheckMessage] = []
    if settings.CELERY_BROKER_URL.startswith("filesystem:"):
        found.append(
            checks.Warning(
                "Celery sends its messages through a folder.",
                hint="That serves one machine. Set CELERY_BROKER_URL to a Redis (maxmemory-policy noeviction) or RabbitMQ.",
                id="batchly.W001",
            )
        )
    if settings.QBO_IS_EMULATED:
        found.append(
            checks.Warning(
                "Batchly talks to the emulator, not to QuickBooks Online.",
                hint="Set QBO_ENVIRONMENT to sandbox or production.",
                id="batchly.W002",
            )
        )
    if not settings.QBO_WEBHOOK_VERIFIER_TOKEN:
        found.append(
            checks.Warning(
                "Webhooks are refused: there is no token to verify them with.",
                hint="Set QBO_WEBHOOK_VERIFIER_TOKEN; without webhooks changes arrive at the next pull.",
                id="batchly.W003",
            )
        )
    return found
