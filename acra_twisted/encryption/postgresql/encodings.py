"""The encodings in which clients of PostgreSQL send and get characters.

Characters are kept as UTF-8.  Encodings that Python and PostgreSQL do not understand in the same
way are left out: in these only ASCII passes.
"""

from __future__ import annotations

from typing import Final

from acra_twisted.encryption import errors
from acra_twisted.encryption.canonical import characters
from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.errors import LexError
from acra_twisted.sql import modes
from acra_twisted.sql.modes import Mode

UTF8: Final = "UTF8"
#: The server takes what is sent in it as it is: it has to be of the server's own encoding.
_ANY: Final = "SQL_ASCII"
#: Leaves ASCII alone, and makes all else into a byte that no UTF-8 has.
_UNREADABLE: Final = bytes(range(0x80)) + b"\xff" * 0x80
#: Python's names of encodings.
CODECS: Final = {
    **{f"LATIN{number}": f"iso8859_{number}" for number in range(1, 5)},
    "LATIN5": "iso8859_9",
    "LATIN6": "iso8859_10",
    "LATIN7": "iso8859_13",
    "LATIN8": "iso8859_14",
    "LATIN9": "iso8859_15",
    "LATIN10": "iso8859_16",
    **{f"ISO_8859_{number}": f"iso8859_{number}" for number in range(5, 9)},
    "WIN866": "cp866",
    "WIN874": "cp874",
    **{f"WIN125{number}": f"cp125{number}" for number in range(9)},
    "KOI8R": "koi8_r",
    "KOI8U": "koi8_u",
}


def to_utf8(text: bytes, encoding: str) -> bytes:
    """The UTF-8 of characters that a client has sent.  ``encoding`` is the session's
    ``client_encoding`` as the server reports it.  Raises ValueRefusedError."""
    if 0 in text:
        raise _bad(encoding)
    if text.isascii():
        return text
    if encoding in (UTF8, _ANY):
        return characters(text)
    codec = CODECS.get(encoding)
    if codec is None:
        raise _unknown(encoding)
    try:
        return text.decode(codec).encode()
    except UnicodeDecodeError:
        raise _bad(encoding) from None


def readable(text: bytes, mode: Mode) -> bytes:
    """A client's text in UTF-8, for the names in it.  Where its encoding is not known, or does not
    have its characters, each byte beyond ASCII becomes one that UTF-8 does not have."""
    if mode.backslash is not None or text.isascii():
        try:
            return modes.normal(text, mode)
        except LexError:
            pass
    return text.translate(_UNREADABLE)


def from_utf8(text: bytes, encoding: str) -> bytes:
    """Characters as a client gets them.  Raises ValueRefusedError."""
    if text.isascii() or encoding in (UTF8, _ANY):
        return text
    codec = CODECS.get(encoding)
    if codec is None:
        raise _unknown(encoding)
    try:
        return text.decode().encode(codec)
    except UnicodeError:
        raise ValueRefusedError(
            errors.NO_EQUIVALENT,
            errors.ENCODING,
            f"a character has no equivalent in encoding {encoding}",
        ) from None


def _bad(encoding: str) -> ValueRefusedError:
    return ValueRefusedError(
        errors.BAD_CHARACTER, errors.ENCODING, f"invalid byte sequence for encoding {encoding}"
    )


def _unknown(encoding: str) -> ValueRefusedError:
    return ValueRefusedError(
        errors.NOT_SUPPORTED,
        errors.ENCODING,
        f"characters in encoding {encoding} are not understood: set client_encoding to UTF8",
    )
