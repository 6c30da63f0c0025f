"""Frontend messages that the proxy reads or writes: bodies to values and back.

Decoders take the body without type and length and raise WireError on anything irregular.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from acra_twisted.errors import WireError
from acra_twisted.fast.bigendian import uint16, uint32
from acra_twisted.fast.byteswriter import BytesWriter, write_i32_be
from acra_twisted.wire.postgres.frames import QUERY, end_of_string, message

if TYPE_CHECKING:
    from mypy_extensions import i64

_SHORT: Final = struct.Struct(">H")
_LENGTH: Final = struct.Struct(">i")
# A value's length, read without a sign.
_NULL: Final = 0xFFFF_FFFF
_NEGATIVE: Final = 0x8000_0000

SYNC: Final[bytes] = message(b"S", b"")
FLUSH: Final[bytes] = message(b"H", b"")
TERMINATE: Final[bytes] = message(b"X", b"")


class Parse(NamedTuple):
    """``types`` is the untouched rest of the message: count and OIDs of parameter types."""

    name: bytes
    text: bytes
    types: bytes


class Bind(NamedTuple):
    """``formats`` has one entry a value; ``results`` is the untouched rest: result formats."""

    portal: bytes
    statement: bytes
    formats: list[int]
    values: list[bytes | None]
    results: bytes


def _string(body: bytes, start: int) -> tuple[bytes, int]:
    end = end_of_string(body, start)
    if end < 0:
        raise WireError("client", "a string in the message has no terminator")
    return body[start:end], end + 1


def decode_query(data: bytes, start: int, end: int) -> bytes:
    """The text of a Query whose body is between two places: everything up to its only NUL, which
    must be the last byte.  Long texts are copied once."""
    text = data[start : end - 1] if start < end else b""
    if 0 in text:
        raise WireError("client", "Query has bytes after its terminator")
    if start >= end or data[end - 1]:
        raise WireError("client", "a string in the message has no terminator")
    return text


def encode_query(text: bytes) -> bytes:
    """A Query message."""
    made = BytesWriter()
    made.append(QUERY)
    write_i32_be(made, len(text) + 5)
    made.write(text)
    made.append(0)
    return made.getvalue()


def decode_parse(body: bytes) -> Parse:
    """Read a Parse."""
    name, start = _string(body, 0)
    text, start = _string(body, start)
    types = body[start:]
    if len(types) < 2 or len(types) != 2 + 4 * _SHORT.unpack_from(types)[0]:
        raise WireError("client", "Parse announces another number of parameter types")
    return Parse(name, text, types)


def decode_types(types: bytes) -> list[int]:
    """The OIDs of parameter types at the end of a Parse that has been read; 0 is left open."""
    if len(types) == 2:
        return []
    return list(struct.unpack_from(f">{(len(types) - 2) // 4}I", types, 2))


def encode_types(types: Sequence[int]) -> bytes:
    """The end of a Parse that declares these types.  Raises struct.error rather than wrap a
    number."""
    return struct.pack(f">H{len(types)}I", len(types), *types)


def encode_parse(parse: Parse) -> bytes:
    """A Parse message."""
    return message(b"P", b"%b\0%b\0%b" % parse)


def bind_names(body: bytes) -> tuple[bytes, bytes]:
    """Portal and statement of a Bind, without reading its values."""
    end = end_of_string(body, 0)
    behind = end_of_string(body, end + 1)
    if end < 0 or behind < 0:
        raise WireError("client", "a string in the message has no terminator")
    return body[:end], body[end + 1 : behind]


def decode_bind(body: bytes) -> Bind:
    """Read a Bind with its values."""
    portal, at = _string(body, 0)
    statement, at = _string(body, at)
    formats, at = _formats(body, at)
    count = _short(body, at)
    at += 2
    if len(formats) not in (0, 1, count):
        raise WireError("client", "Bind has another number of formats than parameters")
    each = formats if len(formats) == count else (formats or [0]) * count
    values: list[bytes | None] = []
    for _ in range(count):
        size = _value_size(body, at)
        at += 4
        if size < 0:
            values.append(None)
            continue
        values.append(body[at : at + size])
        at += size
    results = body[at:]
    _, end = _formats(results, 0)
    if end != len(results):
        raise WireError("client", "Bind has bytes after its result formats")
    return Bind(portal, statement, each, values, results)


def bind_results(body: bytes, start: int) -> bytes:
    """The result formats of a Bind whose names end at ``start``, as on the wire: `decode_bind`
    without making its values, in one pass."""
    size: i64 = len(body)
    at: i64 = start
    if at + 2 > size:
        raise WireError("client", "Bind ends before its values do")
    formats: i64 = uint16(body, at)
    at = _behind_formats(body, start) if formats else at + 2
    if at + 2 > size:
        raise WireError("client", "Bind ends before its values do")
    count: i64 = uint16(body, at)
    at += 2
    if formats > 1 and formats != count:
        raise WireError("client", "Bind has another number of formats than parameters")
    for _ in range(count):
        if at + 4 > size:
            raise WireError("client", "Bind ends before its values do")
        length: i64 = uint32(body, at)
        at += 4
        if length == _NULL:
            continue
        at += length
        if length >= _NEGATIVE or at > size:
            raise WireError("client", "Bind parameter length is not possible")
    if _behind_formats(body, at) != size:
        raise WireError("client", "Bind has bytes after its result formats")
    return body[at:]


def encode_bind(bind: Bind) -> bytes:
    """A Bind message.  Raises struct.error, or OverflowError, rather than wrap a number."""
    parts = [b"%b\0%b\0" % (bind.portal, bind.statement), _encode_formats(bind.formats)]
    parts.append(_SHORT.pack(len(bind.values)))
    for value in bind.values:
        if value is None:
            parts.append(b"\xff\xff\xff\xff")
        else:
            parts += (_LENGTH.pack(len(value)), value)
    parts.append(bind.results)
    return message(b"B", b"".join(parts))


def decode_target(body: bytes) -> tuple[bytes, bytes]:
    """Return the target of a Describe or Close: ``b"S"`` or ``b"P"``, and the name."""
    kind = body[:1]
    if kind not in (b"S", b"P"):
        raise WireError("client", "Describe or Close of neither statement nor portal")
    name, end = _string(body, 1)
    if end != len(body):
        raise WireError("client", "Describe or Close has bytes after its name")
    return kind, name


def decode_execute(body: bytes) -> bytes:
    """The portal of an Execute."""
    portal, end = _string(body, 0)
    if end + 4 != len(body):
        raise WireError("client", "Execute has no row limit, or bytes after it")
    return portal


def encode_execute(portal: bytes) -> bytes:
    """An Execute message without row limit."""
    return message(b"E", portal + b"\0\0\0\0\0")


def encode_sasl_initial(mechanism: bytes, first: bytes) -> bytes:
    """A SASLInitialResponse message: the mechanism that the client has chosen, and its first
    message."""
    return message(b"p", mechanism + b"\0" + _LENGTH.pack(len(first)) + first)


def encode_describe(kind: bytes, name: bytes) -> bytes:
    """A Describe of a statement (``S``) or a portal (``P``)."""
    return message(b"D", b"%b%b\0" % (kind, name))


def encode_close(kind: bytes, name: bytes) -> bytes:
    """A Close of a statement (``S``) or a portal (``P``)."""
    return message(b"C", b"%b%b\0" % (kind, name))


def decode_formats(body: bytes, count: int) -> list[int]:
    """Format codes as Bind writes them, for ``count`` columns: none is text, one is for all."""
    formats, _ = _formats(body, 0)
    if len(formats) not in (0, 1, count):
        raise WireError("client", "Bind has another number of formats than columns")
    return formats if len(formats) == count else (formats or [0]) * count


def _short(body: bytes, at: i64) -> int:
    if at + 2 > len(body):
        raise WireError("client", "Bind ends before its values do")
    first: i64 = body[at]
    return first << 8 | body[at + 1]


def _value_size(body: bytes, at: int) -> int:
    """Return the size of the value whose length stands at ``at``; -1 for NULL."""
    if at + 4 > len(body):
        raise WireError("client", "Bind ends before its values do")
    size = uint32(body, at)
    if size == _NULL:
        return -1
    if size >= _NEGATIVE or at + 4 + size > len(body):
        raise WireError("client", "Bind parameter length is not possible")
    return size


def _behind_formats(body: bytes, at: int) -> int:
    """Return the end of the format codes that begin at ``at``."""
    count = _short(body, at)
    end = at + 2 + 2 * count
    if end > len(body):
        raise WireError("client", "Bind ends inside its format codes")
    for place in range(at + 2, end, 2):
        if body[place] or body[place + 1] > 1:
            raise WireError("client", "Bind has a format code other than 0 and 1")
    return end


def _formats(body: bytes, at: int) -> tuple[list[int], int]:
    end = _behind_formats(body, at)
    # The lower byte of each: all the upper ones are zero.
    return list(body[at + 3 : end : 2]), end


def _encode_formats(formats: Sequence[int]) -> bytes:
    return struct.pack(f">H{len(formats)}H", len(formats), *formats)
