"""Plans made ready for the values of many texts: all that follows from a plan alone is worked out
once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from acra_twisted.encryption.facts import Facts
from acra_twisted.encryption.plan import COMPARE, STORE, LiteralUse, StatementPlan
from acra_twisted.encryption.postgresql import forms, types
from acra_twisted.encryption.postgresql.encodings import to_utf8
from acra_twisted.fast.finding import find

_QUOTE: Final = 0x27


class Place:
    """A literal that is encoded.  ``is_plain``: a string's characters are its value, in canonical
    form.  ``is_bytes``: its column stores bytes."""

    __slots__ = ("one", "ordinal", "is_plain", "is_bytes")

    def __init__(self, one: LiteralUse) -> None:
        use = one.use
        self.one = one
        self.ordinal = one.ordinal
        self.is_bytes = forms.element_type(use.column) == types.BYTEA
        self.is_plain = (
            use.column.data_type == "str"
            and use.role in (STORE, COMPARE)
            and use.cut < 0
            and not (use.cast or one.negative or one.decoding)
        )

    def plain_value(self, raw: bytes, encoding: str) -> bytes | None:
        """The value of a literal, in which backslashes are ordinary characters, if it is a string
        that says it as it is: in quotes, and without one.  None for any other.  Raises
        ValueRefusedError."""
        if not self.is_plain or raw[0] != _QUOTE:
            return None
        behind = raw[1:]
        end = find(behind, b"'")
        if end < 0 or end != len(behind) - 1:
            return None
        return to_utf8(behind, encoding)[:-1]


def fillings_of(plans: Sequence[StatementPlan], facts: Facts) -> Sequence[Filling]:
    """Return the fillings of some plans with these facts, which keep them."""
    found = facts.fillings
    if found is None:
        found = facts.fillings = [Filling(plan) for plan in plans]
    return found


class Filling:
    """The text of a plan: its parts, and for each literal between two of them the number that it
    has among the client's own and those that are added.  ``places`` are the ones to encode;
    ``counted`` is for the numbers of their values, as somebody has found them last."""

    __slots__ = ("places", "counted", "_added", "_slots", "_pieces")

    def __init__(self, plan: StatementPlan) -> None:
        self.places = [Place(one) for one in plan.literals]
        self.counted: Any = None
        self._added = list(plan.added)
        self._slots = list(plan.slots)
        self._pieces: list[bytes] = [plan.parts[0]]
        for part in plan.parts[1:]:
            self._pieces += (b"", part)
        if len(self._pieces) != 2 * len(self._slots) + 1:
            raise ValueError("a plan has a part behind each literal")

    def given(self, literals: Sequence[bytes]) -> list[bytes]:
        """Return the client's literals and the added ones, to be encoded in place."""
        given = list(literals)
        if self._added:
            given += self._added
        return given

    def text(self, given: list[bytes]) -> bytes:
        """Return the text with these literals."""
        pieces = self._pieces.copy()
        at = 1
        for slot in self._slots:
            pieces[at] = given[slot]
            at += 2
        return b"".join(pieces)
