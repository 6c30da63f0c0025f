"""Values of statements and parameters on their way to the database: encrypted, replaced by tokens,
or made into what they are searched by, with the keys that hold at that moment."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from acra_twisted.crypto import acrablock
from acra_twisted.encryption.facts import Wanted
from acra_twisted.encryption.making import Kept, SearchedTokens, TokenValues, Written
from acra_twisted.encryption.plan import STORING, ParameterUse
from acra_twisted.encryption.postgresql import writing
from acra_twisted.encryption.postgresql.encodings import UTF8
from acra_twisted.encryption.postgresql.filling import fillings_of
from acra_twisted.encryption.postgresql.givenvalues import (
    elements_of_parameters,
    elements_of_text,
    tokens_of_parameters,
    tokens_of_text,
)
from acra_twisted.encryption.postgresql.planmemory import Planned
from acra_twisted.encryption.postgresql.writing import Bound, LongWriting, Tools
from acra_twisted.encryption.randomness import RandomSupply
from acra_twisted.encryption.settings import TOKENIZED
from acra_twisted.exchange import Exchange, Parameters
from acra_twisted.pipeline.driver import then
from acra_twisted.pipeline.workers import Workers
from acra_twisted.session import Session
from acra_twisted.stages.columnkeys import ColumnKeys, Makers
from acra_twisted.stages.columnmakers import ColumnMakers
from acra_twisted.stages.columnseen import show
from acra_twisted.stages.columntokens import ColumnTokens
from acra_twisted.stages.keymarks import KeyMarks
from acra_twisted.stages.rowloads import RowEncoder

#: Values that are encoded without leaving the reactor.
INLINE: Final = 32
#: Values for which random bytes are fetched at a time.
_FETCHED: Final = 64

_UTF8: Final[bytes] = UTF8.encode()


class Encoder:
    """Encodes values with the keys of ``keys`` and the tokens of ``tokens``, many of them in one of
    ``workers``.  ``marks`` tells which keys they are; ``rows`` encodes those of loads."""

    def __init__(
        self, keys: ColumnKeys, tokens: ColumnTokens, marks: KeyMarks, workers: Workers
    ) -> None:
        self.rows = RowEncoder(keys, tokens, workers)
        self._makers = ColumnMakers(keys, tokens, marks)
        self._workers = workers
        #: Random bytes for all that does not leave the reactor.
        self.supply = _supply()

    def kept(self, planned: Planned, conforming: bool | None, exchange: Exchange) -> Sequence[Kept]:
        """Return all that decides, some time later, whether the literals of some plans are still
        encoded as they are now: see `marks`.  Raises ValueRefusedError."""
        plans = planned.statements or ()
        uses = () if planned.facts is None else planned.facts.uses
        if not any(use.column.kind == TOKENIZED and use.role not in STORING for use in uses):
            return uses
        encoding = encoding_of(exchange.session)
        values = tokens_of_text(plans, planned.literals, encoding, conforming is True)
        return [*uses, *(SearchedTokens(*each) for each in values.compared.items())]

    def marks(self, kept: Sequence[Sequence[Kept]], exchange: Exchange) -> Any:
        """See `ColumnMakers.marks`."""
        return self._makers.marks(kept, exchange)

    def literals(
        self, planned: Planned, wanted: Wanted, conforming: bool | None, exchange: Exchange
    ) -> Any:
        """Return the `Written` text of some plans, or a Deferred of it.  ``wanted`` are the columns
        of their literals.  Raises ValueRefusedError, or fails with it."""
        makers = self._makers.of_keys(wanted, exchange)
        if wanted.is_tokenized:
            read = partial(
                tokens_of_text,
                planned.statements or (),
                planned.literals,
                encoding_of(exchange.session),
                conforming is True,
            )
            many = wanted.count > INLINE or _has_many_elements(planned, wanted)
            makers = self._add_tokens(many, read, exchange, makers)
        if type(makers) is Makers:
            return self._write(planned, wanted, conforming, exchange, makers)
        return then(makers, partial(self._write, planned, wanted, conforming, exchange))

    def parameters(
        self,
        parameters: Parameters,
        uses: Sequence[ParameterUse],
        wanted: Wanted,
        exchange: Exchange,
    ) -> Any:
        """Return the `Bound` values of parameters whose types are known, or a Deferred of them; see
        `literals`."""
        makers = self._makers.of_keys(wanted, exchange)
        if wanted.is_tokenized:
            read = partial(
                tokens_of_parameters,
                uses,
                parameters.values,
                parameters.formats,
                parameters.types or (),
                encoding_of(exchange.session),
            )
            makers = self._add_tokens(_are_many(parameters, uses, wanted), read, exchange, makers)
        if type(makers) is Makers:
            return self._bind(parameters, uses, wanted, exchange, makers)
        return then(makers, partial(self._bind, parameters, uses, wanted, exchange))

    def _add_tokens(
        self, many: bool, read: Callable[[], TokenValues], exchange: Exchange, makers: Any
    ) -> Any:
        """The Makers, or a Deferred of them, and those for columns with tokens: ``read`` returns
        the values that need some, which may be ``many``."""

        def add(own: Makers) -> Any:
            values: Any = self._workers.run(read) if many else read()
            return self._makers.with_tokens(own, values, exchange)

        return then(makers, add)

    def _write(
        self,
        planned: Planned,
        wanted: Wanted,
        conforming: bool | None,
        exchange: Exchange,
        makers: Makers,
    ) -> Any:
        plans, facts, literals = planned.statements or (), planned.facts, planned.literals
        is_apart = _has_many_elements(planned, wanted)
        tools = self._tools(exchange.session, makers, conforming, is_apart)
        if is_apart:
            # An array is a single step, however many values it has.
            later = self._workers.run(LongWriting(plans, literals, tools).whole)
            return later.addCallback(partial(_shown, exchange))
        if wanted.count > INLINE:
            work = LongWriting(plans, literals, tools)
            done = self._workers.in_steps(work.steps())
            return then(done, lambda _: _shown(exchange, work.written))
        assert facts is not None  # noqa: S101 - plans have facts
        return _shown(exchange, writing.write_text(fillings_of(plans, facts), literals, tools))

    def _bind(
        self,
        parameters: Parameters,
        uses: Sequence[ParameterUse],
        wanted: Wanted,
        exchange: Exchange,
        makers: Makers,
    ) -> Any:
        values, formats, kinds = parameters.values, parameters.formats, parameters.types or ()
        is_apart = _are_many(parameters, uses, wanted)
        tools = self._tools(exchange.session, makers, True, is_apart)
        if is_apart:
            later = self._workers.run(writing.write_parameters, uses, values, formats, kinds, tools)
            return later.addCallback(partial(_shown, exchange))
        return _shown(exchange, writing.write_parameters(uses, values, formats, kinds, tools))

    def _tools(
        self, session: Session, makers: Makers, conforming: bool | None, is_apart: bool
    ) -> Tools:
        """All that values are encoded with; ``is_apart``: by a thread of their own."""
        supply = _supply() if is_apart else self.supply
        encoding = encoding_of(session)
        return Tools(makers.sealers, supply, encoding, conforming is True, makers.searchers)


def _has_many_elements(planned: Planned, wanted: Wanted) -> bool:
    """Tell whether there may be an array of many values among the literals."""
    return wanted.has_arrays and elements_of_text(planned.literals) > INLINE


def _are_many(parameters: Parameters, uses: Sequence[ParameterUse], wanted: Wanted) -> bool:
    """Tell whether parameters are many values: a worker encodes them."""
    if wanted.count > INLINE or not wanted.has_arrays:
        return wanted.count > INLINE
    return elements_of_parameters(uses, parameters.values, parameters.formats) > INLINE


def encoding_of(session: Session) -> str:
    """Return the session's client_encoding."""
    encoding = session.parameters.get(b"client_encoding", _UTF8)
    # Nearly always; to decode it takes ten times as long.
    return UTF8 if encoding == _UTF8 else encoding.decode("latin-1")


def _supply() -> RandomSupply:
    return RandomSupply(os.urandom, acrablock.RANDOM_SIZE, _FETCHED)


def _shown(exchange: Exchange, made: Written | Bound) -> Written | Bound:
    """Tell of the values that were encrypted, passed as they are, and searched for."""
    show(exchange, made.counts)
    return made
