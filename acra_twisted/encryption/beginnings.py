"""Texts whose beginning tells what they give values to: shared by both databases' `targets`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, Generic, TypeVar

from acra_twisted.cache import GenerationCache
from acra_twisted.fast.finding import find
from acra_twisted.sql import skeleton
from acra_twisted.sql.skeleton import Skeleton

_BLANKS: Final = b"; \t\r\n"
#: Bytes before a bracket that stands near.
_HEAD: Final = 160
#: What may stand between the targets and the bracket.
_between: Final = re.compile(rb"\s*+(?:values\s*+)?", re.I).fullmatch
_TargetT = TypeVar("_TargetT")


def goes_on(text: bytes) -> bool:
    """Tell whether anything stands behind the first semicolon of a text."""
    end = find(text, b";")
    return 0 <= end < len(text) - 1 and bool(text[end:].strip(_BLANKS))


def is_one(cut: Skeleton | None) -> bool:
    """Tell whether a text that goes on is certainly one statement: its literals have what looks
    like its end.  ``cut`` is as `skeleton.split` returns it."""
    return cut is not None and skeleton.is_plain(cut[2]) and b";" not in cut[0].rstrip(_BLANKS)


class Heads(Generic[_TargetT]):
    """Remembers the targets of statements by all that stands before their first bracket."""

    def __init__(self) -> None:
        self._known: GenerationCache[bytes, Sequence[_TargetT]] = GenerationCache(1_000, 1 << 20)
        # What was asked for last, with its bracket, and its targets: one object, as threads ask.
        self._last: tuple[bytes, Sequence[_TargetT]] | None = None

    def get(self, text: bytes) -> Sequence[_TargetT] | None:
        """The targets of a statement; None if they are not known."""
        last = self._last
        if last is not None and text[: len(last[0])] == last[0]:
            return last[1]
        bracket = find(text[:_HEAD], b"(")
        found = self._known.get(text[:bracket]) if bracket > 0 else None
        if found is not None:
            self._last = text[: bracket + 1], found
        return found

    def keep(self, text: bytes, end: int, found: Sequence[_TargetT]) -> None:
        """Remember what a text has told up to ``end``, if the bracket stands there.  Nothing else
        is kept: it could be a value."""
        bracket = find(text[:_HEAD], b"(")
        if 0 < end <= bracket and _between(text, end, bracket) is not None:
            self._known.put(text[:bracket], found)
