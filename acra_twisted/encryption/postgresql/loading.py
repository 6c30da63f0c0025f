"""Pieces of the rows that a client copies into a table with protected columns: read, and written
with what is stored of their values.

Nothing here waits or knows a session: it may run in a worker.  Tokens are asked for in between.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.postgresql.copying import CopiedRows, Row
from acra_twisted.encryption.postgresql.writing import ENCRYPTED, PASSED, REPLACED, Sealer, Written
from acra_twisted.encryption.randomness import RandomSupply
from acra_twisted.encryption.settings import TOKENIZED, ColumnSetting
from acra_twisted.themis.cell import Random

#: Random bytes of a value: those of an AcraBlock, and a few more.
_RANDOM: Final = 128


class Piece(NamedTuple):
    """The rows that have become whole, and what stands before and behind them."""

    before: bytes
    rows: Sequence[Row]
    behind: bytes


def read(rows: CopiedRows, data: bytes | None) -> Piece:
    """Take the next bytes, or None for the end.  Raises ValueRefusedError."""
    fed = rows.finish() if data is None else rows.feed(data)
    return Piece(fed.before, [rows.read(row) for row in fed.rows], fed.behind)


def token_values(piece: Piece) -> dict[ColumnSetting, list[bytes]]:
    """The values of a piece in columns with tokens, in order, as often as they are there."""
    found: dict[ColumnSetting, list[bytes]] = {}
    for row in piece.rows:
        for _, setting, plaintext in row.secrets:
            if setting.kind == TOKENIZED:
                found.setdefault(setting, []).append(plaintext)
    return found


def write(
    rows: CopiedRows,
    piece: Piece,
    sealers: Mapping[ColumnSetting, Sealer],
    source: Random,
) -> Written:
    """The bytes for the database; ``source`` gives random ones.  Raises ValueRefusedError,
    CryptoError."""
    values = sum(len(row.secrets) for row in piece.rows)
    random_bytes = RandomSupply(source, _RANDOM, max(values, 1))
    counts: Counter[tuple[ColumnSetting, str]] = Counter()
    written = [piece.before]
    for row in piece.rows:
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
        written.append(rows.write(row, stored))
    written.append(piece.behind)
    return Written(b"".join(written), counts)


def encode(
    rows: CopiedRows,
    data: bytes | None,
    sealers: Mapping[ColumnSetting, Sealer],
    source: Random,
) -> Written:
    """Read and write in one step: no value needs anything else."""
    return write(rows, read(rows, data), sealers, source)
