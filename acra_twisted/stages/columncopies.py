"""Rows that clients copy into tables with protected columns, and out of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from acra_twisted.encryption.plan import Copied, StatementPlan
from acra_twisted.encryption.postgresql.copying import CopiedRows, format_of
from acra_twisted.exchange import Copies, Exchange, Unload
from acra_twisted.stages.columnencoding import encoding_of
from acra_twisted.stages.rowloads import RowEncoder, RowLoading

#: Bytes of the longest row: a whole one is in memory before its values can be encrypted.
LONGEST_ROW: Final = 64 << 20


def copies_of(
    plans: Sequence[StatementPlan], encoder: RowEncoder, exchange: Exchange
) -> Copies | None:
    """Return the stage's part in the rows that a text copies; None if it has none.  A text that
    loads protected columns is one statement.  Raises ValueRefusedError for options that cannot be
    followed."""
    found = [plan.copies for plan in plans]
    if not any(one is not None and any(one.columns) for one in found):
        return None
    encoding = encoding_of(exchange.session)
    load: Any = None
    unloads: list[Unload | None] = []
    for copied in found:
        unload = None
        if copied is not None and any(copied.columns):
            format_of(copied, encoding)
            if copied.is_out:
                unload = Unload(copied.options, copied.names, copied.types)
            else:
                load = partial(RowLoading, partial(_rows_of, copied), encoder)
        unloads.append(unload)
    return Copies(load, unloads)


def _rows_of(copied: Copied, exchange: Exchange) -> CopiedRows:
    return CopiedRows(copied, LONGEST_ROW, encoding_of(exchange.session))
