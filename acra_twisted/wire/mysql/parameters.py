"""Values that a client sends: of a statement's parameters, and of query attributes.

A *kind* is what stands on the wire for the type of a value: a number of `types`, and `UNSIGNED`.
A value is its content, without the length in front of it, or None for NULL.  Attributes stand
behind the statement's own parameters, and where both sides have them in force each parameter has a
name, too.

Decoders raise WireError for whatever does not fit, although some servers read on.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple

from acra_twisted.errors import WireError
from acra_twisted.fast.littleendian import uint32
from acra_twisted.fast.record import Record
from acra_twisted.wire.mysql import commands, types
from acra_twisted.wire.mysql.lenenc import (
    cut_short,
    encode_bytes,
    encode_int,
    read_bytes,
    read_fixed,
    read_int,
    read_uint8,
    read_uint16,
)

#: Of a kind: the number has no sign.
UNSIGNED: Final = 0x8000
_SIGN: Final = 0x7F00
#: Parameters and attributes of one command.
COUNT_MAX: Final = 0xFFFF
#: The kind of a value that may be any bytes.
BLOB: Final[int] = types.BLOB

_CLIENT: Final = "client"
_TIME_SIZES: Final = frozenset((0, 8, 12))
_DATE_SIZES: Final = frozenset((0, 4, 7, 11))
#: How a query begins that has no attributes.
_QUERY: Final = b"\x03"
_NO_ATTRIBUTES: Final = b"\x03\0\1"


class Attribute(NamedTuple):
    """A query attribute, which belongs to a command and to no parameter."""

    kind: int
    name: bytes
    value: bytes | None


class Query(Record):
    """A query's text, and the attributes that came with it."""

    __slots__ = ("text", "attributes")

    def __init__(self, text: bytes, attributes: Sequence[Attribute] = ()) -> None:
        self.text = text
        self.attributes = attributes

    def _parts(self) -> tuple[object, ...]:
        return self.text, tuple(self.attributes)


class Execution(NamedTuple):
    """An execution of the prepared statement ``statement``.

    ``kinds``, ``names`` and ``values`` have an entry a parameter; ``renewed``: the client has sent
    the kinds.  A value is not in the command if it came before as long data: it is None here.
    """

    statement: int
    flags: int
    iterations: int
    kinds: Sequence[int]
    names: Sequence[bytes]
    values: Sequence[bytes | None]
    attributes: Sequence[Attribute]
    renewed: bool


# -- values ---------------------------------------------------------------------------------------


def is_string(kind: int) -> bool:
    """Return True if values of a kind are strings of any length."""
    return (kind & 0xFF) in types.STRINGS


def _read_kind(data: bytes, at: int) -> tuple[int, int]:
    kind, at = read_uint16(data, at, _CLIENT)
    code = kind & 0xFF
    if kind & _SIGN or not (
        code in types.WIDTHS or code in types.STRINGS or code in types.DATES or code == types.NULL
    ):
        raise WireError(_CLIENT, f"malformed packet: a value of the unknown type {kind:#x}")
    return kind, at


def check_for_mariadb(kinds: Sequence[int]) -> None:
    """Raise WireError if MariaDB reads a value of one of the kinds otherwise than `read_value`."""
    for kind in kinds:
        if (kind & 0xFF) in types.UNREAD_BY_MARIADB:
            raise WireError(_CLIENT, f"malformed packet: MariaDB reads no value of type {kind:#x}")


def read_value(kind: int, data: bytes, at: int) -> tuple[bytes | None, int]:
    """The value at a place, and where it ends."""
    code = kind & 0xFF
    if code in types.STRINGS:
        return read_bytes(data, at, _CLIENT)
    width = types.WIDTHS.get(code)
    if width is not None:
        return read_fixed(data, at, width, _CLIENT)
    if code == types.NULL:
        return None, at
    size, at = read_uint8(data, at, _CLIENT)
    if size not in (_TIME_SIZES if code == types.TIME else _DATE_SIZES):
        raise WireError(_CLIENT, "malformed packet: a date or time has a length that none has")
    return read_fixed(data, at, size, _CLIENT)


