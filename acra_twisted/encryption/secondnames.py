"""Second columns of protected ones, and what a switch to them leaves, found by their names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol, TypeVar

from acra_twisted.encryption.migrating import DECRYPT, ENCRYPT
from acra_twisted.encryption.settings import TOKENIZED, ColumnSetting
from acra_twisted.errors import ConfigError

#: Behind the name of a second column, and of what else a table has for it.
BESIDE: Final = "__acra"
#: Behind the name of a column whose place a second one has taken, by the change: plain values, and
#: stored ones.  What a column holds now is told by it, for a token looks like any value.
LEFT: Final = {ENCRYPT: "__before", DECRYPT: "__stored"}


class _Named(Protocol):
    @property
    def name(self) -> str:
        """Return the name of a column."""


_Column = TypeVar("_Column", bound=_Named)
#: Finds a column of a table by its name.
Find = Callable[[str], _Column | None]


def written(
    column: _Column, setting: ColumnSetting, change: str, find: Find[_Column]
) -> _Column | None:
    """The column that a change of a protected one writes: its second one, itself if there is none.
    None for tokens that need no change: a key is not theirs, and behind a switch the column holds
    tokens already."""
    is_tokenized = setting.kind == TOKENIZED
    if change not in LEFT:
        return None if is_tokenized else column
    second = find(column.name + BESIDE)
    if second is not None:
        return second
    if change == ENCRYPT and is_tokenized and find(column.name + LEFT[ENCRYPT]) is not None:
        return None
    return column


def check_left(column: _Column, table: str, find: Find[_Column]) -> None:
    """Raises ConfigError if a table, named as in messages, has what an earlier switch has left of a
    column: its values would be tokens of tokens, and there would be no name for it."""
    for end in LEFT.values():
        left = find(column.name + end)
        if left is not None:
            raise ConfigError(f"table {table}: drop column {left.name} of an earlier switch")
