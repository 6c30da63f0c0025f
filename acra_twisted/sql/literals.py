"""A literal's token to what it means, so that ``'a'``, ``E'a'`` and ``$$a$$`` compare equal."""

from __future__ import annotations

import re
from typing import Final

from acra_twisted.sql.lexer import (
    BIT,
    DOLLAR,
    ESCAPE,
    HEX,
    NUMBER,
    STRING,
    UNICODE,
)

#: A class (``"string"``, ``"number"``, ``"hex"``, ``"bit"``) and the bytes that are compared.
Value = tuple[str, bytes]

#: A quote of the text itself, written as two or behind a backslash, and the gap between a literal's
#: parts.  Each quote is read once, in its order.
_GAP: Final = rb"|'(?:[ \t\f\v\r\n]|--[^\n\r]*+|(?!))++'"
_QUOTE_OR_GAP: Final = re.compile(rb"('')" + _GAP)
_ESCAPED_OR_GAP: Final = re.compile(rb"(''|\\.)" + _GAP, re.S)
_ESCAPES: Final = {98: b"\b", 102: b"\f", 110: b"\n", 114: b"\r", 116: b"\t", 118: b"\v"}
_MYSQL_ESCAPES: Final = {48: b"\0", 98: b"\b", 110: b"\n", 114: b"\r", 116: b"\t", 90: b"\x1a"}
_ESCAPE: Final = re.compile(
    rb"\\(?:([0-7]{1,3})|x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))", re.S
)
_UNICODE: Final = re.compile(rb"\\(?:\+([0-9A-Fa-f]{6})|([0-9A-Fa-f]{4})|(\\))")


def _escaped(match: re.Match[bytes]) -> bytes:
    octal, hexadecimal, short, long, other = match.groups()
    if octal is not None:
        return bytes((int(octal, 8) & 255,))
    if hexadecimal is not None:
        return bytes((int(hexadecimal, 16),))
    if other is not None:
        return _ESCAPES.get(other[0], other)
    return _character(short or long)


def _character(digits: bytes) -> bytes:
    number = int(digits, 16)
    # Halves of a surrogate pair stay as they are: such a literal equals nothing but itself.
    return chr(number).encode("utf-8", "surrogatepass") if number < 0x110000 else digits


def postgresql_value(kind: str, raw: bytes, conforming: bool = True) -> Value:
    """Return the meaning of a literal token of PostgreSQL.  ``raw`` is as the lexer cut it out."""
    if kind == NUMBER:
        return "number", raw
    if kind == DOLLAR:
        tag = raw.index(b"$", 1) + 1
        return "string", raw[tag:-tag]
    if kind in (HEX, BIT):
        return ("hex" if kind == HEX else "bit"), _joined(raw[2:-1]).lower()
    if kind == UNICODE:
        body = _joined(raw[3:-1]).replace(b"''", b"'")
        return "string", _UNICODE.sub(
            lambda m: b"\\" if m.group(3) else _character(m.group(1) or m.group(2)), body
        )
    if kind == ESCAPE or (kind == STRING and not conforming):
        body = _joined(raw[2:-1] if kind == ESCAPE else raw[1:-1], True).replace(b"''", b"'")
        return "string", _ESCAPE.sub(_escaped, body)
    return "string", _joined(raw[1:-1]).replace(b"''", b"'")


def _joined(body: bytes, has_escapes: bool = False) -> bytes:
    """Return what stands inside a literal's quotes without the gaps between its parts."""
    # `in` makes an exception and drops it before it looks.
    if body.find(b"\n") < 0 and body.find(b"\r") < 0:
        return body
    return (_ESCAPED_OR_GAP if has_escapes else _QUOTE_OR_GAP).sub(rb"\1", body)


def mysql_value(kind: str, raw: bytes, no_backslash: bool = False) -> Value:
    """Return the meaning of a literal token of MySQL; adjacent strings arrive joined, as one
    token."""
    if kind == NUMBER:
        return "number", raw
    if kind in (HEX, BIT):
        digits = raw[2:-1] if raw.endswith(b"'") else raw[2:]
        return ("hex" if kind == HEX else "bit"), digits.lower()
    body = raw[1:] if raw[:1] in b"nN" else raw
    quote = body[:1]
    body = body[1:-1].replace(quote * 2, quote)
    if not no_backslash and b"\\" in body:
        body = re.sub(
            rb"\\(.)",
            lambda m: (
                m.group() if m.group(1) in b"%_" else _MYSQL_ESCAPES.get(m.group(1)[0], m.group(1))
            ),
            body,
            flags=re.S,
        )
    return "string", body