def write_value(kind: int, value: bytes) -> bytes:
    """A value as it is sent.  Raises ValueError for one that a kind cannot have."""
    code = kind & 0xFF
    if code in types.STRINGS:
        return encode_bytes(value)
    if code in types.DATES:
        if len(value) not in (_TIME_SIZES if code == types.TIME else _DATE_SIZES):
            raise ValueError(f"{len(value)} bytes for a date or time of type {code}")
        return bytes((len(value),)) + value
    if types.WIDTHS.get(code) != len(value):
        raise ValueError(f"{len(value)} bytes for a value of type {code}")
    return value


# -- queries --------------------------------------------------------------------------------------


def decode_query(payload: bytes, with_attributes: bool) -> Query:
    """Read a QUERY.  ``with_attributes``: they are in force, so that it has a place for them."""
    if not with_attributes:
        return Query(payload[1:])
    if payload[:3] == _NO_ATTRIBUTES:
        return Query(payload[3:])
    count, at = read_int(payload, 1, _CLIENT)
    sets, at = read_int(payload, at, _CLIENT)
    if sets != 1:
        raise WireError(_CLIENT, f"malformed packet: {sets} sets of attributes")
    if not count:
        return Query(payload[at:])
    nulls, renewed, at = _start(payload, at, count)
    if not renewed:
        raise WireError(_CLIENT, "malformed packet: attributes without types")
    kinds, names, at = read_kinds(payload, at, count, named=True)
    values, at = _read_values(payload, at, kinds, nulls, {})
    return Query(payload[at:], _attributes(kinds, names, values))


def encode_text(text: bytes, with_attributes: bool) -> bytes:
    """The payload of a QUERY that has none; ``with_attributes`` is that of `decode_query`."""
    return (_NO_ATTRIBUTES if with_attributes else _QUERY) + text


def encode_query(query: Query, with_attributes: bool) -> bytes:
    """The payload of a QUERY.  Attributes are left out where they are not in force."""
    given = query.attributes
    if not (given and with_attributes):
        return encode_text(query.text, with_attributes)
    kinds, names, values = _apart(given)
    return b"\x03%b\1%b%b" % (
        encode_int(len(given)),
        _encode_values(kinds, names, values, ()),
        query.text,
    )


# -- executions -----------------------------------------------------------------------------------


def decode_execution(
    payload: bytes,
    count: int,
    before: Sequence[int] | None,
    long: Collection[int] = (),
    *,
    with_attributes: bool = False,
) -> Execution:
    """Read an EXECUTE of a checked size, of a statement with ``count`` parameters.

    ``before``: the kinds that the client has sent with the last one, None if there was none;
    ``long``: parameters whose values came as long data, which holds even for one that is NULL here.
    Raises WireError, also if one of these is none of the statement's.
    """
    if long and max(long) >= count:
        raise WireError(_CLIENT, "malformed packet: a value for a parameter that is not there")
    number, flags = commands.statement_number(payload), payload[5]
    iterations, at = int(uint32(payload, 6)), 10
    total = count
    if with_attributes and (count or flags & commands.COUNTED):
        total, at = read_int(payload, at, _CLIENT)
        if total < count:
            raise WireError(_CLIENT, "malformed packet: fewer values than parameters")
    if not total:
        if at != len(payload):
            raise WireError(_CLIENT, "malformed packet: bytes behind an execution")
        return Execution(number, flags, iterations, (), (), (), (), False)
    nulls, renewed, at = _start(payload, at, total)
    names: Sequence[bytes] = ()
    kinds: Sequence[int]
    if renewed:
        kinds, names, at = read_kinds(payload, at, total, named=with_attributes)
    else:
        # Nothing of attributes is there then, whatever was counted.
        total = count
        kinds = _known_kinds(before, count, nulls, long)
    gone = dict.fromkeys(long, True)
    values, at = _read_values(payload, at, kinds, nulls, gone)
    if at != len(payload):
        raise WireError(_CLIENT, "malformed packet: bytes behind the last value")
    attributes = _attributes(kinds[count:], names[count:], values[count:])
    return Execution(
        number,
        flags,
        iterations,
        kinds[:count],
        names[:count],
        values[:count],
        attributes,
        renewed,
    )


