"""The schema of a server of MySQL or MariaDB as a text, which others can work with who cannot reach
the server.

It is JSON: each table, column, key and piece of code has the fields of its type in `schema`.  Code
and expressions have names and words, and no value: each literal is another one, and comments are
left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from acra_twisted.encryption import schemarecords
from acra_twisted.encryption.mysql import checks, roles
from acra_twisted.encryption.mysql.question import SchemaError
from acra_twisted.encryption.mysql.schema import Code, Column, ForeignKey, Schema, Table
from acra_twisted.encryption.schemarecords import OddRecords
from acra_twisted.errors import LexError
from acra_twisted.sql import lexer, mysqllexer

_FORMAT: Final = "acra schema of mysql 1"
_KINDS: Final = {
    "tables": Sequence[Table],
    "folds": bool,
    "code": Sequence[Code],
    "strict": bool,
    "foreign_keys": Sequence[ForeignKey],
    "checked": bool,
}
#: Literals and comments in place of others, by their kinds.  A number may end where a word begins;
#: and two minus signs before a comment would begin one before a blank.
_OTHERS: Final = {
    lexer.STRING: b"'' ",
    lexer.NUMBER: b"1 ",
    lexer.HEX: b"x'' ",
    lexer.BIT: b"b'' ",
    lexer.COMMENT: b"/**/",
    lexer.HINT: b"/**/",
}
#: Asks code, by its strings and comments too, for what has it refused; and code that has it.
_TELLING: Final = (
    (checks.is_named, f"; SELECT @@{checks.NAME}"),
    (roles.may_be_set, "; SET ROLE NONE"),
)
#: Stands for an expression that cannot be read.
_UNREAD: Final = "?"


def dump(schema: Schema) -> str:
    """The text of a schema."""
    fields = schema._asdict()
    del fields["number"]
    fields["tables"] = [
        table._replace(columns=[_without_values(one) for one in table.columns])
        for table in schema.tables
    ]
    fields["code"] = [one._replace(text=bare(one.text)) for one in schema.code]
    return schemarecords.text_of(_FORMAT, fields)


def load(text: str) -> Schema:
    """The schema of a text.  Raises SchemaError."""
    try:
        return Schema(1, **schemarecords.fields_of(text, _FORMAT, _KINDS))
    except OddRecords as error:
        raise SchemaError(str(error)) from None


def _without_values(column: Column) -> Column:
    if not column.expression:
        return column
    return column._replace(expression=bare(column.expression) or _UNREAD)


def bare(text: str | None) -> str | None:
    """Return code without its values and comments; None if it cannot be read, or not for sure."""
    if text is None:
        return None
    data = text.encode()
    try:
        tokens = mysqllexer.tokens(data, limit=len(data) + 1)
        found = _without_literals(data, tokens)
        again = mysqllexer.tokens(found, limit=len(found) + 1)
    except LexError:
        return None
    if _kept(data, tokens) != _kept(found, again):
        return None
    more = [words for asks, words in _TELLING if asks(data) and not asks(found)]
    return found.decode("utf-8", "replace") + "".join(more)


def _without_literals(data: bytes, tokens: Sequence[lexer.Token]) -> bytes:
    parts = []
    before, last = 0, ""
    for kind, start, end in tokens:
        # What is between two tokens is white space.
        parts.append(data[before:start])
        if kind == lexer.STRING and before == start and last == lexer.WORD:
            # Together they might be digits or bits.
            parts.append(b" ")
        parts.append(_OTHERS.get(kind, data[start:end]))
        before, last = end, kind
    return b"".join(parts).strip()


def _kept(data: bytes, tokens: Sequence[lexer.Token]) -> Sequence[bytes]:
    """The tokens that are no literals and no comments."""
    return [data[start:end] for kind, start, end in tokens if kind not in _OTHERS]
