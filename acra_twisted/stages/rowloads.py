"""Rows that a client loads into tables with protected columns, on their way to the database: values
are encrypted, or replaced by tokens, with the keys that hold at that moment."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Any, Final

from zope.interface import classImplements

from acra_twisted.encryption.loading import LoadedRows, Piece, do
from acra_twisted.encryption.making import Sealer, TokenValues, Written
from acra_twisted.encryption.settings import TOKENIZED, ColumnSetting
from acra_twisted.exchange import Exchange
from acra_twisted.interfaces import ILoad
from acra_twisted.pipeline.driver import then
from acra_twisted.pipeline.workers import Workers
from acra_twisted.stages.columnkeys import ColumnKeys, Makers
from acra_twisted.stages.columnseen import show
from acra_twisted.stages.columntokens import ColumnTokens
from acra_twisted.stages.columnverdicts import STAGE, guarded
from acra_twisted.verdicts import Replace

#: Bytes of loaded rows with which one of them may be so long that everybody would wait for it.
_LARGE: Final = 256 * 1024

_NO_MAKERS: Final = Makers({}, {})

_Sealers = Mapping[ColumnSetting, Sealer]


class RowEncoder:
    """Encodes the values of rows with ``keys`` and ``tokens``, large rows in one of ``workers``."""

    def __init__(self, keys: ColumnKeys, tokens: ColumnTokens, workers: Workers) -> None:
        self._keys = keys
        self._tokens = tokens
        self._workers = workers

    def piece(self, rows: LoadedRows, data: bytes | None, exchange: Exchange) -> Any:
        """Return what is `Written` in place of a piece of a load, None for its end, or a Deferred
        of it.  Raises ValueRefusedError, or fails with it."""
        client = exchange.session.identity.client_id
        sealed = [one for one in rows.settings if one.kind != TOKENIZED]
        sealers: Any = self._keys.sealers(sealed, client) if sealed else {}

        def write(found: _Sealers) -> Any:
            if len(sealed) == len(rows.settings):
                return self._write(rows, data, exchange, found)
            return self._write_tokens(rows, data, exchange, found)

        return then(sealers, write)

    def _write(
        self, rows: LoadedRows, data: bytes | None, exchange: Exchange, sealers: _Sealers
    ) -> Any:
        piece = Piece(rows, data)
        done = self._do(piece, chain(piece.read(), piece.write(sealers, os.urandom)))
        return then(done, lambda _: _shown(exchange, piece.written))

    def _write_tokens(
        self, rows: LoadedRows, data: bytes | None, exchange: Exchange, sealers: _Sealers
    ) -> Any:
        """Read a piece, and ask for its tokens, before it is written."""
        piece = Piece(rows, data)

        def ask(_: None) -> Any:
            values = TokenValues(piece.token_values(), {})
            client = exchange.session.identity.client_id
            makers: Any = self._tokens.makers(values, client) if values.stored else _NO_MAKERS
            return then(makers, write)

        def write(makers: Makers) -> Any:
            every = {**sealers, **makers.sealers}
            done = self._do(piece, piece.write(every, os.urandom))
            return then(done, lambda _: _shown(exchange, piece.written))

        return then(self._do(piece, piece.read()), ask)

    def _do(self, piece: Piece, steps: Iterator[int]) -> Any:
        """Do the work of a piece in turns of the reactor, where no single row takes long."""
        if piece.size > _LARGE:
            return self._workers.run(do, steps)
        return self._workers.in_steps(steps)


def _shown(exchange: Exchange, made: Written) -> Written:
    """Tell of the values that were encrypted, and of those that pass as they are."""
    show(exchange, made.counts)
    return made


class RowLoading:
    """Encrypts the rows of one load.  ``rows_of`` returns what takes them apart, for the exchange
    at hand when the first of them has come; it may raise ValueRefusedError."""

    name = STAGE

    def __init__(
        self, rows_of: Callable[[Exchange], LoadedRows], encoder: RowEncoder, exchange: Exchange
    ) -> None:
        self._rows_of = rows_of
        self._encoder = encoder
        self._rows: LoadedRows | None = None

    def feed(self, data: bytes, exchange: Exchange) -> Any:
        """See ILoad."""
        return guarded(self._encode, data, exchange)

    def finish(self, data: bytes, exchange: Exchange) -> Any:
        """See ILoad."""
        return guarded(self._encode, None, exchange)

    def _encode(self, data: bytes | None, exchange: Exchange) -> Any:
        rows = self._rows
        if rows is None:
            rows = self._rows = self._rows_of(exchange)
        return then(self._encoder.piece(rows, data, exchange), _replaced)


def _replaced(written: Written) -> Replace[bytes]:
    return Replace(written.text)


# Not as a decorator: compiled classes have none.
classImplements(RowLoading, ILoad)
