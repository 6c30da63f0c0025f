"""The values of a text's literals, by which a plan decides it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from acra_twisted.censor.patterns import literal_values
from acra_twisted.sql import prefixes
from acra_twisted.sql.languages import Mode
from acra_twisted.sql.literals import Value
from acra_twisted.sql.skeleton import Skeleton


def plain(literals: Iterable[bytes]) -> list[Value]:
    """The values of a skeleton's literals."""
    return [("string", one[1:-1]) if one[0] == 0x27 else ("number", one) for one in literals]


def prefixed(cut: Skeleton, language: Any, mode: Mode) -> list[Value]:
    """The same where strings have something in front of them: see `sql.prefixes`."""
    found = plain(cut[1])
    for ordinal, (kind, raw) in (prefixes.read(cut, language.name) or {}).items():
        found[ordinal] = language.value(kind, raw, mode)
    return found


class Values:
    """The literals of a text by ordinal, worked out when they are asked for."""

    __slots__ = ("_arguments",)

    def __init__(self, *arguments: Any) -> None:
        self._arguments = arguments

    def __call__(self) -> list[Value]:
        return literal_values(*self._arguments)
