"""The parts of an OTLP request of spans, found without reading them.

Source: Protocol Buffers, "Encoding", and OTLP's definition, whose numbers are here.  A request may
have many spans: each is handed out as bytes, to be read by itself when its turn comes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from acra_twisted.errors import WireError

_RESOURCE_SPANS: Final = 1
_RESOURCE: Final = 1
_SCOPE_SPANS: Final = 2
_SPANS: Final = 2
#: Bytes of a resource.
RESOURCE_MAX: Final = 1 << 16
#: Fields that are passed over between two parts, or ticks.
_STEP: Final = 64
_VARINT: Final = 0
_FIXED64: Final = 1
_BYTES: Final = 2
_FIXED32: Final = 5


class Part(NamedTuple):
    """A span and the resource that it is of, as bytes."""

    resource: bytes
    span: bytes


def parts(data: bytes) -> Iterator[Part | None]:
    """Every span of a request.  None is no span: it says that much was passed over, after which
    others may have their turn.  Raises WireError if it is no such request."""
    for field in _fields(data, 0, len(data)):
        yield None
        if field is None or field[0] != _RESOURCE_SPANS:
            continue
        _, start, end = field
        resource = b""
        for part in _fields(data, start, end):
            yield None
            if part is not None and part[0] == _RESOURCE:
                # Twice the same message is one, that has both's fields.
                resource += data[part[1] : part[2]]
                if len(resource) > RESOURCE_MAX:
                    raise _broken()
        for scope in _fields(data, start, end):
            yield None
            if scope is None or scope[0] != _SCOPE_SPANS:
                continue
            for span in _fields(data, scope[1], scope[2]):
                if span is None or span[0] != _SPANS:
                    yield None
                else:
                    yield Part(resource, data[span[1] : span[2]])


def _fields(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, int] | None]:
    """Yield number and place of each field that is bytes.  None now and then for others."""
    passed = 0
    while at < end:
        tag, at = _varint(data, at, end)
        number, kind = tag >> 3, tag & 7
        if kind == _BYTES:
            size, at = _varint(data, at, end)
            start, at = at, at + size
            if at > end:
                raise _broken()
            if number:
                yield number, start, at
                continue
        elif kind == _VARINT:
            _, at = _varint(data, at, end)
        elif kind == _FIXED64:
            at += 8
        elif kind == _FIXED32:
            at += 4
        else:
            raise _broken()
        if not number or at > end:
            raise _broken()
        passed += 1
        if passed % _STEP == 0:
            yield None


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    """A number of ten bytes at most, and where it ends."""
    found = 0
    for shift in range(0, 70, 7):
        if at >= end:
            break
        byte = data[at]
        at += 1
        found |= (byte & 0x7F) << shift
        if byte < 0x80:
            return found, at
    raise _broken()


def _broken() -> WireError:
    return WireError("connector", "not an OTLP request")
