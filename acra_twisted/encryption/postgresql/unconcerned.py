"""Finds by their bytes alone most of the simple queries that have nothing to do with a protected
column, and change nothing of what names mean.

A text is certain where each name in it can be seen: it is one query, or one statement that writes
rows; it has no comments, backslashes or dollars, and bytes beyond ASCII in its strings alone; and
none of its words names anything protected, or runs what the text does not show.  All other texts
are decided by their skeletons, or their tokens: see `planner`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from acra_twisted.fast.compiled import COMPILED
from acra_twisted.sql import pgtable

if COMPILED:
    from acra_twisted.fast._words import (  # type: ignore[import-not-found]  # in C
        is_unconcerned,
        word_bits,
    )

# Final, because a look into a module's dict takes as long as a word of a text.
_is_unconcerned: Final[Any] = is_unconcerned if COMPILED else None
_BEGINNINGS: Final = (b"select", b"insert", b"update", b"delete", b"with", b"values", b"merge")
#: They run or make what stands elsewhere, or change what names mean.
_SUSPECT: Final = frozenset(
    (b"execute", b"prepare", b"call", b"create", b"alter", b"set_config", b"pg_settings")
    + (b"temp", b"temporary", b"pg_temp")
)
#: A name of other characters can be written in quotes, or with bytes beyond ASCII, alone; a server
#: cuts longer ones.
_NAME: Final = re.compile(r"[A-Za-z0-9_]{1,59}")
_TEXT: Final = re.compile(
    rb"""[ \t\n\v\f\r]*+(?:%b)(?![A-Za-z0-9_])
    (?:[ \t\n\v\f\r0-9(),.=<>+*%%^&|!~?:\[\]@\#]++
    |(?<![0-9])[A-Za-z_][A-Za-z0-9_]{0,58}+(?![A-Za-z0-9_])
    |'[^'\\\x00]*+'
    |(?<!&)"[A-Za-z0-9_]{1,59}+"(?!")
    |-(?!-)|/(?!\*)
    |(?!))*+(?:;[;\ \t\r\n]*+)?"""
    % b"|".join(_BEGINNINGS),
    re.X | re.I,
)
_WORDS: Final = re.compile(rb"""'[^']*+'|"[a-z0-9_]++"|[a-z_][a-z0-9_]*+""")


class Unconcerned:
    """``protected`` are the names by which a text can concern protected columns."""

    __slots__ = ("_words", "_starts", "_bits", "_quoted", "_quoted_starts")

    def __init__(self, protected: Iterable[str]) -> None:
        running, starts = pgtable.decisions().running
        names = {name.lower().encode() for name in protected if _NAME.fullmatch(name)}
        self._words = frozenset(names | _SUSPECT | {name.encode() for name in running})
        self._starts = tuple(start.encode() for start in starts)
        self._bits: bytes = word_bits(self._words, self._starts) if COMPILED else b""
        self._quoted = self._words | {b'"%b"' % word for word in self._words}
        self._quoted_starts = (*self._starts, *(b'"' + start for start in self._starts))

    def has(self, text: bytes) -> bool:
        """Tell whether a simple query is certain to be such.  Where compiled, a module in C does it
        in one pass over the bytes."""
        if COMPILED:
            found: bool = _is_unconcerned(text, self._bits, self._words, self._starts, _BEGINNINGS)
            return found
        return self.has_by_expressions(text)

    def has_by_expressions(self, text: bytes) -> bool:
        """See `has`."""
        if _TEXT.fullmatch(text) is None:
            return False
        lowered = text.lower()
        words = _WORDS.findall(lowered)
        if not self._quoted.isdisjoint(words):
            return False
        # One of them is nearly never there.
        if not any(lowered.find(start) >= 0 for start in self._starts):
            return True
        return not any(word.startswith(self._quoted_starts) for word in words)
