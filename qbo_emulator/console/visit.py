"""One request to the console: who asks for what, and the answers a page can give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlencode

from ..entities import BY_PATH, Rules
from ..store import Company
from ..wire import Request, Response
from . import plane

if TYPE_CHECKING:
    from ..emulator import Emulator

ROOT = "/_emulator/console"
MAX_FIELDS = 2_000  # of one form; an invoice of 300 lines has 1,500


class Missing(Exception):
    """There is no such page."""


@dataclass(frozen=True)
class Visit:
    emulator: Emulator
    request: Request
    parts: tuple[str, ...]  # of the path, below ROOT

    @property
    def posted(self) -> bool:
        return self.request.method == "POST"

    @property
    def query(self) -> Mapping[str, str]:
        return self.request.query

    @cached_property
    def form(self) -> dict[str, str]:
        text = self.request.body.decode("utf-8", "replace")
        return {
            name: value.replace("\r\n", "\n").strip()
            for name, value in parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS)
        }

    @property
    def company(self) -> Company:
        """The company the path names, else the first one."""
        companies = self.emulator.companies
        if self.parts[:1] == ("companies",) and len(self.parts) > 1:
            if self.parts[1] not in companies:
                raise Missing(f"There is no company {self.parts[1]}.")
            return companies[self.parts[1]]
        if not companies:
            raise Missing("There is no company yet.")
        return next(iter(companies.values()))

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        return plane.ask(self.emulator, method, path, body)


def rules_of(path: str) -> Rules:
    if path.lower() not in BY_PATH:
        raise Missing(f"The entity {path} is not emulated.")
    return BY_PATH[path.lower()]


def address(*parts: str, **query: str) -> str:
    path = "/".join([ROOT, *(quote(part, safe="") for part in parts)])
    return f"{path}?{urlencode(query)}" if query else path


def books_address(company: Company, *parts: str, **query: str) -> str:
    return address("companies", company.realm, *parts, **query)


def go_to(target: str) -> Response:
    """After a POST: the browser fetches the page anew, so reloading it repeats nothing."""
    return Response(303, headers={"location": target})
