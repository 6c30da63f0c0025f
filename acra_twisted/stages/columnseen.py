"""Tells metrics, logs and spans of the fates of values in protected columns: numbers by column,
never a value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from acra_twisted.encryption.settings import ColumnSetting
from acra_twisted.exchange import Exchange

#: Numbers of values by column and fate: one of `encryption.fates` for values that are read; those
#: of values that are written and searched for are `encryption.postgresql.writing`'s.
Counts = Mapping[tuple[ColumnSetting, str], int]

#: Columns that a span names at most.
_MOST: Final = 20
_NOTHING: Final[Mapping[str, Any]] = {}


def show(exchange: Exchange, counts: Counts) -> None:
    """Put on the request's span which columns it has concerned and how many of their values had
    which fate, and tell observers; may be called several times for one request."""
    if not counts:
        return
    shown = exchange.attributes or _NOTHING
    totals: dict[str, int] = {}
    labels: set[str] = set()
    for (setting, action), number in counts.items():
        totals[action] = totals.get(action, 0) + number
        labels.add(setting.label)
    for action, number in totals.items():
        before = shown.get(f"acra.columns_{action}", 0)
        exchange.add_attribute(f"acra.columns_{action}", before + number)
    known = shown.get("acra.columns")
    if known is not None:
        labels.update(known.split(", "))
    if len(labels) > 1:
        names = ", ".join(sorted(labels)[:_MOST])
    else:
        (names,) = labels
    if names != known:
        exchange.add_attribute("acra.columns", names)
    exchange.session.observer.column_values(exchange, counts)
