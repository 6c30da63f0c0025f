"""Prepared statements and portals of one session.

An entry is provisional from Parse on and holds once ParseComplete has come, so that a pipelined
Bind finds it and an error leaves nothing behind.
"""

from __future__ import annotations

import re
from typing import Final

from acra_twisted.model import Statement

_DEALLOCATE: Final = re.compile(
    rb'\s*deallocate\s+(?:prepare\s+)?("(?:[^"]|"")+"|[a-z_][\w$]*)\s*;?\s*', re.I
)


class Portal:
    """A bound statement; ``results`` are the result formats of its Bind, as on the wire."""

    __slots__ = ("name", "statement", "results")

    def __init__(
        self, name: bytes = b"", statement: Statement | None = None, results: bytes = b"\0\0"
    ) -> None:
        self.name = name
        self.statement = statement
        self.results = results


_UNKNOWN: Final = Portal()


class Prepared:
    """``limit`` bounds statements and portals together; see `full`."""

    __slots__ = ("limit", "_confirmed", "_pending", "_portals")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._confirmed: dict[bytes, Statement] = {}
        self._pending: dict[bytes, Statement] = {}
        self._portals: dict[bytes, Portal] = {}

    @property
    def full(self) -> bool:
        """True if no further name may be taken."""
        return len(self._confirmed) + len(self._pending) + len(self._portals) >= self.limit

    def names(self) -> set[bytes]:
        """Of confirmed named statements: what pg_prepared_statements lists."""
        return {name for name in self._confirmed if name}

    def parse_sent(self, statement: Statement) -> None:
        """A Parse goes to the database."""
        self._pending[statement.prepared_name or b""] = statement

    def parse_complete(self, statement: Statement) -> None:
        """The database has prepared it."""
        self._confirmed[statement.prepared_name or b""] = statement
        self.forget_pending(statement)

    def forget_pending(self, statement: Statement) -> None:
        """It was never prepared, or no longer is pending."""
        name = statement.prepared_name or b""
        if self._pending.get(name) is statement:
            del self._pending[name]

    def statement(self, name: bytes) -> Statement | None:
        """What a Bind or Describe that is sent now will mean by ``name``."""
        return self._pending.get(name) or self._confirmed.get(name)

    def bind_sent(self, portal: Portal) -> None:
        """A Bind goes to the database."""
        self._portals[portal.name] = portal

    def portal(self, name: bytes) -> Portal:
        """What is bound to a name; a portal without statement if nothing is known to be."""
        return self._portals.get(name, _UNKNOWN)

    def close_complete(self, kind: bytes, name: bytes) -> None:
        """CloseComplete for a statement (``S``) or portal (``P``)."""
        (self._confirmed if kind == b"S" else self._portals).pop(name, None)

    def transaction_ended(self) -> None:
        """Portals live no longer than their transaction."""
        if self._portals:
            self._portals.clear()

    def command_complete(self, tag: bytes, statement: Statement | None) -> None:
        """SQL commands that drop prepared statements, by their command tag."""
        if tag in (b"DEALLOCATE ALL", b"DISCARD ALL"):
            self._confirmed.clear()
        elif tag == b"DEALLOCATE" and statement is not None:
            match = _DEALLOCATE.fullmatch(statement.text)
            if match:
                self._confirmed.pop(_identifier(match[1]), None)


def _identifier(text: bytes) -> bytes:
    if text.startswith(b'"'):
        return text[1:-1].replace(b'""', b'"')
    return text.lower()
