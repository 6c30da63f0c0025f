"""MySQL's types, as far as it matters where in a value something may stand.

A value is the bytes that were stored, in text form as in binary form: nothing is written in digits.
"""

from __future__ import annotations

from typing import Final

from acra_twisted.crypto import cells
from acra_twisted.crypto.cells import Sighting
from acra_twisted.results import STREAM, Columns
from acra_twisted.wire.mysql.types import PLAIN


class MysqlValues:
    """The `results.Values` of MySQL's columns."""

    __slots__ = ()

    def can_hold(self, columns: Columns) -> bool:
        """See Values: a container may stand in a column of text, too."""
        return any(kind not in PLAIN for kind in columns.types)

    def is_laborious(self, columns: Columns) -> bool:
        """See Values: nothing is taken apart."""
        return False

    def find(self, columns: Columns, column: int, value: bytes) -> list[Sighting]:
        """See Values."""
        if columns.layout:
            return [cells.unusual(one) for one in cells.find_raw(value)]
        return cells.find_raw(value)


VALUES: Final = MysqlValues()
#: The column of a packet that is no row: its payload.
ANYTHING: Final = Columns([b""], [0], [252], [1], STREAM, values=VALUES)
