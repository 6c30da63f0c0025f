"""Modes in which texts are read: what backslashes, double quotes and bytes above 127 mean."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from acra_twisted.errors import LexError
from acra_twisted.sql import names

#: In place of a setting's value, or behind a flag in one: nobody knows what it is.
UNKNOWN: Final = "?"


class Mode(NamedTuple):
    """``backslash``: whether it escapes in plain strings; None if that is not known, nor whether
    ``encoding`` still holds, so that a text must mean the same whatever they are.  ``ansi``:
    ``"x"`` is a name in MySQL; None if that is not known.  ``encoding``: a Python codec; empty for
    one that cannot be read safely.  ``default``: skeletons may be used.
    ``names``: how the server compares names, one of `sql.names`.  ``whole``: decisions are the
    same as in every other such mode, for texts that are read the same.
    """

    backslash: bool | None
    ansi: bool | None
    encoding: str
    default: bool
    names: str = names.EXACT
    whole: bool = True


def normal(text: bytes, mode: Mode) -> bytes:
    """The text in UTF-8.  Raises LexError for bytes that the encoding does not have."""
    if not mode.encoding:
        raise LexError("a client encoding that cannot be read safely", 0)
    if text.isascii():
        return text
    try:
        shown = text.decode(mode.encoding)
    except UnicodeDecodeError as error:
        raise LexError("bytes that the client encoding does not have", error.start) from None
    return text if mode.encoding == "utf-8" else shown.encode()


def name_parts(name: str, quote: str) -> list[str]:
    """Return the parts of a table's name as a rule writes it, with their quotes.  Raises
    ValueError."""
    pattern = rf"\s*({quote}(?:[^{quote}]|{quote}{quote})+{quote}|[^\s.{quote}]+)\s*(\.|$)"
    parts: list[str] = []
    position = 0
    while position < len(name):
        match = re.compile(pattern).match(name, position)
        if match is None:
            raise _no_name(name)
        parts.append(match.group(1))
        position = match.end()
        if not match.group(2):
            break
    if not parts or len(parts) > 3 or name.rstrip().endswith("."):
        raise _no_name(name)
    return parts


def _no_name(name: str) -> ValueError:
    hint = "; write each name in a line of its own" if "," in name else ""
    return ValueError(f"{name!r} is not the name of a table{hint}")
