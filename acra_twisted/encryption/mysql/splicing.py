"""Puts parts in place of pieces of a text, each by the places where the piece begins and ends.

A part may be a piece of the text itself, with what is done in it: only there may edits be within
each other.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from acra_twisted.encryption.mysql.plan import Part

#: Signs beside which nothing else is one with them; nothing is at the ends of a text.
_APART_BEFORE: Final = frozenset((b"", *(bytes((sign,)) for sign in b" \t\r\n(,=")))
_APART_BEHIND: Final = frozenset((b"", *(bytes((sign,)) for sign in b" \t\r\n),;")))


class Copied(NamedTuple):
    """The text between two places, with the edits in it."""

    start: int
    end: int


#: A piece by its places; one without length is a place between two others.
Piece = tuple[int, int]
#: What an edit puts in place of a piece.
Edited = Sequence[Part | Copied]


class Splicer:
    """Makes the parts of one text.  ``marks`` are its literals and parameters, in their order, with
    the places of each."""

    def __init__(
        self,
        text: bytes,
        edits: Mapping[Piece, Edited],
        marks: Sequence[tuple[Piece, Part]],
    ) -> None:
        self._text = text
        # One that holds another comes before it.
        self._edits = sorted(edits.items(), key=lambda edit: (edit[0][0], -edit[0][1]))
        self._starts = [start for (start, _), _ in self._edits]
        self._marks = marks
        self._marked = [start for (start, _), _ in marks]
        self._used: set[int] = set()

    def parts(self) -> list[Part]:
        """The parts of the text that is sent.  Raises ValueError where edits overlap."""
        found: list[Part] = []
        self._copy(0, len(self._text), found)
        if len(self._used) != len(self._edits):
            raise ValueError("edits overlap")
        return _joined(found)

    def _copy(self, start: int, end: int, found: list[Part]) -> None:
        """Add the parts of a piece of the text."""
        at = start
        for number in range(bisect_left(self._starts, start), len(self._edits)):
            (first, last), parts = self._edits[number]
            if first > end:
                break
            if last > end or first < at:
                # The piece is in that edit, or that edit in one that is done.
                continue
            self._used.add(number)
            self._plain(at, first, found)
            # A word or a sign right beside it would be one with it.
            if self._text[max(first - 1, 0) : first] not in _APART_BEFORE:
                found.append(b" ")
            for part in parts:
                if isinstance(part, Copied):
                    self._copy(part.start, part.end, found)
                else:
                    found.append(part)
            if self._text[last : last + 1] not in _APART_BEHIND:
                found.append(b" ")
            at = last
        self._plain(at, end, found)

    def _plain(self, start: int, end: int, found: list[Part]) -> None:
        """Add a piece in which nothing is changed."""
        at = start
        for number in range(bisect_left(self._marked, start), len(self._marks)):
            (first, last), part = self._marks[number]
            if first >= end:
                break
            found += [self._text[at:first], part]
            at = last
        found.append(self._text[at:end])


def _joined(parts: Sequence[Part]) -> list[Part]:
    """Parts without empty ones, and without two texts beside each other."""
    found: list[Part] = []
    for part in parts:
        last = found[-1] if found else None
        if isinstance(part, bytes) and isinstance(last, bytes):
            found[-1] = last + part
        elif part != b"":
            found.append(part)
    return found
