"""Values in PostgreSQL's binary formats: to their canonical form and back.

Sources: int4send, float8send, boolsend, uuid_send, date_send, numeric_send.
"""

from __future__ import annotations

import binascii
import struct
from typing import Final

from acra_twisted.encryption import canonical, errors
from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.postgresql import types

_SHORT: Final = struct.Struct(">h")
_INT: Final = struct.Struct(">i")
_LONG: Final = struct.Struct(">q")
_FLOAT: Final = struct.Struct(">f")
_DOUBLE: Final = struct.Struct(">d")
_HEAD: Final = struct.Struct(">hhHh")

#: Sizes of the integer types.
_SIZES: Final = {types.INT2: 2, types.INT4: 4, types.INT8: 8, types.OID: 4}
_FORMS: Final = {"int16": _SHORT, "int32": _INT, "int64": _LONG}
#: Infinite days.
_LAST, _FIRST = (1 << 31) - 1, -(1 << 31)

# A number: groups of four digits, each below 10,000.
_GROUP: Final = 10_000
_NEGATIVE: Final = 0x4000
_MAX_GROUPS: Final = 1_000
_MAX_SCALE: Final = 1_000


def malformed() -> ValueRefusedError:
    """The error for bytes that are no value of their type."""
    text = "incorrect binary data format in bind parameter"
    return ValueRefusedError(errors.BINARY_FORM, errors.INVALID, text)


def decode(oid: int, data: bytes) -> bytes:
    """The canonical form of a value of a type that is no text.  Raises ValueRefusedError."""
    family = types.family(oid)
    if family == types.BYTES:
        return data
    if family == types.INTEGERS:
        if len(data) != _SIZES[oid]:
            raise malformed()
        return b"%d" % int.from_bytes(data, "big", signed=oid != types.OID)
    if family == types.BOOLEANS and len(data) == 1:
        return b"t" if data[0] else b"f"
    if family == types.UUIDS and len(data) == 16:
        return canonical.uuid(binascii.hexlify(data))
    if family == types.DATES and len(data) == 4:
        return _date(data)
    if family == types.REALS and len(data) == (8 if oid == types.FLOAT8 else 4):
        (number,) = (_DOUBLE if oid == types.FLOAT8 else _FLOAT).unpack(data)
        return canonical.real(number)
    if family == types.NUMBERS:
        return _number(data)
    raise malformed()


def decode_integer(data: bytes) -> bytes:
    """The canonical form of an integer of any size, where no type is declared."""
    if len(data) not in (2, 4, 8):
        raise malformed()
    return b"%d" % int.from_bytes(data, "big", signed=True)


def encode(data_type: str, plaintext: bytes) -> bytes:
    """The binary format of a canonical plaintext; characters are as they are."""
    form = _FORMS.get(data_type)
    if form is not None:
        return form.pack(int(plaintext))
    if data_type == "bool":
        return b"\1" if plaintext == b"t" else b"\0"
    if data_type == "float8":
        return _DOUBLE.pack(float(plaintext))
    if data_type == "uuid":
        return binascii.unhexlify(plaintext.replace(b"-", b""))
    if data_type == "date":
        if plaintext in (canonical.FOREVER, canonical.NEVER):
            return _INT.pack(_LAST if plaintext == canonical.FOREVER else _FIRST)
        return _INT.pack(canonical.days(plaintext))
    return plaintext


def _date(data: bytes) -> bytes:
    (days,) = _INT.unpack(data)
    if days == _LAST:
        return canonical.FOREVER
    return canonical.NEVER if days == _FIRST else canonical.date(days)


def _number(data: bytes) -> bytes:
    """The text of a number.  NaN and infinity are in no protected column: refused."""
    if len(data) < _HEAD.size:
        raise malformed()
    count, weight, sign, scale = _HEAD.unpack_from(data)
    if not 0 <= count <= _MAX_GROUPS or len(data) != _HEAD.size + 2 * count:
        raise malformed()
    if sign not in (0, _NEGATIVE) or not 0 <= scale <= _MAX_SCALE or abs(weight) > _MAX_GROUPS:
        raise malformed()
    groups = struct.unpack_from(f">{count}H", data, _HEAD.size)
    if any(group >= _GROUP for group in groups):
        raise malformed()
    digits = b"".join([b"%04d" % group for group in groups])
    point = 4 * (weight + 1)
    if point < 0:
        digits, point = b"0" * -point + digits, 0
    digits = digits.ljust(point + scale, b"0")
    whole = digits[:point].lstrip(b"0") or b"0"
    fraction = digits[point : point + scale]
    text = whole + b"." + fraction if scale else whole
    return b"-" + text if sign and text.strip(b"0.") else text
