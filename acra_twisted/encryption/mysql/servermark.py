"""The mark of a server's definitions: how often it has begun to change some.

Servers count their statements by kind, whoever sends them: clients, routines, and what a replica
repeats.  A statement is counted when it begins, so a mark that is another says that something has
changed or is about to.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

_UPTIME: Final = b"Uptime"
#: Kinds of statements that change tables, code or rights.
_KINDS: Final = ("create", "alter", "drop", "rename", "grant", "revoke", "flush")
#: Counts that every server has; all are told in the order of their names, and this last.
_NEEDED: Final = frozenset(
    (b"Com_create_view", b"Com_alter_table", b"Com_drop_view", b"Com_rename_table", _UPTIME)
)


class Mark(NamedTuple):
    """``counts`` are the names and numbers of all counts, ``uptime`` the server's age in
    seconds."""

    counts: frozenset[tuple[bytes, bytes]]
    uptime: int

    def is_same(self, other: Mark | None) -> bool:
        """Tell whether nothing was begun since another, of the same server, was read before."""
        return other is not None and other.counts == self.counts and other.uptime <= self.uptime


def mark_question() -> bytes:
    """Return the text that asks for the mark."""
    kinds = " OR ".join(f"Variable_name LIKE 'Com_{kind}%'" for kind in _KINDS)
    chosen = f"({kinds}) AND Variable_name NOT LIKE '%temporary%'"
    return f"SHOW GLOBAL STATUS WHERE {chosen} OR Variable_name = 'Uptime'".encode()


def read_mark(rows: Sequence[Sequence[bytes | None]]) -> Mark | None:
    """Read the answer; None for one that is not whole, as where the session limits the rows of
    answers or has them in another character set."""
    found: dict[bytes, bytes] = {}
    for row in rows:
        if len(row) != 2 or row[0] is None or row[1] is None:
            return None
        found[row[0]] = row[1]
    uptime = found.get(_UPTIME, b"")
    if not found.keys() >= _NEEDED or not uptime.isdigit() or len(uptime) > 20:
        return None
    del found[_UPTIME]
    return Mark(frozenset(found.items()), int(uptime))
