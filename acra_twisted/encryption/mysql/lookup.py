"""The question what tables and routines of some names are, and the reading of its answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from acra_twisted.encryption.mysql.question import MOST, SchemaError, hexed, text_of
from acra_twisted.encryption.mysql.targets import Target


class Named(NamedTuple):
    """A table or a routine that a server has; ``is_code``: it is a view or a routine."""

    database: str
    name: str
    is_code: bool


def lookup_question(targets: Iterable[Target]) -> bytes:
    """Return the text that asks for tables and routines of some names, each with its database."""
    parts = []
    for one in targets:
        parts += [
            _part("TABLE", "TABLES", "COALESCE(TABLE_TYPE = 'VIEW', 1)", one),
            _part("ROUTINE", "ROUTINES", "1", one),
        ]
    return (" UNION ALL ".join(parts) + f" LIMIT {MOST}").encode()


def _part(word: str, table: str, is_code: str, target: Target) -> str:
    schema, name = f"{word}_SCHEMA", f"{word}_NAME"
    wanted = [f"_utf8 x'{one.encode().hex()}'" for one in target]
    where = (
        f" FROM information_schema.{table} WHERE {schema} = {wanted[0]} AND {name} = {wanted[1]}"
    )
    return f"SELECT {hexed(schema)}, {hexed(name)}, {hexed(is_code)}{where}"


def read_lookup(rows: Sequence[Sequence[bytes | None]]) -> list[Named]:
    """Read the answer.  Raises SchemaError."""
    found = []
    for row in rows:
        cells = [text_of(cell) for cell in row]
        if len(cells) != 3 or None in cells:
            raise SchemaError("the database's answer about names is not understood")
        database, name, is_code = cells
        found.append(Named(database or "", name or "", is_code != "0"))
    return found
