"""Keeps the books in one SQLite file, so that a restart, or a kill at any moment, loses no answered request.

Each request's touched records go into one transaction before the answer leaves. The write-ahead log survives the
death of the process; only a power cut may lose the last moments (synchronous=OFF), never tear a request.
"""

from __future__ import annotations

import sqlite3
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from .replays import Replay
from .store import Company, Record, Stub
from .webhooks import Subscription
from .wire import decode, encode

if TYPE_CHECKING:
    from .emulator import Emulator

SCHEMA = """
CREATE TABLE IF NOT EXISTS company (realm TEXT PRIMARY KEY, state BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS record (
    realm TEXT NOT NULL, entity TEXT NOT NULL, id TEXT NOT NULL, state BLOB NOT NULL, PRIMARY KEY (realm, entity, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS replay (
    realm TEXT NOT NULL, requestid TEXT NOT NULL, expires REAL NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (realm, requestid)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS kept (name TEXT PRIMARY KEY, state BLOB NOT NULL) WITHOUT ROWID;
"""


class Keeper:
    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=OFF")
        self._db.executescript(SCHEMA)

    def close(self) -> None:
        self._db.close()

    # -- writing ------------------------------------------------------------------------------------------------

    def save(self, emulator: Emulator) -> None:
        if not (
            emulator.replays.fresh or emulator.oauth.changed or any(c.touched for c in emulator.companies.values())
        ):
            return
        self._db.execute("BEGIN")
        try:
            for company in emulator.companies.values():
                if company.touched:
                    self._company(company)
                    self._db.executemany("REPLACE INTO record VALUES (?,?,?,?)", list(self._states(company)))
            self._new_replays(emulator)
            if emulator.oauth.changed:
                self._keep("oauth", emulator.oauth.dump())
                emulator.oauth.changed = False
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def keep_settings(self, emulator: Emulator) -> None:
        """Closed books, switches and a moved clock outlive a restart as well."""
        for company in emulator.companies.values():
            self._company(company)
        clock, target = {"offset": emulator.clock.offset}, emulator.webhooks.subscription
        webhooks = asdict(target) if target else None  # waiting deliveries are lost, as missed events are (F9.14)
        self._keep("settings", {"behaviour": emulator.behaviour.as_dict(), "clock": clock, "webhooks": webhooks})

    def forget_all(self) -> None:
        self._db.execute("BEGIN")
        for table in ("company", "record", "replay", "kept"):
            self._db.execute(f"DELETE FROM {table}")  # noqa: S608 - the names stand one line above
        self._db.execute("COMMIT")

    def _keep(self, name: str, value: Any) -> None:
        self._db.execute("REPLACE INTO kept VALUES (?,?)", (name, encode(value)))

    def _company(self, company: Company) -> None:
        state = {
            "name": company.name,
            "country": company.country,
            "counters": company.counters,
            "document_number": company.document_number,
            "books_closed_until": company.books_closed_until,
            "subscription_ended": company.subscription_ended,
            "warns_of_duplicate_numbers": company.warns_of_duplicate_numbers,
        }
        self._db.execute("REPLACE INTO company VALUES (?,?)", (company.realm, encode(state)))

    def _states(self, company: Company) -> Any:
        for entity, id in company.touched:
            table = company[entity]
            record, stub = table.rows.get(id), table.stubs.get(id)
            if record is not None:
                state: Any = [record.token, record.created, record.updated, record.sequence, record.author, record.body]
            elif stub is not None:
                state = [stub.updated, stub.sequence]
            else:
                state = []  # created and undone within one request
            yield company.realm, entity, id, encode(state)

    def _new_replays(self, emulator: Emulator) -> None:
        for key in emulator.replays.fresh:
            replay = emulator.replays.answers[key]
            self._db.execute("REPLACE INTO replay VALUES (?,?,?,?)", (*key, replay.expires, replay.body))

    # -- reading ------------------------------------------------------------------------------------------------

    def load(self, emulator: Emulator) -> None:
        for realm, state in self._db.execute("SELECT realm, state FROM company ORDER BY realm"):
            kept = decode(state)
            company = emulator.blank_company(realm, kept.pop("name"), kept.pop("country"))
            for name, value in kept.items():
                setattr(company, name, value)
        for realm, entity, id, state in self._db.execute("SELECT realm, entity, id, state FROM record"):
            _restore(emulator.companies[realm], entity, id, decode(state))
        for realm, requestid, expires, body in self._db.execute("SELECT realm, requestid, expires, body FROM replay"):
            emulator.replays.answers[realm, requestid] = Replay(expires, body)
        self._load_kept(emulator)

    def _load_kept(self, emulator: Emulator) -> None:
        kept = {name: msgspec.json.decode(state) for name, state in self._db.execute("SELECT name, state FROM kept")}
        if "oauth" in kept:
            emulator.oauth.load(kept["oauth"])
        if "settings" in kept:
            emulator.behaviour.change(kept["settings"]["behaviour"])
            emulator.clock.shift(float(kept["settings"]["clock"]["offset"]))
            if target := kept["settings"].get("webhooks"):
                emulator.webhooks.subscribe(Subscription(**target))


def _restore(company: Company, entity: str, id: str, state: list[Any]) -> None:
    table = company[entity]
    if len(state) == 2:
        table.stubs[id] = Stub(entity, id, *state)
    elif state:
        table.place(Record(entity, id, *state))
