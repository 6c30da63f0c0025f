"""The types of MySQL's columns that can hold what protected columns store."""

from __future__ import annotations

from typing import Final, NamedTuple

from acra_twisted.crypto import envelopes
from acra_twisted.encryption import errors, searching
from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.mysql.schema import Column
from acra_twisted.encryption.settings import SEARCHABLE, TEXT_TOKENS, TOKENIZED, ColumnSetting

#: Types that hold any bytes.
BYTES: Final = frozenset(("varbinary", "tinyblob", "blob", "mediumblob", "longblob"))
#: Types that hold characters, with their collations.
TEXTS: Final = frozenset(("varchar", "tinytext", "text", "mediumtext", "longtext"))
_TOKENS: Final = {
    "int32": frozenset(("int", "bigint")),
    "int64": frozenset(("bigint",)),
    "str": TEXTS | {"varbinary"},
    "email": TEXTS | {"varbinary"},
    "bytes": BYTES,
}
_RECOMMENDED: Final = {
    "int32": "INT",
    "int64": "BIGINT",
    "str": "VARCHAR of the value's length",
    "email": "VARCHAR of the value's length",
    "bytes": "VARBINARY of the value's length",
}
#: Bytes of a character at most, by its character set.
WIDTHS: Final[dict[str, int]] = {
    **dict.fromkeys(("utf8mb4", "utf16", "utf16le", "utf32", "gb18030"), 4),
    **dict.fromkeys(("utf8mb3", "utf8", "ujis", "eucjpms"), 3),
    **dict.fromkeys(("ucs2", "gbk", "gb2312", "sjis", "cp932", "big5", "euckr"), 2),
}
_UTF8: Final = frozenset(("utf8mb4", "utf8mb3", "utf8"))
_UTF16: Final = frozenset(("utf16", "utf16le"))
#: Sets in which all characters have as many bytes.
_FIXED: Final = frozenset(("utf32", "ucs2"))
#: Bytes that an envelope takes beside its plaintext.
OVERHEAD: Final = {"acrablock": 150, "acrastruct": 201}


def overhead(setting: ColumnSetting) -> int:
    """The bytes that a stored value has beside its plaintext."""
    prefix = searching.SIZE if setting.kind == SEARCHABLE else 0
    return OVERHEAD[setting.envelope] + prefix


def recommended(setting: ColumnSetting) -> str:
    """The type to recommend, in words."""
    if setting.kind == TOKENIZED:
        return _RECOMMENDED[setting.token_type]
    return f"VARBINARY(n), n being {overhead(setting)} more than the longest value, or BLOB"


def definition(setting: ColumnSetting) -> str:
    """The type that a definition can give a column, for values of 255 bytes at most."""
    if setting.kind == TOKENIZED:
        kinds = {"int32": "INT", "int64": "BIGINT", "bytes": "VARBINARY(255)"}
        return kinds.get(setting.token_type, "VARCHAR(255)")
    return f"VARBINARY({overhead(setting) + 255})"


class Room(NamedTuple):
    """The bytes that a column holds, -1 for any number: of characters in ``charset``, which is
    empty for bytes.  ``counts_characters``: ``size`` is a number of characters, of a VARCHAR."""

    size: int = -1
    charset: str = ""
    counts_characters: bool = False


ANY: Final = Room()


def room(column: Column) -> Room:
    """The room of a column."""
    if column.type != "varchar":
        return Room(column.length, column.charset)
    return Room(column.length // WIDTHS.get(column.charset, 1), column.charset, True)


def check_room(setting: ColumnSetting, stored: bytes, room: Room) -> None:
    """Raises ValueRefusedError, without the column, for what is longer than its room: with IGNORE,
    and in modes that are not strict, a server would cut it, and only warn."""
    size = room.size
    # A character takes four bytes at most, and one of UTF-8's bytes is at most four of another set.
    if size < 0 or len(stored) <= size // 4:
        return
    taken = len(stored)
    if setting.token_type in TEXT_TOKENS and room.charset:
        text = stored.decode()
        taken = len(text) if room.counts_characters else _taken(text, stored, room.charset)
    if taken <= size:
        return
    raise ValueRefusedError(
        errors.TOO_LONG, errors.OUT_OF_RANGE, "what is stored of a value is longer than the column"
    )


def _taken(text: str, stored: bytes, charset: str) -> int:
    """The bytes of a text, which is ``stored`` as UTF-8, in a character set."""
    width = WIDTHS.get(charset, 1)
    if charset in _UTF8:
        return len(stored)
    if charset in _UTF16:
        return len(text.encode("utf-16-le"))
    if charset in _FIXED:
        return width * len(text)
    # Those of ASCII are one byte in all others.
    wide = sum(character > "\x7f" for character in text)
    return len(text) + wide * (width - 1)


def misfit(setting: ColumnSetting, column: Column) -> str:
    """Why a column cannot hold what is stored; empty if it can."""
    wrong = wrong_type(setting, column)
    if not wrong and setting.kind != TOKENIZED and 0 <= column.length <= overhead(setting):
        return f"its length of {column.length} bytes is too short for what is stored"
    return wrong


def wrong_type(setting: ColumnSetting, column: Column) -> str:
    """Why a column of any length cannot hold what is stored, and is not compared as that is; empty
    if it can, and is."""
    kind = column.type
    if setting.kind == TOKENIZED:
        if kind in _TOKENS[setting.token_type]:
            return ""
        return f"its type {kind} cannot hold its tokens"
    if kind in TEXTS:
        return f"its type {kind} has a character set, in which what is stored is damaged"
    if kind not in BYTES:
        return f"its type {kind} cannot hold what is stored"
    return ""


assert min(OVERHEAD.values()) > envelopes.MINIMUM  # noqa: S101 - both count the same
