"""Understands one SELECT (F2.2). Syntax errors are 4000 with the token met and those expected."""

from __future__ import annotations

from dataclasses import dataclass, field

from .. import errors
from .tokens import Token, cut

AFTER_CONDITION = ("<EOF>", "<AND>", '"iterator"', '"maxresults"', "<OR>", '"order"', '"orderby"', '"startposition"')
AFTER_ENTITY = (
    "<EOF>", '","', '"as"', '"iterator"', '"maxresults"', '"order"', '"orderby"', '"startposition"', '"where"',
    "<IDENTIFIER>",
)  # fmt: skip
OPERATORS = ("=", "!=", "<", ">", "<=", ">=")


@dataclass(frozen=True, slots=True)
class Condition:
    property: str
    operator: str  # = != < > <= >= in like
    values: tuple[str | bool, ...]


@dataclass(frozen=True, slots=True)
class Query:
    entity: str
    count: bool = False
    columns: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = ()
    order: tuple[tuple[str, bool], ...] = ()  # (property, descending)
    start: int = 1
    limit: int | None = None


@dataclass
class _Reader:
    tokens: list[Token]
    position: int = 0
    limits: dict[str, int] = field(default_factory=dict)

    @property
    def next(self) -> Token:
        return self.tokens[self.position]

    def take(self) -> Token:
        token = self.next
        self.position += 1
        return token

    def meets(self, *texts: str) -> bool:
        return self.next.kind in ("keyword", "symbol") and self.next.text in texts

    def skip(self, *texts: str) -> bool:
        met = self.meets(*texts)
        self.position += met
        return met

    def expect(self, text: str, *expected: str) -> Token:
        if not self.meets(text):
            raise self.unexpected(*(expected or (f'"{text}"',)))
        return self.take()

    def expect_kind(self, kind: str, label: str) -> Token:
        if self.next.kind != kind:
            raise self.unexpected(label)
        return self.take()

    def name_follows(self) -> bool:
        """Recorded: an order comparison with a name is refused at the operator; with a number, at the number."""
        following = self.tokens[self.position + 1]
        return following.kind == "identifier" and following.text.upper() != "CURRENT_DATE"

    def unexpected(self, *expected: str) -> errors.QuickBooksFault:
        token = self.next
        line = 0 if token.column == 0 else 1
        heading = "Was expecting one of:" if len(expected) > 1 else "Was expecting:"
        listed = "".join(f"    {each}{' ' if each == '<EOF>' else ' ...'}\n" for each in expected)
        detail = f"Encountered {token.seen} at line {line}, column {token.column}.\n{heading}\n{listed}    "
        return errors.query_syntax(detail)


def parse(statement: str) -> Query:
    reader = _Reader(cut(statement))
    reader.expect("select", "<SELECT>")
    count, columns = _selection(reader)
    reader.expect("from", "<FROM>")
    entity = reader.expect_kind("identifier", "<IDENTIFIER>").text
    conditions = _conditions(reader)
    order = _order(reader)
    _paging(reader)
    if reader.next.kind != "end":
        raise reader.unexpected(*(AFTER_CONDITION if conditions else AFTER_ENTITY))
    start, limit = reader.limits.get("startposition", 1), reader.limits.get("maxresults")
    return Query(entity, count, columns, conditions, order, start, limit)


def _selection(reader: _Reader) -> tuple[bool, tuple[str, ...]]:
    if reader.skip("*"):
        while reader.skip(","):  # "*, Sku", as python-quickbooks asks: the star has it all
            _property(reader)
        return False, ()
    if reader.skip("count"):
        for symbol in ("(", "*", ")"):
            reader.expect(symbol)
        return True, ()
    columns = []
    while not reader.meets("from"):
        columns.append(_property(reader))
        if reader.skip("."):
            reader.expect("*")  # Line.* style columns
        reader.skip(",")
    return False, tuple(columns)


def _property(reader: _Reader) -> str:
    parts = [reader.expect_kind("identifier", "<IDENTIFIER>").text]
    while reader.meets(".") and reader.tokens[reader.position + 1].kind == "identifier":
        reader.take()
        parts.append(reader.take().text)
    return ".".join(parts)


def _conditions(reader: _Reader) -> tuple[Condition, ...]:
    if not reader.skip("where"):
        return ()
    found = [_condition(reader)]
    while reader.skip("and"):
        found.append(_condition(reader))
    return tuple(found)


def _condition(reader: _Reader) -> Condition:
    property = _property(reader)
    if reader.skip("in"):
        reader.expect("(")
        values = [_value(reader)]
        while reader.skip(","):
            values.append(_value(reader))
        reader.expect(")")
        return Condition(property, "in", tuple(values))
    if reader.skip("like"):
        return Condition(property, "like", (reader.expect_kind("string", "<STRING>").text,))
    if not reader.meets(*OPERATORS) or (reader.meets("<", ">", "<=", ">=") and reader.name_follows()):
        raise reader.unexpected('"."', "<AND>", '"between"', '"contains"', '"="', '"in"', '"like"', '"!="')
    operator = reader.take().text
    return Condition(property, operator, (_value(reader),))


def _value(reader: _Reader) -> str | bool:
    if reader.meets("true", "false"):
        return reader.take().text == "true"
    if reader.next.kind == "identifier" and reader.next.text.upper() == "CURRENT_DATE":
        return reader.take().text.upper()
    return reader.expect_kind("string", "<STRING>").text  # unquoted numbers are refused (F2.7)


def _order(reader: _Reader) -> tuple[tuple[str, bool], ...]:
    if reader.skip("order"):
        reader.expect("by")
    elif not reader.skip("orderby"):
        return ()
    found = []
    while True:
        property = _property(reader)
        found.append((property, not reader.skip("asc") and reader.skip("desc")))
        if not reader.skip(","):
            return tuple(found)


def _paging(reader: _Reader) -> None:
    """Either order (F2.3)."""
    while reader.meets("startposition", "maxresults"):
        name = reader.take().text
        reader.limits[name] = int(reader.expect_kind("integer", "<INTEGER>").text)
