"""The options of a COPY ... FROM STDIN, as far as they say where its rows and values begin and end.

Source: PostgreSQL's copy.c (ProcessCopyOptions).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from acra_twisted.errors import AcraError

TEXT: Final = "text"
CSV: Final = "csv"
BINARY: Final = "binary"

#: Encodings in which a byte below 128 may be the second half of a character.
_UNSAFE: Final = frozenset(
    ("SJIS", "SHIFT_JIS_2004", "BIG5", "GBK", "UHC", "GB18030", "JOHAB", "MULE_INTERNAL")
)
#: What a value in hexadecimal is made of, in whatever quotes.
_DIGITS: Final = re.compile(rb"\\*x?[0-9a-fA-F]+|\\+x")
#: A whole value of bytes, with its backslash written once or twice.
_BYTES: Final = re.compile(rb"\\+x[0-9a-fA-F]*")
#: The database itself allows none of these between values of text.
_NO_DELIMITERS: Final = b"\\.abcdefghijklmnopqrstuvwxyz0123456789\r\n"
_IN_DIGITS: Final = b"\\x0123456789abcdef"
_ENDS: Final = b"\r\n\0"
#: Options without influence on how rows are read.
_INDIFFERENT: Final = frozenset(("freeze", "on_error", "reject_limit", "log_verbosity"))
#: The error of a row that has another number of values than the statement has columns.
WRONG_COUNT: Final = "a row has missing values, or more than it has columns"
_TRUE: Final = ("true", "on", "1", "match", "")
_FALSE: Final = ("false", "off", "0")


class CopyDataError(AcraError):
    """Bulk data, or the options for it, that cannot be read for certain.  The text has no part of
    the data."""


class CopyFormat(NamedTuple):
    """The format of rows.  ``kind`` is TEXT, CSV or BINARY; the others are not for BINARY.

    ``header``: the first line has the columns' names.  ``not_null`` are the columns, by their
    places from 0, in which a value without quotes is never NULL; ``null_in_quotes`` those in which
    one with quotes may be, ``quoted`` those in which every value has quotes.  ``default`` is the
    mark for a column's default, None if there is none.
    """

    kind: str = TEXT
    delimiter: bytes = b"\t"
    null: bytes = b"\\N"
    quote: bytes = b'"'
    escape: bytes = b'"'
    header: bool = False
    not_null: frozenset[int] = frozenset()
    null_in_quotes: frozenset[int] = frozenset()
    quoted: frozenset[int] = frozenset()
    default: bytes | None = None


#: Options by their names in lower case: None for one without a value, a list of columns' names.
Options = Mapping[str, str | Sequence[str] | None]


def copy_format(options: Options, columns: Sequence[str], encoding: str = "UTF8") -> CopyFormat:
    """The format that options ask for.

    ``columns`` are the names of the columns of the rows, in order.  ``encoding`` is the session's
    ``client_encoding``.  ``force_null`` and ``force_not_null`` may have ``*`` for all columns.
    Raises CopyDataError for options that are not known, change the encoding, or would make the
    digits of an encrypted value something else.
    """
    if encoding in _UNSAFE:
        raise CopyDataError(f"rows in encoding {encoding} cannot be taken apart")
    given = dict(options)
    kind = _text(given, "format", TEXT)
    if kind not in (TEXT, CSV, BINARY):
        raise CopyDataError("the format is neither text nor csv nor binary")
    if _text(given, "encoding", encoding).upper().replace("-", "") != encoding:
        raise CopyDataError("option encoding differs from the session's client_encoding")
    if kind == BINARY:
        return CopyFormat(BINARY)
    csv = kind == CSV
    quote = _text(given, "quote", '"').encode()
    made = CopyFormat(
        kind,
        _text(given, "delimiter", "," if csv else "\t").encode(),
        _text(given, "null", "" if csv else "\\N").encode(),
        quote,
        _text(given, "escape", quote.decode()).encode(),
        _flag(given, "header"),
        _places(given, "force_not_null", columns),
        _places(given, "force_null", columns),
        _places(given, "force_quote", columns),
        _text(given, "default", "").encode() if "default" in given else None,
    )
    unknown = given.keys() - _INDIFFERENT
    if unknown:
        raise CopyDataError(f"option {min(unknown)} is not supported on protected columns")
    _check(made)
    return made


def _check(made: CopyFormat) -> None:
    csv = made.kind == CSV
    if any(len(sign) != 1 for sign in (made.delimiter, made.quote, made.escape)):
        raise CopyDataError("delimiter, quote and escape are one byte each")
    if made.delimiter in _ENDS or (not csv and made.delimiter in _NO_DELIMITERS):
        raise CopyDataError("such a delimiter is not possible")
    for sign in (made.delimiter, made.quote) if csv else ():
        if sign in _IN_DIGITS:
            raise CopyDataError("such a delimiter or quote may stand in an encrypted value")
    if csv and (made.quote == made.delimiter or made.escape in _ENDS or made.quote in _ENDS):
        raise CopyDataError("such a quote or escape is not possible")
    _check_mark("NULL", made.null, made, _DIGITS)
    if made.default is not None:
        _check_mark("a default", made.default, made, _BYTES)
    if made.default == made.null:
        raise CopyDataError("the text for NULL and that for a default are the same")
    if not csv and (made.not_null or made.null_in_quotes or made.quoted):
        raise CopyDataError("force_null, force_not_null and force_quote are for csv alone")


def _check_mark(name: str, mark: bytes, made: CopyFormat, value: re.Pattern[bytes]) -> None:
    quotes = (made.quote,) if made.kind == CSV else ()
    if any(sign in mark for sign in (b"\n", b"\r", made.delimiter, *quotes)):
        raise CopyDataError(f"the text for {name} has a delimiter, a quote or a line's end in it")
    if value.fullmatch(mark):
        raise CopyDataError(f"the text for {name} may be an encrypted value")


def _text(given: dict[str, str | Sequence[str] | None], name: str, default: str) -> str:
    value = given.pop(name, default)
    if not isinstance(value, str):
        raise CopyDataError(f"option {name} has no text for its value")
    return value


def _flag(given: dict[str, str | Sequence[str] | None], name: str) -> bool:
    value = given.pop(name, "false")
    lower = value.lower() if isinstance(value, str) else "" if value is None else "?"
    if lower not in _TRUE and lower not in _FALSE:
        raise CopyDataError(f"option {name} is neither true nor false")
    return lower in _TRUE


def _places(
    given: dict[str, str | Sequence[str] | None], name: str, columns: Sequence[str]
) -> frozenset[int]:
    value = given.pop(name, ())
    if value is None:
        raise CopyDataError(f"option {name} names no columns")
    names = [value] if isinstance(value, str) else list(value)
    if names == ["*"]:
        return frozenset(range(len(columns)))
    if not set(names) <= set(columns):
        raise CopyDataError(f"option {name} names a column that is not copied")
    return frozenset(columns.index(one) for one in names)
