"""Makers of what a column stores of a value, or is searched by, and values that wait for tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from acra_twisted.encryption.plan import Use
from acra_twisted.encryption.sealing import Stored
from acra_twisted.encryption.settings import ColumnSetting
from acra_twisted.themis.cell import Random

# What becomes of a value.
ENCRYPTED: Final = "encrypted"
#: It was encrypted already.
PASSED: Final = "passed_as_is"
#: A token is stored in its place.
REPLACED: Final = "tokenized"
#: It is searched for.
SEARCHED: Final = "searched"

#: The cost of a value in microseconds: see `pipeline.steps`.
COST: Final = 12

Counts = dict[tuple[ColumnSetting, str], int]


class Sealer(Protocol):
    """Makes the stored values of a column: `sealing.ColumnSealer` and `issuing.IssuedTokens` do."""

    def store(self, plaintext: bytes, random_bytes: Random) -> Stored:
        """Return what is stored of a canonical plaintext.  Raises ValueRefusedError."""


class Searcher(Protocol):
    """Makes the forms in which a column stores a value: `finding.ColumnSearcher` and
    `issuing.FoundTokens` do.  ``width`` is the number of forms of a value that is not empty."""

    @property
    def width(self) -> int: ...

    def forms(self, plaintext: bytes) -> list[bytes]:
        """Return the forms of a canonical plaintext.  Raises ValueRefusedError."""


class Written:
    """A text as it is sent.  ``counts``: of what has become of values, by column."""

    __slots__ = ("text", "counts")

    def __init__(self, text: bytes, counts: Counts) -> None:
        self.text = text
        self.counts = counts


class TokenValues(NamedTuple):
    """The values of columns with tokens that are stored, and those that are compared.  NULL is
    among neither."""

    stored: dict[ColumnSetting, list[bytes]]
    compared: dict[ColumnSetting, list[bytes]]


class SearchedTokens(NamedTuple):
    """Values of literals that are compared with a column of tokens."""

    column: ColumnSetting
    values: Sequence[bytes]


#: What a prepared statement keeps of a literal.
Kept = Use | SearchedTokens
