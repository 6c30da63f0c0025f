"""Attributes of a request's span about protected columns: numbers of values, never a value.

They are made of what the exchange knows when a span is made of it; most exchanges have none.
"""

from __future__ import annotations

from typing import Final

from acra_twisted.exchange import Exchange

#: Columns that a span names at most.
_MOST: Final = 20


def describe(exchange: Exchange) -> None:
    """Put on an exchange which columns it has concerned, how many of their values had which fate,
    and whether the plan of its statement was known."""
    if exchange.plan:
        exchange.add_attribute("acra.plan", exchange.plan)
    values = exchange.values
    if not values:
        return
    numbers: dict[str, int] = {}
    labels: set[str] = set()
    for (setting, action), number in values.items():
        numbers[action] = numbers.get(action, 0) + number
        labels.add(setting.label)
    for action, number in numbers.items():
        exchange.add_attribute(f"acra.columns_{action}", number)
    exchange.add_attribute("acra.columns", ", ".join(sorted(labels)[:_MOST]))
