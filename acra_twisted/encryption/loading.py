"""Pieces of the rows that a client loads into a table with protected columns: read, and written
with what is stored of their values.

Nothing here waits or knows a session: it is done in steps, or in a worker.  Tokens are asked for
in between.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from acra_twisted.crypto import acrablock
from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.making import COST, ENCRYPTED, PASSED, REPLACED, Sealer, Written
from acra_twisted.encryption.randomness import RandomSupply
from acra_twisted.encryption.settings import TOKENIZED, ColumnSetting
from acra_twisted.fast.compiled import mypyc_attr
from acra_twisted.themis.cell import Random
from acra_twisted.wire.framing import Fed

#: Values for which random bytes are fetched at a time.
_FETCHED: Final = 64


#: The cost of a row beside that of its values, in microseconds: see `pipeline.steps`.
_ROW: Final = 3


class Secret(NamedTuple):
    """A value of a row that has to be encrypted: its place in the row, its column, and its
    canonical plaintext."""

    place: int
    setting: ColumnSetting
    plaintext: bytes


class Row(NamedTuple):
    """A row, its values as they are written, and those of them that are ``secrets``."""

    data: bytes
    values: list[bytes]
    secrets: list[Secret]


@mypyc_attr(allow_interpreted_subclasses=True)
class LoadedRows:
    """Takes the rows of one load apart and puts them together again: three steps, so that values
    can be sealed in between.  Its methods raise ValueRefusedError.

    ``columns`` are those of the fields, in order, None for one that is not protected; ``settings``
    those of them that are, each once.
    """

    def __init__(self, columns: Sequence[ColumnSetting | None]) -> None:
        self.settings = tuple(dict.fromkeys(one for one in columns if one is not None))

    def feed(self, data: bytes) -> Fed:
        """The rows that are complete with a piece of the data."""
        raise NotImplementedError  # pragma: no cover - abstract

    def finish(self) -> Fed:
        """The rest, at the end of the data."""
        raise NotImplementedError  # pragma: no cover - abstract

    def read(self, data: bytes) -> Row:
        """Take a row apart."""
        raise NotImplementedError  # pragma: no cover - abstract

    def write(self, row: Row, stored: Sequence[bytes]) -> bytes:
        """The row with what is stored of its secrets."""
        raise NotImplementedError  # pragma: no cover - abstract


class Piece:
    """The rows that become whole with the next bytes, or with the end of the data, which is None,
    and what stands before and behind them.  Raises ValueRefusedError.

    `read` and `write` are done one after the other, and yield the cost of each row.  ``size`` is
    the number of the rows' bytes; ``written`` is there when all of it is done.
    """

    __slots__ = ("size", "written", "_rows", "_fed", "_read")

    def __init__(self, rows: LoadedRows, data: bytes | None) -> None:
        self._rows = rows
        self._fed = rows.finish() if data is None else rows.feed(data)
        self._read: list[Row] = []
        self.size = sum([len(row) for row in self._fed.rows])
        self.written = Written(b"", {})

    def read(self) -> Iterator[int]:
        """Take the rows apart.  Raises ValueRefusedError."""
        for row in self._fed.rows:
            self._read.append(self._rows.read(row))
            yield _ROW

    def token_values(self) -> dict[ColumnSetting, list[bytes]]:
        """The values in columns with tokens, in order, as often as they are there."""
        found: dict[ColumnSetting, list[bytes]] = {}
        for row in self._read:
            for _, setting, plaintext in row.secrets:
                if setting.kind == TOKENIZED:
                    found.setdefault(setting, []).append(plaintext)
        return found

    def write(self, sealers: Mapping[ColumnSetting, Sealer], source: Random) -> Iterator[int]:
        """Put the rows together again, with what is stored of their values; ``source`` gives random
        bytes.  Raises ValueRefusedError, CryptoError."""
        random_bytes = RandomSupply(source, acrablock.RANDOM_SIZE, _FETCHED)
        counts: Counter[tuple[ColumnSetting, str]] = Counter()
        written = [self._fed.before]
        for row in self._read:
            stored = []
            for _, setting, plaintext in row.secrets:
                try:
                    made = sealers[setting].store(plaintext, random_bytes)
                except ValueRefusedError as error:
                    text = f"column {setting.label} is protected by AcraServer: {error}"
                    raise ValueRefusedError(error.sqlstate, error.reason, text) from None
                fate = REPLACED if setting.kind == TOKENIZED else ENCRYPTED
                counts[setting, PASSED if made.passed else fate] += 1
                stored.append(made.data)
            written.append(self._rows.write(row, stored))
            yield COST * len(stored) + _ROW
        written.append(self._fed.behind)
        self.written = Written(b"".join(written), counts)


def do(steps: Iterator[int]) -> None:
    """Do all of some steps."""
    for _ in steps:
        pass
