"""Values as a client of MySQL writes them, to the canonical plaintext of a protected column."""

from __future__ import annotations

import re
from binascii import Error, unhexlify
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from acra_twisted.encryption import canonical, errors
from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.mysql.plan import Given, Source
from acra_twisted.encryption.settings import ColumnSetting
from acra_twisted.sql import lexer
from acra_twisted.sql.literals import mysql_value

_BYTES: Final = frozenset(("", "bytes"))
_DIGITS: Final = frozenset(b"0123456789")
_HEX_MARKS: Final = (b"x'", b"X'", b"0x")
_BIT_MARKS: Final = (b"b'", b"B'", b"0b")
_QUOTES: Final = b"'\""
_UTF8: Final = frozenset(("", "utf8mb4", "utf8mb3", "utf8", "binary", "date"))
#: Times as the server writes them, by the word before their string.
_TIMES: Final = {
    "date": re.compile(rb"[0-9]{4}-[0-9]{2}-[0-9]{2}").fullmatch,
    "time": re.compile(
        rb"(?:[0-9]{2}|[1-7][0-9]{2}|8[0-2][0-9]|83[0-8])(?::[0-5][0-9]){2}(?:[.][0-9]{1,6})?"
    ).fullmatch,
    "timestamp": re.compile(
        rb"[0-9]{4}-[0-9]{2}-[0-9]{2} (?:[01][0-9]|2[0-3])(?::[0-5][0-9]){2}(?:[.][0-9]{1,6})?"
    ).fullmatch,
}
_WORDS: Final = {b"true": b"1", b"false": b"0"}
_TRUTHS: Final = {b"1": b"t", b"0": b"f"}


def from_literal(given: Given, literals: Sequence[bytes], no_backslash: bool) -> bytes:
    """The canonical plaintext of a literal; ``literals`` are all of the text, as it has them.

    ``no_backslash``: backslashes are ordinary characters in strings.  Raises ValueRefusedError,
    which names the column.
    """
    setting = given.use.column
    try:
        return _literal(setting, given.source, literals, no_backslash)
    except ValueRefusedError as error:
        raise about(setting, error) from None


def string(source: Source, literals: Sequence[bytes], no_backslash: bool) -> bytes | None:
    """The characters of a string, None for any other literal."""
    if source.word or source.negative or source.ordinal < 0 or source.introducer == "date":
        return None
    parts = literals[source.ordinal : source.ordinal + source.strings]
    if any(not _is_string(part) for part in parts):
        return None
    found = b"".join(mysql_value(lexer.STRING, part, no_backslash)[1] for part in parts)
    national = "" if source.introducer else "utf8"
    return _transcoded(found, source.introducer or national)


def _literal(
    setting: ColumnSetting, source: Source, literals: Sequence[bytes], no_backslash: bool
) -> bytes:
    if source.word:
        return _from_number(setting, _WORDS[source.word])
    first = literals[source.ordinal]
    if _is_string(first):
        text = string(source, literals, no_backslash)
        if text is None and source.introducer == "date":
            if setting.data_type not in ("date", "str"):
                raise _wrong_type(setting)
            text = mysql_value(lexer.STRING, first, no_backslash)[1]
        if text is None:
            raise _wrong_type(setting)
        if source.introducer in _TIMES:
            _check_time(source.introducer, text)
        return from_text(setting, text)
    if first.startswith(_HEX_MARKS):
        return from_bytes(setting, _from_hex(first))
    if first.startswith(_BIT_MARKS):
        raise _wrong_type(setting)
    return _from_number(setting, b"-" + first if source.negative else first)


def _check_time(word: str, text: bytes) -> None:
    """Raise ValueRefusedError for the string of a date or a time that the server would write in
    another way, or refuse."""
    found = _TIMES[word](text)
    try:
        if found and word != "time":
            datetime.fromisoformat(text[:19].decode("ascii"))
    except ValueError:
        found = None
    if not found:
        raise ValueRefusedError(
            errors.INVALID_TEXT,
            errors.INVALID,
            "a date or a time that is not written as the database writes it",
        )


def from_text(setting: ColumnSetting, text: bytes) -> bytes:
    """The canonical plaintext of a value's characters, in UTF-8.  Raises ValueRefusedError."""
    if setting.data_type == "bool" and text in _TRUTHS:
        return _TRUTHS[text]
    return canonical.canonical(setting.data_type, text)


def from_bytes(setting: ColumnSetting, value: bytes) -> bytes:
    """The canonical plaintext of bytes.  Raises ValueRefusedError for a column of another type than
    bytes and characters."""
    if setting.data_type not in _BYTES | {"str"}:
        raise _wrong_type(setting)
    return canonical.canonical(setting.data_type, value)


def from_integer(setting: ColumnSetting, number: int) -> bytes:
    """The canonical plaintext of a whole number.  Raises ValueRefusedError."""
    return _from_number(setting, b"%d" % number)


def about(setting: ColumnSetting, error: ValueRefusedError) -> ValueRefusedError:
    """Return the same error with the column that it is about."""
    text = f"column {setting.label} is protected by AcraServer: {error}"
    return ValueRefusedError(error.sqlstate, error.reason, text, setting.label)


def _from_number(setting: ColumnSetting, text: bytes) -> bytes:
    """The plaintext of a number as it is written: to a column of bytes or characters, the digits of
    a whole one."""
    if setting.data_type == "bool":
        if text not in _TRUTHS:
            raise canonical.invalid("bool")
        return _TRUTHS[text]
    if setting.data_type in _BYTES | {"str"}:
        digits = text.removeprefix(b"-")
        if not digits or not _DIGITS.issuperset(digits) or len(digits) > 19:
            raise _wrong_type(setting)
        return b"%d" % int(text)
    if setting.data_type in ("uuid", "date"):
        raise _wrong_type(setting)
    return canonical.canonical(setting.data_type, text)


def _is_string(raw: bytes) -> bool:
    return raw[:1] in (b"'", b'"') or raw[:2] in (b"n'", b"N'")


def _from_hex(raw: bytes) -> bytes:
    digits = raw[2:-1] if raw[-1:] == b"'" else raw[2:]
    if raw[:2] == b"0x" and len(digits) % 2:
        digits = b"0" + digits
    try:
        return unhexlify(digits)
    except Error:
        raise ValueRefusedError(
            errors.INVALID_TEXT, errors.INVALID, "an odd number of hexadecimal digits"
        ) from None


def _transcoded(text: bytes, introducer: str) -> bytes:
    if introducer in _UTF8 or text.isascii():
        return text
    raise ValueRefusedError(
        errors.BAD_CHARACTER,
        errors.ENCODING,
        "characters beyond ASCII in another character set than utf8mb4",
    )


def _wrong_type(setting: ColumnSetting) -> ValueRefusedError:
    return ValueRefusedError(
        errors.TYPE_MISMATCH,
        errors.WRONG_TYPE,
        f"the value is not of type {canonical.NAMES[setting.data_type]}",
    )
