#!/usr/bin/env python3
"""Django's command line. With DEBUG=on and no DATABASE_URL it brings a PostgreSQL of its own (.local/postgres)."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "batchly.settings")
    from django.core.management import execute_from_command_line

    with own_database_in_development():
        refuse_wrong_settings()
        execute_from_command_line(sys.argv)


@contextlib.contextmanager
def own_database_in_development() -> Iterator[None]:
    from batchly.environment import load_file

    load_file(REPOSITORY)
    if os.environ.get("DATABASE_URL") or os.environ.get("DEBUG", "").lower() not in {"1", "on", "true", "yes"}:
        yield
        return
    from standalone import postgres

    with postgres.joined(REPOSITORY / ".local" / "postgres") as url:
        os.environ["DATABASE_URL"] = url
        yield


def refuse_wrong_settings() -> None:
    """A wrong setting is an answer to the person at the keyboard, not a traceback."""
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured

    try:
        settings.SECRET_KEY  # noqa: B018  loads them
    except ImproperlyConfigured as refusal:
        raise SystemExit(f"Batchly does not start: {refusal}") from None


if __name__ == "__main__":
    main()
