"""The attributes that slow calls of a statement have more often than its others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from acra_twisted.telemetry.console import formats
from acra_twisted.telemetry.console.calls import Call
from acra_twisted.telemetry.console.people import Names
from acra_twisted.telemetry.console.sentences import SLOW, Sentence, sentence, strong

#: Fewer calls than these on one side have nothing in common that means anything.
FEW: Final = 5
_SHOWN: Final = 6
#: A difference of shares that is worth a sentence, and one that is worth ink.
_MUCH, _INK = 0.5, 0.25
_ROWS: Final = ((0, "0"), (1, "1"), (10, "2 to 10"), (100, "11 to 100"), (1000, "101 to 1,000"))


class Factor(NamedTuple):
    """An attribute's value, and the shares of slow calls and of the others that have it."""

    name: str
    value: str
    slow: float
    others: float
    phrase: str

    @property
    def gap(self) -> float:
        """Return by how much more of the slow ones have it."""
        return self.slow - self.others

    @property
    def matters(self) -> bool:
        """Return True if that is worth a look."""
        return abs(self.gap) >= _INK


class Common(NamedTuple):
    """Slow calls took ``least`` milliseconds or longer; factors are there if both are several."""

    least: float
    slow: int
    others: int
    factors: Sequence[Factor]
    example: str

    def as_json(self) -> dict[str, Any]:
        """Its plain values."""
        return {
            "least_ms": self.least,
            "slow": self.slow,
            "others": self.others,
            "example": self.example or None,
            "factors": [
                {"name": one.name, "value": one.value, "slow": one.slow, "others": one.others}
                for one in self.factors
            ],
        }


def compared(calls: Sequence[Call], least: float, names: Names) -> Common:
    """Set the calls that took so many milliseconds, or longer, against the others."""
    slow = [call for call in calls if call.took >= least]
    others = [call for call in calls if call.took < least]
    example = slow[0].trace_id if slow else ""
    factors: list[Factor] = []
    if len(slow) >= FEW and len(others) >= FEW:
        for name, value_of, phrase in _attributes(names):
            factor = _factor(name, value_of, phrase, slow, others)
            if factor is not None:
                factors.append(factor)
        factors.sort(key=lambda one: -abs(one.gap))
    return Common(least, len(slow), len(others), factors[:_SHOWN], example)


def said(common: Common | None) -> Sentence | None:
    """Tell of the attribute that most of the slow calls have, and few of the others."""
    if common is None or not common.factors or common.factors[0].gap < _MUCH:
        return None
    one = common.factors[0]
    return sentence(
        "common",
        SLOW,
        strong(f"{formats.share(one.slow, 1)} of the slow calls that are kept {one.phrase}"),
        f"; of the others, {formats.share(one.others, 1)}.",
    )


_Value = Callable[[Mapping[str, Any]], str]


def _attributes(names: Names) -> list[tuple[str, _Value, str]]:
    """Return attributes with how a call's value is read, and what is said of calls with it."""
    return [
        ("protocol", lambda known: _PROTOCOLS.get(str(known.get("acra.protocol")), ""), "are {}"),
        ("rows", _rows, "have {} rows"),
        ("client id", lambda known: names.of(str(known.get("acra.client_id", ""))), "are of {}"),
        ("user", _text("user.name"), "are of the user {}"),
        ("transaction", _transaction, "are {} a transaction"),
        ("application", _text("acra.tag.application"), "are of the application {}"),
        ("route", _text("acra.tag.route"), "are of the route {}"),
        ("left as stored", _failed, "have {} containers that were left as stored"),
        ("plan", _text("acra.plan"), "had a {} in the cache of statements"),
    ]


_PROTOCOLS: Final = {"simple": "simple", "prepared": "prepared"}


def _text(key: str) -> _Value:
    return lambda known: formats.name(str(known[key])) if known.get(key) else ""


def _rows(known: Mapping[str, Any]) -> str:
    rows = known.get("db.response.returned_rows")
    if not isinstance(rows, int):
        return ""
    return next((name for most, name in _ROWS if rows <= most), "more than 1,000")


def _transaction(known: Mapping[str, Any]) -> str:
    return "inside" if known.get("acra.in_transaction") else "outside"


def _failed(known: Mapping[str, Any]) -> str:
    return "some" if known.get("acra.containers_failed") else "no"


def _factor(
    name: str, value_of: _Value, phrase: str, slow: Sequence[Call], others: Sequence[Call]
) -> Factor | None:
    """Return the value whose shares differ most; None if no call has one."""
    one = Counter(value_of(call.known) for call in slow)
    other = Counter(value_of(call.known) for call in others)
    values = [value for value in {**one, **other} if value]
    if not values:
        return None
    by_gap = {value: one[value] / len(slow) - other[value] / len(others) for value in values}
    value = max(sorted(values), key=lambda text: by_gap[text])
    shares = one[value] / len(slow), other[value] / len(others)
    return Factor(name, value, *shares, phrase.format(value))
