"""Bytes as PostgreSQL writes them in text: the input and the output of its type ``bytea``."""

from __future__ import annotations

import binascii
import re
from typing import Final

from acra_twisted.encryption import errors
from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.plan import BASE64, ESCAPE, HEX
from acra_twisted.fast.finding import find

_BLANKS: Final = b" \t\n\r"
_ESCAPED: Final = re.compile(rb"\\(?:\\|([0-3][0-7]{2})|)")
#: Hexadecimal pairs, blanks between them.
_PAIRS: Final = re.compile(rb"(?:[ \t\n\r]*+[0-9a-fA-F]{2}|(?!))*+[ \t\n\r]*+")
_BASE64: Final = re.compile(
    rb"(?:[A-Za-z0-9+/]{4}|(?!))*+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"
)


def decode(text: bytes) -> bytes:
    """The bytes that a text stands for, in hexadecimal or in the escape format.  Raises
    ValueRefusedError with the database's own SQLSTATE where the database refuses it.

    The text is not checked for its encoding.
    """
    if text[:2] == b"\\x":
        return _decode_hex(text[2:])
    if find(text, b"\\") < 0:
        return text
    return _ESCAPED.sub(_unescape, text)


def decode_as(form: str, text: bytes) -> bytes:
    """The bytes that a constant call of ``decode`` or ``convert_to`` gives.  ``form`` is HEX,
    BASE64, ESCAPE or CHARACTERS of `encryption.plan`.  Raises ValueRefusedError."""
    if form == HEX:
        return _decode_hex(text)
    if form == BASE64:
        compact = text.translate(None, _BLANKS)
        if _BASE64.fullmatch(compact) is None:
            raise ValueRefusedError(
                errors.BAD_PARAMETER, errors.NOT_BYTES, "invalid base64 sequence"
            )
        return binascii.a2b_base64(compact)
    return _ESCAPED.sub(_unescape, text) if form == ESCAPE else text


def _decode_hex(digits: bytes) -> bytes:
    try:
        return binascii.unhexlify(digits)
    except binascii.Error:
        pass
    if _PAIRS.fullmatch(digits) is None:
        raise ValueRefusedError(
            errors.BAD_PARAMETER, errors.NOT_BYTES, "invalid hexadecimal data for type bytea"
        )
    return binascii.unhexlify(digits.translate(None, _BLANKS))


def _unescape(match: re.Match[bytes]) -> bytes:
    octal = match[1]
    if octal is not None:
        return bytes((int(octal, 8),))
    if match[0] == b"\\\\":
        return b"\\"
    raise ValueRefusedError(
        errors.INVALID_TEXT, errors.NOT_BYTES, "invalid input syntax for type bytea"
    )


def encode(data: bytes) -> bytes:
    """The text of bytes: ``\\x`` and two digits in lower case for each."""
    return b"\\x" + binascii.hexlify(data)
