"""The values of a text's literals, by which a plan decides it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from acra_twisted.censor.patterns import literal_values
from acra_twisted.sql import oddstrings
from acra_twisted.sql.languages import Mode
from acra_twisted.sql.literals import Value


def plain(literals: Iterable[bytes]) -> list[Value]:
    """The values of a skeleton's literals."""
    return [("string", one[1:-1]) if one[0] == 0x27 else ("number", one) for one in literals]


def odd(literals: Iterable[bytes], language: Any, mode: Mode) -> list[Value]:
    """The same of those that `sql.oddstrings` cuts out."""
    return [language.value(oddstrings.kind_of(one), one, mode) for one in literals]


class Values:
    """The literals of a text by ordinal, worked out when they are asked for."""

    __slots__ = ("_arguments",)

    def __init__(self, *arguments: Any) -> None:
        self._arguments = arguments

    def __call__(self) -> list[Value]:
        return literal_values(*self._arguments)
