"""`manage.py sync_sweep`: bring every company up to date, with no broker and no beat."""

from __future__ import annotations

import json
import signal
import threading
from typing import Any

import structlog
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError, close_old_connections

from qbsync.engine.sweep import sweep
from qbsync.management.company_command import Exit

log = structlog.get_logger(__name__)

EXIT_CODES = (
    "Exit codes: 0 every company is up to date, or the loop was stopped by a signal; 1 a company was left behind, its "
    "line says why, and the next sweep tries again; 2 wrong usage."
)


class Command(BaseCommand):
    help = "Sync every connected company that has something due; with --loop again and again until it is stopped."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        return super().create_parser(prog_name, subcommand, epilog=EXIT_CODES, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--loop", action="store_true", help="Repeat every QBSYNC_SWEEP_SECONDS until SIGTERM.")
        parser.add_argument("--pull", action="store_true", help="Read changes even if the last reading is recent.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object a line, for scripts.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["loop"]:
            self._loop(options)
        elif any(self._once(options).values()):
            raise CommandError("Not every company is up to date; see above.", returncode=Exit.NEEDS_PERSON)

    def _once(self, options: dict[str, Any]) -> dict[str, str]:
        ended = sweep(force_pull=options["pull"])
        for realm, stopped in ended.items():
            text = f"company {realm}: {stopped or 'up to date'}"
            self.stdout.write(json.dumps({"company": realm, "stopped": stopped}) if options["json"] else text)
        return ended

    def _loop(self, options: dict[str, Any]) -> None:
        """Sweep until a signal comes; a sweep under way is finished first. A lost database is waited for."""
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        while not stop.is_set():
            try:
                self._once(options)
            except OperationalError as error:
                log.warning("database_not_reachable", error=type(error).__name__)
            close_old_connections()
            stop.wait(settings.QBSYNC_SWEEP_SECONDS)
