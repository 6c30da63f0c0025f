"""Names of tables as MariaDB and MySQL compare them.

By ``lower_case_table_names`` a server tells names apart by case, or folds them by a table of its
own, which is not Python's.  Which of the two is not known: a denial takes names for one wherever
they may be one, a permission goes by ASCII letters alone.  A name that is too long is refused by
the server, never cut.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from acra_twisted.sql.tree import Parsed


@cache
def _lower() -> dict[int, int]:
    found: dict[int, int] = {}
    for line in (files(__package__ or "") / "mysql_lower.txt").read_text().splitlines():
        if line and line[0] != "#":
            span, _, difference = line.partition(" ")
            edges, _, step = span.partition("/")
            first, _, last = edges.partition("-")
            for code in range(int(first, 16), int(last, 16) + 1, int(step)):
                found[code] = code + int(difference)
    return found


def fold(name: str) -> str:
    """The same for all names that may be one to a server."""
    return name.lower() if name.isascii() else name.translate(_lower())


def compare(parsed: Parsed) -> None:
    """Have the names of a statement compared by `fold`, where that is not the comparison of
    ASCII letters."""
    written = {name for table in parsed.tables for name in table}
    parsed.loose = not all(map(str.isascii, written | parsed.names))
