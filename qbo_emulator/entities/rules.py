"""What every kind of record has in common, and what each kind fills in.

``writes`` drives these methods in a fixed order: ``accept`` the body, merge it with what is stored, ``prepare`` the
new body (all checks and computed fields), store it, ``settle`` the side effects on other records.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from .. import errors, schema
from ..clock import stamp
from ..store import Body, Company, Record

DELETED_SUFFIX = " (deleted)"
API_AUTHOR = "API API"  # F3.2.2: how an API edit names itself in a 5010


@dataclass
class Draft:
    """One write on its way: what was sent, what the record would become, what it was."""

    books: Company
    sent: Body
    body: Body
    old: Record | None
    full: bool
    author: str
    include: frozenset[str] = field(default_factory=frozenset)

    @property
    def creating(self) -> bool:
        return self.old is None

    def before(self, name: str, default: Any = None) -> Any:
        return self.old.body.get(name, default) if self.old else default


class Rules:
    """One kind of record. Subclasses are stateless; there is one instance of each (see ``entities.RULES``)."""

    name: ClassVar[str]
    properties: ClassVar[Mapping[str, schema.Property]]
    filters: ClassVar[Mapping[str, str]]  # queryable property -> id text number flag date time ref
    sorts: ClassVar[tuple[str, ...]] = ()  # sortable but not filterable
    indexed: ClassVar[tuple[str, ...]] = ()
    kept_on_full_update: ClassVar[tuple[str, ...]] = ()  # F3.1.2
    named_refs: ClassVar[Mapping[str, str]] = {}  # top-level reference -> entity whose name is shown
    counter: ClassVar[str]  # which id sequence it draws from
    is_list: ClassVar[bool] = True  # names: deactivated; transactions: deleted
    name_field: ClassVar[str] = "Name"
    counted_in_lists: ClassVar[bool] = False  # totalCount on row queries (F1.11)
    operations: ClassVar[frozenset[str]] = frozenset({"create", "update"})

    @property
    def path(self) -> str:
        return self.name.lower()

    # -- the way in ---------------------------------------------------------------------------------------------

    def accept(self, body: Body) -> Body:
        return schema.accept(body, self.properties, self.name)

    def merge(self, sent: Body, old: Record | None, *, full: bool) -> Body:
        base = self._base(old, full=full)
        base.update(sent)
        return {name: value for name, value in base.items() if value is not schema.CLEAR}

    def _base(self, old: Record | None, *, full: bool) -> Body:
        if old is None:
            return {}
        if not full:
            return dict(old.body)
        return {
            name: value
            for name, value in old.body.items()
            if name in self.kept_on_full_update or name not in self.properties or self._computed(name)
        }

    def _computed(self, name: str) -> bool:
        known = self.properties.get(name)
        return known is not None and known.kind == "ignored"

    def prepare(self, draft: Draft) -> Body:
        return draft.body

    def before_change(self, draft: Draft) -> None:
        """Checks on the stored record before any update, void or delete."""

    def settle(self, books: Company, old: Record | None, new: Record | None) -> None:
        """Side effects on other records. ``new`` is None after a delete."""

    def void(self, books: Company, record: Record) -> Body:
        raise errors.unsupported_operation("void")

    def check_delete(self, books: Company, record: Record) -> None:
        """Refuse a delete that the books cannot bear."""

    # -- the way out --------------------------------------------------------------------------------------------

    def render(self, books: Company, record: Record, *, row: bool) -> Body:
        """The record as the wire shows it; ``row`` = inside a query answer, which differs a little (F1.18)."""
        shown = {name: value for name, value in record.body.items() if not name.startswith("_")}
        for name, entity in self.named_refs.items():
            if name in shown:
                shown[name] = named(books, shown[name], entity)
        if "CurrencyRef" in shown:
            shown["CurrencyRef"] = currency(shown["CurrencyRef"]["value"])
        shown.update(
            domain="QBO", sparse=False, Id=record.id, SyncToken=str(record.token), MetaData=self.metadata(record)
        )
        return shown

    def metadata(self, record: Record) -> Body:
        return {"CreateTime": stamp(record.created), "LastUpdatedTime": stamp(record.updated)}

    def default_order(self, record: Record) -> Any:
        return str(record.body.get(self.name_field, ""))


CURRENCIES = {
    "USD": "United States Dollar",
    "CAD": "Canadian Dollar",
    "EUR": "Euro",
    "GBP": "British Pound Sterling",
    "AUD": "Australian Dollar",
    "MXN": "Mexican Peso",
    "JPY": "Japanese Yen",
    "CHF": "Swiss Franc",
}


def currency(code: str) -> Body:
    return {"value": code, "name": CURRENCIES.get(code, code)}


NAME_OF = {"Customer": "DisplayName", "Vendor": "DisplayName"}


def named(books: Company, ref: Body, entity: str) -> Body:
    """A reference with the name its target has now: a rename never touches the transaction (F1.25)."""
    target = books.get(entity, ref["value"])
    if target is None:
        return ref
    return {"value": ref["value"], "name": target.body[NAME_OF.get(entity, "Name")]}


LISTS = {"Customer": "Names", "Vendor": "Names", "Item": "Items", "Account": "Accounts", "Term": "Terms"}


def resolve(books: Company, ref: Body, entity: str, *, already: frozenset[str] = frozenset()) -> Record:
    """The record a reference points to; unknown is 2500, inactive is 610 unless it was there ``already`` (F3.5.10)."""
    target = books.visible(entity, ref["value"])
    if target is None:
        raise errors.invalid_reference(LISTS.get(entity, entity), ref["value"])
    if target.body.get("Active") is False and target.id not in already:
        raise errors.not_found()
    return target


def deactivated_name(name: str, *, taken: Any) -> str:
    """The suffix frees the old name (F3.1.6); a counter keeps two of the same apart."""
    candidate, number = name + DELETED_SUFFIX, 0
    while taken(candidate):
        number += 1
        candidate = f"{name}{DELETED_SUFFIX}({number})"
    return candidate


def preference(books: Company, group: str, name: str) -> Any:
    record = books.get("Preferences", "1")
    return record.body.get(group, {}).get(name) if record else None


def home_currency(books: Company) -> str:
    return str(preference(books, "CurrencyPrefs", "HomeCurrency")["value"])


def masked(number: str) -> str:
    """A tax number shows its end only (F1.27, recorded on vendors)."""
    return "XXXXXX" + number[-4:]


def with_address_id(books: Company, address: Body | None, old: Body | None) -> Body | None:
    """An address keeps its Id while its content stays, and gets a new one when it changes."""
    if not address:
        return None
    content = {name: value for name, value in address.items() if name != "Id"}
    if old and content == {name: value for name, value in old.items() if name != "Id"}:
        return old
    return {"Id": old["Id"] if old else str(books.next("address")), **content}
