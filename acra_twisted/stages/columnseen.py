"""Tells observers of the fates of values in protected columns: numbers by column, never a value."""

from __future__ import annotations

from collections.abc import Mapping

from acra_twisted.encryption.settings import ColumnSetting
from acra_twisted.exchange import Exchange

#: Numbers of values by column and fate: one of `encryption.fates` for values that are read; those
#: of values that are written and searched for are `encryption.making`'s.
Counts = Mapping[tuple[ColumnSetting, str], int]


def show(exchange: Exchange, counts: Counts) -> None:
    """Tell how many values of which columns had which fate; may be called several times for one
    request."""
    if counts:
        exchange.session.observer.column_values(exchange, counts)
