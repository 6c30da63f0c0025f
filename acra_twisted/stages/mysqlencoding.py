"""Values of MySQL's texts and parameters on their way to the database: encrypted, replaced by
tokens, or made into what they are searched by, with the keys that hold at that moment."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from acra_twisted.crypto import acrablock
from acra_twisted.encryption.facts import Wanted
from acra_twisted.encryption.making import Kept, SearchedTokens
from acra_twisted.encryption.mysql import encoding
from acra_twisted.encryption.mysql.encoding import (
    Encoded,
    Parameter,
    Plaintexts,
    Reading,
    Tools,
)
from acra_twisted.encryption.mysql.filling import Sent
from acra_twisted.encryption.mysql.plan import Plan, Planned
from acra_twisted.encryption.randomness import RandomSupply
from acra_twisted.encryption.settings import TOKENIZED
from acra_twisted.exchange import Exchange
from acra_twisted.pipeline.driver import then
from acra_twisted.pipeline.workers import Workers
from acra_twisted.stages.columnkeys import Makers
from acra_twisted.stages.columnmakers import ColumnMakers
from acra_twisted.stages.columnseen import show
from acra_twisted.stages.rowloads import RowEncoder

#: Values that are encoded without leaving the reactor.
INLINE: Final = 32
#: Values for which random bytes are fetched at a time.
_FETCHED: Final = 64


class MysqlEncoder:
    """Encodes values with ``makers``, many of them in one of ``workers``; ``rows`` encodes those
    of files."""

    def __init__(self, makers: ColumnMakers, workers: Workers, rows: RowEncoder) -> None:
        self.rows = rows
        self._makers = makers
        self._workers = workers

    def mark(self, plan: Plan, literals: Plaintexts, exchange: Exchange) -> Any:
        """Return the mark of the keys and tokens by which a prepared text is encoded, or a
        Deferred of it: of its literals, and of the number of forms of its parameters."""
        kept: list[Kept] = [one.use for one in plan.values if one.use.column.kind != TOKENIZED]
        searched = encoding.tokens_of(plan, literals).compared
        kept += (SearchedTokens(column, values) for column, values in searched.items())
        return then(self._makers.marks([kept], exchange), lambda marks: marks[0])

    def text(
        self, planned: Planned, wanted: Wanted, literals: Plaintexts, exchange: Exchange
    ) -> Any:
        """Return the `Filled` text of a plan, or a Deferred of it.  ``literals`` are its values
        that are no parameters.  Raises ValueRefusedError, or fails with it."""
        plan = planned.plan

        def write(makers: Makers) -> Any:
            given = (plan, planned.literals, literals, _tools(makers, wanted))
            return then(self._run(wanted, encoding.encode_text, *given), shown)

        def shown(made: Encoded) -> Any:
            show(exchange, made.counts)
            return made.filled

        return then(self._asked(plan, wanted, literals, exchange), write)

    def parameters(
        self,
        plan: Plan,
        sent: Sequence[Sent],
        given: Sequence[Parameter],
        wanted: Wanted,
        reading: Reading,
        exchange: Exchange,
    ) -> Any:
        """Return the parameters that are sent, or a Deferred of them; see `text`."""
        plaintexts = encoding.of_parameters(plan, given, reading)

        def bind(makers: Makers) -> Any:
            facts = (plan, sent, given, plaintexts, _tools(makers, wanted))
            return then(self._run(wanted, encoding.encode_parameters, *facts), shown)

        def shown(made: tuple[list[Parameter], Any]) -> list[Parameter]:
            parameters, counts = made
            show(exchange, counts)
            return parameters

        return then(self._asked(plan, wanted, plaintexts, exchange), bind)

    def _asked(self, plan: Plan, wanted: Wanted, plaintexts: Plaintexts, exchange: Exchange) -> Any:
        makers = self._makers.of_keys(wanted, exchange)
        if not wanted.is_tokenized:
            return makers
        values = encoding.tokens_of(plan, plaintexts)
        if not values.stored and not values.compared:
            return makers
        return then(makers, lambda own: self._makers.with_tokens(own, values, exchange))

    def _run(self, wanted: Wanted, function: Callable[..., Any], *given: Any) -> Any:
        if wanted.count > INLINE:
            return self._workers.run(partial(function, *given))
        return function(*given)


def _tools(makers: Makers, wanted: Wanted) -> Tools:
    fetched = min(max(wanted.count, 1), _FETCHED)
    supply = RandomSupply(os.urandom, acrablock.RANDOM_SIZE, fetched)
    return Tools(makers.sealers, makers.searchers, supply)