def encode_execution(
    execution: Execution, *, with_attributes: bool = False, long: Collection[int] = ()
) -> bytes:
    """The payload of an EXECUTE that tells the types of all its values.  ``long``: parameters whose
    values are sent as long data."""
    head = b"\x17%b%c%b" % (
        execution.statement.to_bytes(4, "little"),
        execution.flags,
        execution.iterations.to_bytes(4, "little"),
    )
    kinds, values = [*execution.kinds], [*execution.values]
    names: list[bytes] | None = None
    if with_attributes:
        names = [*(execution.names or [b""] * len(kinds))]
        more_kinds, more_names, more_values = _apart(execution.attributes)
        if kinds or execution.flags & commands.COUNTED:
            head += encode_int(len(kinds) + len(more_kinds))
        kinds += more_kinds
        names += more_names
        values += more_values
    if not kinds:
        return head
    return head + _encode_values(kinds, names, values, long)


# -- parts of these -------------------------------------------------------------------------------


def _start(data: bytes, at: int, count: int) -> tuple[bytes, bool, int]:
    """The bits of so many values that are NULL, and whether kinds follow."""
    if count > COUNT_MAX:
        raise WireError(_CLIENT, f"malformed packet: {count} values")
    nulls, at = read_fixed(data, at, (count + 7) // 8, _CLIENT)
    renewed, at = read_uint8(data, at, _CLIENT)
    return nulls, bool(renewed), at


def read_kinds(
    data: bytes, at: int, count: int, *, named: bool
) -> tuple[list[int], list[bytes], int]:
    """So many kinds at a place, the names behind each of them, and where they end."""
    if count * 2 > len(data) - at:
        raise cut_short(_CLIENT)
    kinds: list[int] = []
    names: list[bytes] = []
    for _ in range(count):
        kind, at = _read_kind(data, at)
        kinds.append(kind)
        if named:
            name, at = read_bytes(data, at, _CLIENT)
            names.append(name)
    return kinds, names, at


def _known_kinds(
    before: Sequence[int] | None, count: int, nulls: bytes, long: Collection[int]
) -> Sequence[int]:
    """The kinds that hold for an execution that brings none."""
    if before is not None and len(before) == count:
        return before
    for number in range(count):
        if number in long or not nulls[number >> 3] & 1 << (number & 7):
            raise WireError(_CLIENT, "malformed packet: values whose types nobody has told")
    return [types.NULL] * count


def _read_values(
    data: bytes, at: int, kinds: Sequence[int], nulls: bytes, gone: Mapping[int, bool]
) -> tuple[list[bytes | None], int]:
    values: list[bytes | None] = []
    for number, kind in enumerate(kinds):
        value: bytes | None = None
        if not (nulls[number >> 3] & 1 << (number & 7) or number in gone):
            value, at = read_value(kind, data, at)
        values.append(value)
    return values, at


def _encode_values(
    kinds: Sequence[int],
    names: Sequence[bytes] | None,
    values: Sequence[bytes | None],
    long: Collection[int],
) -> bytes:
    nulls = bytearray((len(kinds) + 7) // 8)
    told: list[bytes] = []
    encoded: list[bytes] = []
    for number, (kind, value) in enumerate(zip(kinds, values, strict=True)):
        told.append(kind.to_bytes(2, "little"))
        if names is not None:
            told.append(encode_bytes(names[number]))
        if number in long:
            continue
        if value is None:
            nulls[number >> 3] |= 1 << (number & 7)
        else:
            encoded.append(write_value(kind, value))
    return b"%b\1%b%b" % (bytes(nulls), b"".join(told), b"".join(encoded))


def _attributes(
    kinds: Sequence[int], names: Sequence[bytes], values: Sequence[bytes | None]
) -> Sequence[Attribute]:
    return [Attribute(*parts) for parts in zip(kinds, names, values, strict=True)]


def _apart(
    attributes: Sequence[Attribute],
) -> tuple[list[int], list[bytes], list[bytes | None]]:
    return (
        [attribute.kind for attribute in attributes],
        [attribute.name for attribute in attributes],
        [attribute.value for attribute in attributes],
    )
