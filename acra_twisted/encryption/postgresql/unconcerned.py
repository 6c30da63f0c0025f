"""Finds by their bytes alone most of the simple queries that have nothing to do with a protected
column, and change nothing of what names mean.

A text is certain where each name in it can be seen: it is one query, or one statement that writes
rows; it has no comments, backslashes or dollars, and bytes beyond ASCII in its strings alone; and
none of its words names anything protected, or runs what the text does not show.  All other texts
are decided by their skeletons, or their tokens: see `planner`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Final

from acra_twisted.fast.compiled import COMPILED
from acra_twisted.sql import pgtable

if COMPILED:
    from acra_twisted.fast._words import Names  # type: ignore[import-not-found]  # in C

_BEGINNINGS: Final = (b"select", b"delete", b"values", b"insert", b"update", b"merge", b"with")
#: The number of the first of them that may give values to a table.
GIVING: Final = 3
#: In place of a beginning's number: a text is not certain.
NOT_CERTAIN: Final = -1
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
_first_word: Final = re.compile(rb"[a-z]++", re.I).search
_WORDS: Final = re.compile(rb"""'[^']*+'|"[a-z0-9_]++"|[a-z_][a-z0-9_]*+""")


class Unconcerned:
    """``protected`` are the names by which a text can concern protected columns."""

    __slots__ = ("_starts", "_quoted", "_quoted_starts", "_in_c")

    def __init__(self, protected: Iterable[str]) -> None:
        running, starts = pgtable.decisions().running
        names = {name.lower().encode() for name in protected if _NAME.fullmatch(name)}
        words = frozenset(names | _SUSPECT | {name.encode() for name in running})
        self._starts = tuple(start.encode() for start in starts)
        self._in_c: Any = None
        if COMPILED:
            self._in_c = Names(words, self._starts, _BEGINNINGS).beginning
        self._quoted = words | {b'"%b"' % word for word in words}
        self._quoted_starts = (*self._starts, *(b'"' + start for start in self._starts))

    def has(self, text: bytes) -> bool:
        """Tell whether a simple query is certain to be such."""
        return self.beginning(text) != NOT_CERTAIN

    @property
    def quick(self) -> Callable[[bytes], int]:
        """The function that does as `beginning`, for who calls it for each statement."""
        quick: Callable[[bytes], int] = self._in_c if COMPILED else self.beginning_by_expressions
        return quick

    def beginning(self, text: bytes) -> int:
        """Return the number of the word that a simple query begins with, NOT_CERTAIN for one that
        is not.  Where compiled, a module in C does it in one pass over the bytes, or less: it keeps
        some texts, without their numbers and strings, for others that differ in these alone."""
        if COMPILED:
            found: int = self._in_c(text)
            return found
        return self.beginning_by_expressions(text)

    def beginning_by_expressions(self, text: bytes) -> int:
        """See `beginning`."""
        first = _first_word(text) if self.has_by_expressions(text) else None
        return NOT_CERTAIN if first is None else _BEGINNINGS.index(first[0].lower())

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
