"""Fits the rows of tables into the room that a page has for them."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from typing import Any, Final, TypeVar

from markupsafe import Markup

from acra_twisted.telemetry.console.formats import bytes_of

#: Rows that are made between two turns.
_STEP: Final = 8
#: Bytes of what is no text: a number, or a link that is there or not.
_SMALL: Final = 4
_RowT = TypeVar("_RowT", bound="Mapping[str, Any] | tuple[Any, ...]")


class Room:
    """So many bytes of a page for the rows of its tables, which take them one after the other.

    Names from outside may be long, or of characters that take much room: then rows are fewer.
    """

    def __init__(self, left: int) -> None:
        self._left = left

    def fitted(
        self, rows: Iterable[_RowT], each: int, most: int = 0
    ) -> Generator[str, None, list[_RowT]]:
        """Return the first rows, as many as there is room for, in steps.

        A row takes ``each`` bytes, and those of its texts; all take ``most`` if it is given.
        """
        found: list[_RowT] = []
        left = min(self._left, most or self._left)
        for row in rows:
            took = each + _weight(row)
            if took > left:
                break
            left -= took
            self._left -= took
            found.append(row)
            if not len(found) % _STEP:
                yield ""
        return found


def _weight(value: Any) -> int:
    if isinstance(value, Markup):
        return len(value)
    if isinstance(value, str):
        return bytes_of(value)
    if isinstance(value, Mapping):
        return sum(map(_weight, value.values()))
    if isinstance(value, list | tuple):
        return sum(map(_weight, value))
    return _SMALL
