"""Tokens that stand in the place of values: their types, their making, the names of their records.

Source: the transparent-encryption reference, section 3, and acra-wire, section 14.  Values and
tokens are in canonical form (decimal ASCII for the integers); the encoded form is the one that
records and ids are made of (integers little-endian).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Final

from acra_twisted.encryption import errors
from acra_twisted.encryption.errors import ValueRefusedError

Random = Callable[[int], bytes]

#: The number that a type has in records and ids.
KINDS: Final[Mapping[str, int]] = {"int32": 1, "int64": 2, "str": 3, "bytes": 4, "email": 5}
_STR: Final = "str"
_EMAIL: Final = "email"
_SIZES: Final[Mapping[str, int]] = {"int32": 4, "int64": 8}
_DELIMITER: Final = b"tokenizator hash delimiter"
_ALPHABET: Final = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_SHORT_DOMAINS: Final = (b".au", b".br", b".de", b".jp", b".et", b".us")
_DOMAINS: Final = (b".com", b".net", b".org", b".edu", b".info", *_SHORT_DOMAINS)
#: Bytes of an address from which longer domains are used.
_LONG_FROM: Final = 8
#: The shortest address that leaves room for a token: a@b.de.
EMAIL_MIN: Final = 6
#: Bytes of a value at most: a store reads no records that are much longer.
VALUE_MAX: Final = 1 << 20
#: How often another token is tried where one is taken.
TRIES: Final = 100


def encode(token_type: str, value: bytes, column: str) -> bytes:
    """Return the encoded form of a value.  Raises ValueRefusedError, which names the column."""
    size = _SIZES.get(token_type)
    if size is None:
        return value
    try:
        return int(value).to_bytes(size, "little", signed=True)
    except (ValueError, OverflowError):
        raise ValueRefusedError(
            b"22003", errors.OUT_OF_RANGE, f"the value of {column} is no {token_type}"
        ) from None


def decode(token_type: str, encoded: bytes) -> bytes:
    """Return the canonical form of an encoded value.  Raises ValueError if it is of another
    size."""
    size = _SIZES.get(token_type)
    if size is None:
        return encoded
    if len(encoded) != size:
        raise ValueError("the record of a token has a number of another size")
    return b"%d" % int.from_bytes(encoded, "little", signed=True)


def generate(token_type: str, encoded: bytes, random_bytes: Random, column: str) -> bytes:
    """Return a random token for a value, both encoded: of the same type and length, and never the
    value itself.  Raises ValueRefusedError if there is none for a value of this length."""
    if len(encoded) > VALUE_MAX:
        raise ValueRefusedError(
            b"54000",
            errors.UNFIT,
            f"no token can be made for {column}: the value has more than {VALUE_MAX} bytes",
        )
    if token_type == _EMAIL and len(encoded) < EMAIL_MIN:
        raise ValueRefusedError(
            b"22000",
            errors.UNFIT,
            f"no token can be made for {column}: an address has {EMAIL_MIN} bytes or more",
        )
    for _ in range(TRIES):
        token = _random(token_type, len(encoded), random_bytes)
        if token != encoded:
            return token
    raise out_of_tokens(column)


def out_of_tokens(column: str) -> ValueRefusedError:
    """Return the error of a column in which every token that was tried is taken."""
    return ValueRefusedError(
        b"22000",
        errors.EXHAUSTED,
        f"no token is left for {column}: there are too few of this length; longer values are "
        "needed",
    )


def _random(token_type: str, size: int, random_bytes: Random) -> bytes:
    if token_type == _STR:
        return _letters(size, random_bytes)
    if token_type != _EMAIL:
        return random_bytes(size)
    domains = _DOMAINS if size >= _LONG_FROM else _SHORT_DOMAINS
    domain = domains[_below(len(domains), 1, random_bytes)[0]]
    rest = _letters(size - len(domain), random_bytes)
    at = len(rest) // 2
    return b"".join((rest[:at], b"@", rest[at + 1 :], domain))


def _letters(count: int, random_bytes: Random) -> bytes:
    return bytes(_ALPHABET[number] for number in _below(len(_ALPHABET), count, random_bytes))


def _below(limit: int, count: int, random_bytes: Random) -> list[int]:
    """Return ``count`` numbers below ``limit``, each as likely as another."""
    fair = 256 - 256 % limit
    found: list[int] = []
    while len(found) < count:
        found += [byte % limit for byte in random_bytes(count - len(found)) if byte < fair]
    return found


# -- the names of records -------------------------------------------------------------------------


def scope_of(client_id: str) -> bytes:
    """Return the scope in which a client's tokens are unique."""
    return b"client" + client_id.encode()


def bucket_of(scope: bytes) -> bytes:
    """Return the place of a scope's records in a store, 32 bytes."""
    return hashlib.sha256(scope).digest()


def _named(token_type: str, encoded: bytes, scope: bytes) -> bytes:
    kind = b"%d" % KINDS[token_type]
    return b"".join((_DELIMITER, encoded, scope, _DELIMITER, kind))


def token_key(token_type: str, token: bytes, scope: bytes) -> bytes:
    """Return the key of the record that has a token's value.  ``token`` is encoded."""
    return b"t." + hashlib.sha256(_named(token_type, token, scope)).digest()


def value_key(token_type: str, value: bytes, scope: bytes) -> bytes:
    """Return the key of the record that has a value's consistent token, as Acra makes it.
    ``value`` is encoded."""
    return b"h." + hashlib.sha256(_named(token_type, value, scope)).digest()


def keyed_value_key(token_type: str, value: bytes, scope: bytes, key: bytes | bytearray) -> bytes:
    """Return the same with a key, so that nobody finds a value by trying who has the store
    alone."""
    return b"k." + hmac.digest(key, _named(token_type, value, scope), "sha256")
