"""Parameters of MySQL's clients to the canonical plaintext of a protected column."""

from __future__ import annotations

import binascii
import re
import struct
from typing import Final

from acra_twisted.crypto import envelopes
from acra_twisted.encryption import canonical, errors
from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.mysql.encodings import to_utf8
from acra_twisted.encryption.mysql.plaintexts import from_bytes, from_integer, from_text
from acra_twisted.encryption.plan import Use
from acra_twisted.encryption.settings import ColumnSetting
from acra_twisted.wire.mysql import types
from acra_twisted.wire.mysql.parameters import UNSIGNED

_BYTES: Final = frozenset(("", "bytes"))
_WHOLE: Final = re.compile(rb"-?[0-9]{1,19}")
#: Doubles without a fraction up to here are printed in digits.
_EXACT: Final = 10.0**15
_TEXTS: Final = frozenset((types.VARCHAR, types.VAR_STRING, types.STRING, types.ENUM, types.JSON))
_BLOBS: Final = frozenset((types.TINY_BLOB, types.MEDIUM_BLOB, types.LONG_BLOB, types.BLOB))
_DECIMALS: Final = frozenset((types.DECIMAL, types.NEWDECIMAL))
_REALS: Final = {types.FLOAT: "<f", types.DOUBLE: "<d"}
_DATES: Final = frozenset((types.DATE, types.DATETIME, types.TIMESTAMP))
# Bytes of a day, with its time, and with its microseconds.
_DAY: Final = 4
_SECOND: Final = 7
_MICROSECOND: Final = 11


def from_parameter(use: Use, kind: int, value: bytes, encoding: str) -> bytes:
    """The canonical plaintext of a parameter's value.  ``kind`` is as in
    `wire.mysql.parameters`, ``encoding`` the codec of the client's characters, empty for one that
    is not known.  Raises ValueRefusedError."""
    setting, code = use.column, kind & 0xFF
    if code in _TEXTS and use.cut < 0 and setting.data_type in _BYTES:
        # Some clients say of bytes that they are a string.
        return from_bytes(setting, value)
    if code in _TEXTS:
        return from_text(setting, _cut(to_utf8(value, encoding), use.cut))
    if use.cut >= 0:
        raise _wrong(code)
    if code in _BLOBS:
        return _from_bytes(setting, value)
    if code in _DECIMALS and _WHOLE.fullmatch(value):
        return from_integer(setting, int(value))
    if code in _DECIMALS and setting.data_type == "float8":
        return from_text(setting, value)
    if code in _REALS:
        return _from_real(setting, code, value)
    if types.WIDTHS.get(code) == len(value):
        number = int.from_bytes(value, "little", signed=not kind & UNSIGNED)
        return from_integer(setting, number)
    if code in _DATES and setting.data_type in ("date", "str"):
        return from_text(setting, _day(value))
    raise _wrong(code)


def _cut(text: bytes, characters: int) -> bytes:
    return text if characters < 0 else text.decode()[:characters].encode()


def _from_bytes(setting: ColumnSetting, value: bytes) -> bytes:
    if setting.data_type == "str" and envelopes.find(value):
        # A container in a column of characters goes as its digits.
        return b"\\x" + binascii.hexlify(value)
    return from_bytes(setting, value)


def _from_real(setting: ColumnSetting, code: int, value: bytes) -> bytes:
    if len(value) != struct.calcsize(_REALS[code]):
        raise _wrong(code)
    (number,) = struct.unpack(_REALS[code], value)
    if number.is_integer() and abs(number) < _EXACT:
        return from_integer(setting, int(number))
    if setting.data_type != "float8" or code != types.DOUBLE or number - number != 0:
        raise _wrong(code)
    return canonical.real(number)


def _day(value: bytes) -> bytes:
    size = len(value)
    if size not in (_DAY, _SECOND, _MICROSECOND):
        raise _wrong(types.DATE)
    shown = b"%04d-%02d-%02d" % (int.from_bytes(value[:2], "little"), value[2], value[3])
    if size >= _SECOND:
        shown += b" %02d:%02d:%02d" % (value[4], value[5], value[6])
    if size == _MICROSECOND:
        shown += b".%06d" % int.from_bytes(value[_SECOND:], "little")
    return shown


def _wrong(code: int) -> ValueRefusedError:
    return ValueRefusedError(
        errors.TYPE_MISMATCH, errors.WRONG_TYPE, f"values of type {code} do not belong there"
    )
