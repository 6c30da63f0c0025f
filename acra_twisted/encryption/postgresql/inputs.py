"""Text to values as PostgreSQL's input functions read it, and a value of one type in a column of
another as PostgreSQL assigns it.

Dates are read in their ISO form alone: all others depend on settings of the session.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from decimal import Decimal
from typing import Final

from acra_twisted.encryption import canonical, errors
from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.postgresql import bytea, types

_BLANKS: Final = b" \t\n\v\f\r"
_NUMBER: Final = re.compile(
    rb"([+-]?)(?:0[xX]((?:_?[0-9a-fA-F])+)|0[oO]((?:_?[0-7])+)|0[bB]((?:_?[01])+)"
    rb"|([0-9](?:_?[0-9])*))"
)
_DECIMAL: Final = re.compile(
    rb"([+-]?)(?=\.?[0-9])((?:[0-9](?:_?[0-9])*)?)(?:\.((?:[0-9](?:_?[0-9])*)?))?"
    rb"(?:[eE]([+-]?[0-9](?:_?[0-9])*))?"
)
_HEX_REAL: Final = re.compile(
    rb"[+-]?0[xX](?=\.?[0-9a-fA-F])[0-9a-fA-F]*(?:\.[0-9a-fA-F]*)?(?:[pP][+-]?[0-9]{1,4})?"
)
_UNSIGNED: Final = re.compile(rb"[0-9]+")
_DAY: Final = re.compile(rb"([0-9]{4})([0-9]{2})([0-9]{2})")
_TRUE: Final = (b"true", b"yes", b"on", b"1")
_FALSE: Final = (b"false", b"no", b"off", b"0")
#: Longest text of a number, and digits that an exponent may move its point by.
_LONGEST: Final = 1000
#: Bytes of a name that PostgreSQL keeps.
_NAME: Final = 63
_INTEGERS: Final = {types.INT2: "int16", types.INT4: "int32", types.INT8: "int64"}
_FLOAT: Final = struct.Struct(">f")


def read(data_type: str, text: bytes) -> bytes:
    """The canonical form of text that is read as a value of a column's type.  Raises
    ValueRefusedError."""
    return _READ[data_type](text)


def read_typed(oid: int, text: bytes) -> bytes:
    """The canonical form of text that is read as a value of a declared type, one of a family.
    Raises ValueRefusedError."""
    family = types.family(oid)
    if family in (types.TEXTS, types.UNTYPED):
        return _characters(oid, text)
    if family == types.INTEGERS:
        return _object_id(text) if oid == types.OID else read(_INTEGERS[oid], text)
    if family == types.NUMBERS:
        return number(text)
    if family == types.REALS:
        real = _real(text)
        return real if oid == types.FLOAT8 else _single(real)
    return read(_OF_FAMILY[family], text)


_OF_FAMILY: Final = {
    types.BYTES: "bytes",
    types.BOOLEANS: "bool",
    types.UUIDS: "uuid",
    types.DATES: "date",
}


def assign(data_type: str, family: str, value: bytes) -> bytes:
    """The canonical form in which a column keeps a value, itself in its family's canonical form.

    The column takes the family: see `types.accepts`.  Raises ValueRefusedError.
    """
    if family in (types.UNTYPED, types.TEXTS):
        return read(data_type, value)
    if family in (types.INTEGERS, types.NUMBERS):
        if data_type in canonical.BITS:
            return canonical.integer(data_type, _whole(value))
        if data_type == "float8":
            return canonical.real_text(value)
    if family == types.BOOLEANS and data_type == "str":
        return b"true" if value == b"t" else b"false"
    return value


def _whole(value: bytes) -> int:
    whole, _, fraction = value.partition(b".")
    if fraction.strip(b"0") or not whole.lstrip(b"-").isdigit():
        raise ValueRefusedError(
            errors.TYPE_MISMATCH, errors.WRONG_TYPE, "a number with a fraction is no integer"
        )
    if len(whole) > _LONGEST:
        raise canonical.out_of_range("int64")
    return int(whole)


def number(text: bytes) -> bytes:
    """The text that PostgreSQL prints for a number of any size.  Raises ValueRefusedError."""
    text = text.strip(_BLANKS)
    if len(text) <= _LONGEST:
        match = _NUMBER.fullmatch(text)
        if match is not None:
            return b"%d" % _integer(match)
        match = _DECIMAL.fullmatch(text)
        if match is not None:
            if abs(int((match[4] or b"0").replace(b"_", b""))) > _LONGEST:
                raise _not_a_number(errors.NUMBER_RANGE, errors.OUT_OF_RANGE)
            found = format(Decimal(text.replace(b"_", b"").decode()), "f").encode()
            return found[1:] if found[:1] == b"-" and not found.strip(b"-0.") else found
    raise _not_a_number(errors.INVALID_TEXT, errors.INVALID)


def _not_a_number(sqlstate: bytes, reason: str) -> ValueRefusedError:
    return ValueRefusedError(sqlstate, reason, "invalid input syntax for type numeric")


def _integer(match: re.Match[bytes]) -> int:
    sign, hexadecimal, octal, binary, digits = (
        (group or b"").replace(b"_", b"") for group in match.groups()
    )
    if hexadecimal:
        found = int(hexadecimal, 16)
    elif octal:
        found = int(octal, 8)
    else:
        found = int(binary, 2) if binary else int(digits)
    return -found if sign == b"-" else found


def _integer_of(data_type: str) -> Callable[[bytes], bytes]:
    def read_integer(text: bytes) -> bytes:
        text = text.strip(_BLANKS)
        match = _NUMBER.fullmatch(text)
        if match is None:
            raise canonical.invalid(data_type)
        if len(text) > _LONGEST:
            raise canonical.out_of_range(data_type)
        return canonical.integer(data_type, _integer(match))

    return read_integer


def _object_id(text: bytes) -> bytes:
    text = text.strip(_BLANKS)
    if len(text) > _LONGEST or _UNSIGNED.fullmatch(text) is None:
        raise canonical.invalid("int64")
    return canonical.integer("int64", int(text))


def _boolean(text: bytes) -> bytes:
    text = text.strip(_BLANKS).lower()
    # "o" alone begins both "on" and "off".
    if text and text != b"o":
        if any(word.startswith(text) for word in _TRUE):
            return b"t"
        if any(word.startswith(text) for word in _FALSE):
            return b"f"
    raise canonical.invalid("bool")


def _real(text: bytes) -> bytes:
    text = text.strip(_BLANKS)
    if _HEX_REAL.fullmatch(text) is None:
        return canonical.real_text(text)
    try:
        found = float.fromhex(text.decode())
    except OverflowError:
        raise canonical.out_of_range("float8") from None
    if not found and text[2:].lower().partition(b"p")[0].strip(b"xX0."):
        raise canonical.out_of_range("float8")
    return canonical.real(found)


def _single(real: bytes) -> bytes:
    """The double that a single holds after rounding."""
    try:
        (found,) = _FLOAT.unpack(_FLOAT.pack(float(real)))
    except OverflowError:
        raise canonical.out_of_range("float8") from None
    return canonical.real(found)


def _date(text: bytes) -> bytes:
    text = text.strip(_BLANKS)
    match = _DAY.fullmatch(text)
    return canonical.date_text(b"-".join(match.groups()) if match is not None else text)


def _characters(oid: int, text: bytes) -> bytes:
    if oid == types.BPCHAR:
        return text.rstrip(b" ")
    if oid == types.NAME and len(text) > _NAME:
        return text[:_NAME].decode(errors="ignore").encode()
    if oid == types.CHAR and len(text) > 1:
        raise ValueRefusedError(
            errors.NOT_SUPPORTED, errors.WRONG_TYPE, 'type "char" has one character'
        )
    return text


def _as_it_is(text: bytes) -> bytes:
    return text


_READ: Final[dict[str, Callable[[bytes], bytes]]] = {
    "": bytea.decode,
    "bytes": bytea.decode,
    "str": _as_it_is,
    "int16": _integer_of("int16"),
    "int32": _integer_of("int32"),
    "int64": _integer_of("int64"),
    "bool": _boolean,
    "float8": _real,
    "uuid": canonical.uuid_text,
    "date": _date,
}
