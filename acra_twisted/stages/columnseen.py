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
_LABELS: Final = "acra.columns"
#: The attributes for numbers of values, by fate.
_numbers: Final[dict[str, str]] = {}


def show(exchange: Exchange, counts: Counts) -> None:
    """Put on the request's span which columns it has concerned and how many of their values had
    which fate, and tell observers; may be called several times for one request."""
    if not counts:
        return
    last: ColumnSetting | None = None
    for (setting, action), number in counts.items():
        name = _numbers.get(action)
        if name is None:
            name = _numbers[action] = f"acra.columns_{action}"
        exchange.add_attribute(name, _shown(exchange, name, 0) + number)
        if setting is not last:
            _name(exchange, setting.label)
            last = setting
    exchange.session.observer.column_values(exchange, counts)


def _name(exchange: Exchange, label: str) -> None:
    """Add a column to those that the span names."""
    known = _shown(exchange, _LABELS, "")
    if not known:
        exchange.add_attribute(_LABELS, label)
    elif known != label:
        labels = {label, *known.split(", ")}
        exchange.add_attribute(_LABELS, ", ".join(sorted(labels)[:_MOST]))


def _shown(exchange: Exchange, name: str, default: Any) -> Any:
    attributes = exchange.attributes
    return default if attributes is None else attributes.get(name, default)
