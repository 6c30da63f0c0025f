"""MariaDB's bulk execution: many sets of values for one prepared statement.

Rows stand one behind the other up to the end of the command: nothing tells how many.  Kinds and
values are those of `parameters`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from acra_twisted.errors import WireError
from acra_twisted.fast.littleendian import uint16
from acra_twisted.wire.mysql.commands import statement_number
from acra_twisted.wire.mysql.lenenc import read_uint8
from acra_twisted.wire.mysql.parameters import read_kinds, read_value, write_value

# Indicators of a value.
GIVEN: Final = 0
IS_NULL: Final = 1
_INDICATOR_MAX: Final = 3

_CLIENT: Final = "client"
#: A flag of the command: kinds follow.
_HAS_KINDS: Final = 0x80


class BulkHeader(NamedTuple):
    """The head of a bulk execution; ``start`` is where the first row begins."""

    statement: int
    flags: int
    kinds: Sequence[int]
    renewed: bool
    start: int


class BulkRow(NamedTuple):
    """A set of values: an indicator for each, and the value if that is GIVEN."""

    indicators: Sequence[int]
    values: Sequence[bytes | None]


def decode_bulk(payload: bytes, count: int, before: Sequence[int] | None) -> BulkHeader:
    """Read a BULK_EXECUTE of a checked size, up to its rows; see `decode_execution`."""
    number, flags, at = statement_number(payload), int(uint16(payload, 5)), 7
    renewed = bool(flags & _HAS_KINDS)
    if renewed:
        kinds, _, at = read_kinds(payload, at, count, named=False)
        return BulkHeader(number, flags, kinds, True, at)
    if before is None or not count:
        raise WireError(_CLIENT, "malformed packet: rows whose types nobody has told")
    return BulkHeader(number, flags, before, False, at)


def read_bulk_row(payload: bytes, at: int, kinds: Sequence[int]) -> tuple[BulkRow, int]:
    """The row that begins at a place, and where it ends."""
    if not kinds:
        raise WireError(_CLIENT, "malformed packet: rows without values")
    indicators: list[int] = []
    values: list[bytes | None] = []
    for kind in kinds:
        indicator, at = read_uint8(payload, at, _CLIENT)
        if indicator > _INDICATOR_MAX:
            raise WireError(_CLIENT, f"malformed packet: the unknown indicator {indicator}")
        value: bytes | None = None
        if indicator == GIVEN:
            value, at = read_value(kind, payload, at)
        indicators.append(indicator)
        values.append(value)
    return BulkRow(indicators, values), at


def encode_bulk_head(header: BulkHeader, kinds: Sequence[int]) -> bytes:
    """The head of a bulk execution whose rows have values of these kinds."""
    return b"\xfa%b%b%b" % (
        header.statement.to_bytes(4, "little"),
        (header.flags | _HAS_KINDS).to_bytes(2, "little"),
        b"".join([kind.to_bytes(2, "little") for kind in kinds]),
    )


def encode_bulk_row(row: BulkRow, kinds: Sequence[int]) -> bytes:
    """A row with values of these kinds.  Raises ValueError for one that a kind cannot have."""
    parts: list[bytes] = []
    for kind, indicator, value in zip(kinds, row.indicators, row.values, strict=True):
        parts.append(bytes((indicator,)))
        if indicator == GIVEN and value is not None:
            parts.append(write_value(kind, value))
    return b"".join(parts)
