"""Logging: structlog for our own lines and for those of libraries, one format for both. Called by the settings.

What always holds: a value whose name says it is a secret never reaches a log line, however deep it lies, and no address
is logged with its query.
"""

import re
from typing import Any

import structlog
from structlog.types import EventDict, Processor, WrappedLogger

STRUCK_OUT = "[secret]"
SECRET_NAME = re.compile(
    r"token(?!ize)|secret|password|passwd|authorization|cookie|api_?key|field_?key|^code$|verifier", re.IGNORECASE
)
HARMLESS_NAMES = frozenset({"sync_token", "synctoken", "SyncToken"})  # a version number of QuickBooks, no secret
QUERY = re.compile(r"((?:https?:/)?/[^\s?\"']*)\?[^\s\"']*")
"""An address with a query: that of an OAuth callback holds the code."""
DEEPEST = 6  # levels looked into; anything deeper is struck out whole


def strike_out_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The event with the values of secret-looking names replaced."""
    return {name: _clean(name, value, 0) for name, value in event.items()}


def _clean(name: str, value: Any, depth: int) -> Any:
    if name not in HARMLESS_NAMES and SECRET_NAME.search(name) and not isinstance(value, bool | int | None):
        return STRUCK_OUT
    if isinstance(value, str):
        return QUERY.sub(r"\1", value)
    if isinstance(value, dict):
        return STRUCK_OUT if depth >= DEEPEST else {k: _clean(str(k), v, depth + 1) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return STRUCK_OUT if depth >= DEEPEST else [_clean("", entry, depth + 1) for entry in value]
    return value


SHARED_PROCESSORS: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
    structlog.processors.UnicodeDecoder(),
]


def logging_configuration(*, readable: bool, level: str) -> dict[str, Any]:
    """Sets structlog up and returns Django's LOGGING."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED_PROCESSORS,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "lines": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": _rendering(readable=readable),
                "foreign_pre_chain": SHARED_PROCESSORS,
            }
        },
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "lines"}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            "django.server": {"handlers": ["console"], "level": "WARNING", "propagate": False},
            "urllib3": {"level": "WARNING"},  # its debug lines show addresses with their queries
            "celery.redirected": {"level": "WARNING"},
        },
    }


def _rendering(*, readable: bool) -> list[Processor]:
    first: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, strike_out_secrets]
    if readable:
        plain = structlog.dev.plain_traceback  # the default shows every local variable, tokens among them
        return [*first, structlog.dev.ConsoleRenderer(colors=False, exception_formatter=plain)]
    return [*first, structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
