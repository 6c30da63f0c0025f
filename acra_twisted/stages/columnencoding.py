"""Values of statements and parameters on their way to the database: encrypted, replaced by tokens,
or made into what they are searched by, with the keys that hold at that moment."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from acra_twisted.encryption.plan import STORE, ParameterUse, Use
from acra_twisted.encryption.postgresql import writing
from acra_twisted.encryption.postgresql.givenvalues import (
    TokenValues,
    tokens_of_parameters,
    tokens_of_text,
)
from acra_twisted.encryption.postgresql.planner import Planned
from acra_twisted.encryption.postgresql.writing import Bound, Tools, Written
from acra_twisted.encryption.randomness import RandomSupply
from acra_twisted.encryption.settings import TOKENIZED, ColumnSetting
from acra_twisted.exchange import Exchange, Parameters
from acra_twisted.pipeline.driver import then
from acra_twisted.pipeline.workers import Workers
from acra_twisted.session import Session
from acra_twisted.stages.columnkeys import ColumnKeys, Makers
from acra_twisted.stages.columnseen import show
from acra_twisted.stages.columntokens import ColumnTokens

#: Values that are encoded without leaving the reactor.
INLINE: Final = 32
#: Random bytes of a value: those of an AcraBlock, and a few more.
_RANDOM: Final = 128

_NO_MAKERS: Final = Makers({}, {})


class Encoder:
    """Encodes values with the keys of ``keys`` and the tokens of ``tokens``, many of them in one of
    ``workers``."""

    def __init__(self, keys: ColumnKeys, tokens: ColumnTokens, workers: Workers) -> None:
        self._keys = keys
        self._tokens = tokens
        self._workers = workers

    def literals(
        self,
        planned: Planned,
        matched: Sequence[ColumnSetting],
        conforming: bool | None,
        exchange: Exchange,
    ) -> Any:
        """Return the `Written` text of some plans, or a Deferred of it.  ``matched`` are columns
        that they compare with each other.  Raises ValueRefusedError, or fails with it."""
        uses = list(writing.uses_of(planned.statements or ()))
        read = partial(
            tokens_of_text,
            planned.statements or (),
            planned.literals,
            _encoding(exchange.session),
            conforming is True,
        )
        write = partial(self._write, planned, conforming, exchange)
        return then(self._makers(uses, matched, read, exchange), write)

    def parameters(
        self,
        parameters: Parameters,
        uses: Sequence[ParameterUse],
        matched: Sequence[ColumnSetting],
        exchange: Exchange,
    ) -> Any:
        """Return the `Bound` values of parameters whose types are known, or a Deferred of them; see
        `literals`."""
        own = [one.use for one in uses if one.use is not None]
        read = partial(
            tokens_of_parameters,
            uses,
            parameters.values,
            parameters.formats,
            parameters.types or (),
            _encoding(exchange.session),
        )
        write = partial(self._bind, parameters, uses, exchange)
        return then(self._makers(own, matched, read, exchange), write)

    def _makers(
        self,
        uses: Sequence[Use],
        matched: Sequence[ColumnSetting],
        read: Callable[[], TokenValues],
        exchange: Exchange,
    ) -> Any:
        """The Makers for some uses; searches in columns of other owners are shown on the span.
        ``read`` returns their values in columns with tokens, if there are any."""
        if not uses and not matched:
            return _NO_MAKERS
        client = exchange.session.identity.client_id
        columns = {use.column for use in uses if use.role != STORE}
        foreign = {one.label for one in columns if one.owner not in ("", client)}
        if foreign:
            exchange.add_attribute("acra.search_foreign_owner", ", ".join(sorted(foreign)))
        makers = self._keys.makers(uses, client, matched)
        if not any(use.column.kind == TOKENIZED for use in uses):
            return makers
        return then(makers, partial(self._with_tokens, read, len(uses) > INLINE, client))

    def _with_tokens(
        self, read: Callable[[], TokenValues], many: bool, client: str, makers: Makers
    ) -> Any:
        values: Any = self._workers.run(read) if many else read()
        tokens = then(values, lambda found: self._tokens.makers(found, client))
        return then(tokens, partial(_joined, makers))

    def _write(
        self, planned: Planned, conforming: bool | None, exchange: Exchange, makers: Makers
    ) -> Any:
        plans = planned.statements or ()
        values = sum(len(plan.literals) for plan in plans)
        tools = _tools(exchange.session, makers, values, conforming)
        if values > INLINE:
            written: Any = self._workers.run(writing.write_text, plans, planned.literals, tools)
        else:
            written = writing.write_text(plans, planned.literals, tools)
        return then(written, partial(_shown, exchange))

    def _bind(
        self,
        parameters: Parameters,
        uses: Sequence[ParameterUse],
        exchange: Exchange,
        makers: Makers,
    ) -> Any:
        tools = _tools(exchange.session, makers, len(uses), True)
        kinds = parameters.types or ()
        arguments = (uses, parameters.values, parameters.formats, kinds, tools)
        if len(uses) > INLINE:
            bound: Any = self._workers.run(writing.write_parameters, *arguments)
        else:
            bound = writing.write_parameters(*arguments)
        return then(bound, partial(_shown, exchange))


def _joined(one: Makers, other: Makers) -> Makers:
    return Makers({**one.sealers, **other.sealers}, {**one.searchers, **other.searchers})


def _encoding(session: Session) -> str:
    return session.parameters.get(b"client_encoding", b"UTF8").decode("latin-1")


def _tools(session: Session, makers: Makers, count: int, conforming: bool | None) -> Tools:
    supply = RandomSupply(os.urandom, _RANDOM, max(count, 1))
    return Tools(makers.sealers, supply, _encoding(session), conforming is True, makers.searchers)


def _shown(exchange: Exchange, made: Written | Bound) -> Written | Bound:
    """Tell of the values that were encrypted, passed as they are, and searched for."""
    show(exchange, made.counts)
    return made
