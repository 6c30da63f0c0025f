"""Signatures of Ed25519 with a password in the place of a key of 32 bytes, as MariaDB's plugin
``client_ed25519`` makes them.

The numbers are Python's: how long it takes tells a little of the password to whoever can measure it
on this machine.  Libraries take no password for a key.
"""

from __future__ import annotations

from hashlib import sha512
from typing import Final

_P: Final = 2**255 - 19
_ORDER: Final = 2**252 + 27742317777372353535851937790883648493
_D: Final = -121665 * pow(121666, _P - 2, _P) % _P

#: A point: x and y as fractions of the third number, and the product of both.
_Point = tuple[int, int, int, int]
_ZERO: Final[_Point] = (0, 1, 1, 0)
_X: Final = 15112221349535400772501151409588531511454012693041857206046113283949847762202
_Y: Final = 4 * pow(5, _P - 2, _P) % _P
_BASE: Final[_Point] = (_X, _Y, 1, _X * _Y % _P)


def sign(password: bytes, message: bytes) -> bytes:
    """Return the signature of a message, 64 bytes."""
    digest = sha512(password).digest()
    secret = int.from_bytes(digest[:32], "little") & (1 << 254) - 8 | 1 << 254
    public = _encoded(_times(secret))
    once = _number(digest[32:], message)
    point = _encoded(_times(once))
    answer = (once + _number(point, public, message) * secret) % _ORDER
    return point + answer.to_bytes(32, "little")


def _number(*parts: bytes) -> int:
    return int.from_bytes(sha512(b"".join(parts)).digest(), "little") % _ORDER


def _times(number: int) -> _Point:
    """The base point, so many times."""
    found, power = _ZERO, _BASE
    while number:
        if number & 1:
            found = _sum(found, power)
        power = _sum(power, power)
        number >>= 1
    return found


def _sum(one: _Point, other: _Point) -> _Point:
    a = (one[1] - one[0]) * (other[1] - other[0]) % _P
    b = (one[1] + one[0]) * (other[1] + other[0]) % _P
    c = 2 * one[3] * other[3] * _D % _P
    d = 2 * one[2] * other[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _encoded(point: _Point) -> bytes:
    x, y, z, _ = point
    inverse = pow(z, _P - 2, _P)
    x, y = x * inverse % _P, y * inverse % _P
    return (y | (x & 1) << 255).to_bytes(32, "little")
