"""Codecs of those character sets of MySQL's for which Python has none that is the same.

The server says what a byte means: Python's codec of a character set may have other characters, or
more (MariaDB 10.11, ``CONVERT(_latin1 x'80' USING utf8mb4)`` for each byte of each character set,
and the other way round for each character).  They are registered as ``mysql_latin1`` and so on when
this module is loaded.
"""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from typing import Any, Final

_PREFIX: Final = "mysql_"
#: In place of a byte that is no character.
_NONE: Final = "\ufffe"


def _table(codec: str, others: Mapping[int, str], without: bytes = b"") -> str:
    """The characters of all bytes: those of a codec, and others in the place of some."""
    told = {**dict.fromkeys(without, _NONE), **others}
    return "".join(
        told.get(byte) or bytes([byte]).decode(codec, "replace").replace("\ufffd", _NONE)
        for byte in range(256)
    )


_TABLES: Final = {
    "latin1": _table("cp1252", {byte: chr(byte) for byte in b"\x81\x8d\x8f\x90\x9d"}),
    "koi8u": _table("koi8-u", {0x95: "\u2022"}),
    "cp866": _table("cp866", {0xFC: "\u207f", 0xFD: "\u00b2"}),
    "cp1256": _table("cp1256", {}, b"\x8a\x8f\x98\x9a\x9f\xaa\xc0\xff"),
    "greek": _table("iso8859-7", {0xA1: "\u02bd", 0xA2: "\u02bc"}, b"\xa4\xa5\xaa"),
    "hebrew": _table("iso8859-8", {0xAF: "\u203e"}),
}
#: Sets in which no text is read, because a sign of SQL may be something else in them.
_OTHER_TABLES: Final = {
    "swe7": _table(
        "ascii",
        dict(zip(b"@[\\]^`{|}~", "\xc9\xc4\xd6\xc5\xdc\xe9\xe4\xf6\xe5\xfc", strict=True)),
        b"\x7f",
    ),
    # A backslash is two bytes for the server, and Python's characters beyond ASCII are others.
    "sjis": _table("ascii", {}, b"\\"),
}
#: Python's codec, and the characters that it has and the server has not; None: those beyond U+FFFF.
_NARROWED: Final = {
    "ucs2": ("utf-16-be", None),
    "ujis": ("euc-jp", "\u00a5\u203e\uff3c"),
    "big5": ("big5", "\u02cd\u2574\uffe3"),
}
#: The names of the codecs by character set.
NAMES: Final = {charset: _PREFIX + charset for charset in (*_TABLES, "ujis")}
#: The same of sets in which clients can only get characters.
RESULT_NAMES: Final = {charset: _PREFIX + charset for charset in (*_OTHER_TABLES, "ucs2", "big5")}


def _found(name: str) -> codecs.CodecInfo | None:
    charset = name.removeprefix(_PREFIX) if name.startswith(_PREFIX) else ""
    table = _TABLES.get(charset) or _OTHER_TABLES.get(charset)
    if table is not None:
        return _by_table(name, table)
    return _narrowed(name, *_NARROWED[charset]) if charset in _NARROWED else None


def _narrowed(name: str, codec: str, lacking: str | None) -> codecs.CodecInfo:
    whole = codecs.lookup(codec)

    def encode(text: str, errors: str = "strict") -> tuple[bytes, int]:
        for at, character in enumerate(text):
            if character > "\uffff" if lacking is None else character in lacking:
                raise UnicodeEncodeError(name, text, at, at + 1, "the server has no such character")
        return whole.encode(text, errors)

    return codecs.CodecInfo(encode, whole.decode, name=name)


def _by_table(name: str, characters: str) -> codecs.CodecInfo:
    encoding = codecs.charmap_build(characters)

    def encode(text: str, errors: str = "strict") -> tuple[bytes, int]:
        return codecs.charmap_encode(text, errors, encoding)

    def decode(data: Any, errors: str = "strict") -> tuple[str, int]:
        return codecs.charmap_decode(data, errors, characters)

    return codecs.CodecInfo(encode, decode, name=name)


codecs.register(_found)
