"""A question of ours to the database of a session, on the connection that the client has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

#: Values of a row; None is NULL.
Row = Sequence[bytes | None]
#: Bytes of an answer's rows at most.
ANSWER_MAX: Final = 64 << 20
#: Bytes that rows and their values take in memory beside what is in them, and as many at most.
_ROW: Final = 64
_VALUE: Final = 48
_BESIDE_MAX: Final = 256 << 20


class Question:
    """One statement without parameters, whose rows come as text, and what has come of it.

    ``failure`` says why there is no answer, "" if there is one; ``sqlstate`` is the database's,
    empty if it has said none, and ``number`` that of MySQL's error, 0 for none.  Of a failure
    none has a value.  ``is_over``: nothing more comes.
    """

    __slots__ = ("text", "rows", "failure", "sqlstate", "number", "is_over", "_size", "_beside")

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.rows: list[Row] = []
        self.failure = ""
        self.sqlstate = b""
        self.number = 0
        self.is_over = False
        self._size = 0
        self._beside = 0

    def add(self, row: Row, size: int) -> None:
        """A row of so many bytes has come."""
        self._size += size
        self._beside += _ROW + _VALUE * len(row)
        if self._size > ANSWER_MAX:
            self.fail(f"an answer of more than {ANSWER_MAX} bytes")
        elif self._beside > _BESIDE_MAX:
            self.fail("an answer of too many values")
        elif not self.failure:
            self.rows.append(row)

    def fail(self, failure: str, sqlstate: bytes = b"", number: int = 0) -> None:
        """There will be no answer; the first reason holds."""
        if not self.failure:
            self.failure, self.sqlstate, self.number = failure, sqlstate, number
            self.rows = []
