"""Rows that clients copy into tables with protected columns, and out of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from zope.interface import implementer

from acra_twisted.encryption.plan import Copied, StatementPlan
from acra_twisted.encryption.postgresql.copying import CopiedRows, format_of
from acra_twisted.encryption.postgresql.writing import Written
from acra_twisted.exchange import Copies, Exchange, Unload
from acra_twisted.interfaces import ILoad
from acra_twisted.pipeline.driver import then
from acra_twisted.stages.columnencoding import Encoder, encoding_of
from acra_twisted.stages.columnverdicts import STAGE, guarded
from acra_twisted.verdicts import Replace

#: Bytes of the longest row: a whole one is in memory before its values can be encrypted.
_ROW: Final = 64 << 20


def copies_of(
    plans: Sequence[StatementPlan], encoder: Encoder, exchange: Exchange
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
                load = partial(RowLoading, copied, encoder)
        unloads.append(unload)
    return Copies(load, unloads)


@implementer(ILoad)
class RowLoading:
    """Encrypts the rows of one COPY FROM STDIN."""

    name = STAGE

    def __init__(self, copied: Copied, encoder: Encoder, exchange: Exchange) -> None:
        self._copied = copied
        self._encoder = encoder
        self._rows: CopiedRows | None = None

    def feed(self, data: bytes, exchange: Exchange) -> Any:
        """See ILoad."""
        return guarded(self._encode, data, exchange)

    def finish(self, data: bytes, exchange: Exchange) -> Any:
        """See ILoad."""
        return guarded(self._encode, None, exchange)

    def _encode(self, data: bytes | None, exchange: Exchange) -> Any:
        rows = self._rows
        if rows is None:
            encoding = encoding_of(exchange.session)
            rows = self._rows = CopiedRows(self._copied, _ROW, encoding)
        return then(self._encoder.rows(rows, data, exchange), _replaced)


def _replaced(written: Written) -> Replace[bytes]:
    return Replace(written.text)
