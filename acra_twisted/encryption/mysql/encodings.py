"""The character sets in which clients of MySQL send and get characters.

Characters are kept as UTF-8.  Clients may get them in sets in which they cannot send any.
"""

from __future__ import annotations

from typing import Final

from acra_twisted.encryption import canonical, errors
from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.sql import mysqlcodecs
from acra_twisted.sql.languages import LANGUAGES

UTF8: Final = "utf-8"
#: Codecs of values in character sets whose texts are read by another one, which has all bytes: the
#: bytes of "binary" are those of the column.
_CODECS: Final = {"binary": UTF8, "ascii": "ascii"}
#: Codecs of sets in which clients only get characters.
_OF_RESULTS: Final = {
    **mysqlcodecs.RESULT_NAMES,
    **{"utf16": "utf-16-be", "utf16le": "utf-16-le", "utf32": "utf-32-be", "gbk": "gbk"},
    **{"tis620": "tis-620", "macroman": "mac-roman", "macce": "mac-latin2", "hp8": "hp-roman8"},
}
#: Codecs in which characters of ASCII are other bytes, or none.
_OTHERWISE: Final = frozenset(
    _OF_RESULTS[one] for one in ("ucs2", "utf16", "utf16le", "utf32", "swe7", "sjis")
)
_MODE: Final = LANGUAGES["mysql"]


def codec_of(charset: str) -> str:
    """The codec of values in a character set of MySQL's, empty for one that is not known, or in
    which a sign of SQL may be a part of a character."""
    if not charset.isalnum():
        return ""
    encoding: str = _MODE.mode_of({"character_set_client": charset}).encoding
    return encoding and _CODECS.get(charset, encoding)


def result_codec_of(charset: str) -> str:
    """The codec of characters in results, by the character set that the client has for them; empty
    for one of which only ASCII is known."""
    return _OF_RESULTS.get(charset) or codec_of(charset)


def to_utf8(text: bytes, codec: str) -> bytes:
    """Return characters in UTF-8, of one of the codecs here.  Raises ValueRefusedError for bytes
    that are none."""
    if codec == UTF8 or (text.isascii() and codec not in _OTHERWISE):
        return canonical.characters(text)
    try:
        return text.decode(codec or "ascii").encode()
    except UnicodeDecodeError:
        raise ValueRefusedError(
            errors.BAD_CHARACTER,
            errors.ENCODING,
            "bytes that the client's character set does not have",
        ) from None


def from_utf8(text: bytes, codec: str) -> bytes:
    """Return characters as a client gets them, by one of the codecs here.  Raises
    ValueRefusedError."""
    if codec == UTF8 or (text.isascii() and codec not in _OTHERWISE):
        return text
    try:
        return text.decode().encode(codec or "ascii")
    except UnicodeError:
        raise ValueRefusedError(
            errors.NO_EQUIVALENT,
            errors.ENCODING,
            "a value has characters that character_set_results lacks",
        ) from None
