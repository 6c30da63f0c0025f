"""Codecs of those character sets of MySQL's for which Python has none that is the same.

The server says what a byte means: Python's codec of a character set may have other characters, or
more (MariaDB 10.11, ``CONVERT(_latin1 x'80' USING utf8mb4)`` for each byte of each character set).
They are registered as ``mysql_latin1`` and so on when this module is loaded.
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
#: The names of the codecs by character set.
NAMES: Final = {charset: _PREFIX + charset for charset in _TABLES}


def _found(name: str) -> codecs.CodecInfo | None:
    table = _TABLES.get(name.removeprefix(_PREFIX)) if name.startswith(_PREFIX) else None
    if table is None:
        return None
    characters: str = table
    encoding = codecs.charmap_build(characters)

    def encode(text: str, errors: str = "strict") -> tuple[bytes, int]:
        return codecs.charmap_encode(text, errors, encoding)

    def decode(data: Any, errors: str = "strict") -> tuple[str, int]:
        return codecs.charmap_decode(data, errors, characters)

    return codecs.CodecInfo(encode, decode, name=name)


codecs.register(_found)
