"""Cuts a query into tokens. Columns are kept because QuickBooks names them in its faults (4000, recorded)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .. import errors

KEYWORDS = frozenset(
    [
        "select",
        "from",
        "where",
        "and",
        "or",
        "not",
        "in",
        "like",
        "between",
        "contains",
        "order",
        "orderby",
        "by",
        "asc",
        "desc",
        "startposition",
        "maxresults",
        "count",
        "true",
        "false",
        "null",
        "iterator",
        "as",
    ]
)
REGEX_KEYWORDS = frozenset({"select", "from", "and", "or", "not", "true", "false"})  # shown as <AND>, not "and"
_PATTERN = re.compile(
    r"\s*(?:(?P<string>'(?:\\.|[^'\\])*')|(?P<number>-?\d+(?:\.\d+)?)|(?P<word>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<symbol><=|>=|!=|[=<>(),.*]))"
)


@dataclass(frozen=True, slots=True)
class Token:
    kind: str  # keyword identifier string integer number symbol end
    text: str  # keywords in lower case, strings unescaped
    image: str
    column: int

    @property
    def seen(self) -> str:
        """How the parser of QuickBooks names it in "Encountered ..."."""
        if self.kind == "end":
            return '"<EOF>"'
        label = {"identifier": "<IDENTIFIER>", "string": "<STRING>", "integer": "<INTEGER>", "number": "<DECIMAL>"}
        shown = label.get(self.kind, f'"{self.text}"')
        if self.kind == "keyword" and self.text in REGEX_KEYWORDS:
            shown = f"<{self.text.upper()}>"
        return f'" {shown} "{self.image} ""'


def cut(statement: str) -> list[Token]:
    tokens, position, end = [], 0, len(statement.rstrip())
    while position < end:
        match = _PATTERN.match(statement, position)
        if match is None:
            raise _lexical(statement, position)
        tokens.append(_token(match))
        position = match.end()
    tokens.append(Token("end", "", "<EOF>", end + 1 if tokens else 0))
    return tokens


def _token(match: re.Match[str]) -> Token:
    group = match.lastgroup or ""
    image = match.group(group)
    column = match.start(group) + 1
    if group == "string":
        return Token("string", re.sub(r"\\(.)", r"\1", image[1:-1]), image, column)
    if group == "number":
        return Token("number" if "." in image else "integer", image, image, column)
    if group == "word" and image.lower() in KEYWORDS:
        return Token("keyword", image.lower(), image, column)
    return Token("identifier" if group == "word" else "symbol", image, image, column)


def _lexical(statement: str, position: int) -> errors.QuickBooksFault:
    while position < len(statement) and statement[position].isspace():
        position += 1
    character = statement[position]
    shown = {'"': '\\"', "\\": "\\\\"}.get(character, character)
    detail = (
        f"Invalid content. Lexical error at line 1, column {position + 1}.  "
        f'Encountered: "{shown}" ({ord(character)}), after : ""'
    )
    return errors.query_syntax(detail)
