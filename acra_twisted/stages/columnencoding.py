"""Values of statements and parameters on their way to the database: encrypted or made into what
they are searched by, with the keys that hold at that moment."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from acra_twisted.encryption.plan import STORE, ParameterUse, Use
from acra_twisted.encryption.postgresql import writing
from acra_twisted.encryption.postgresql.planner import Planned
from acra_twisted.encryption.postgresql.writing import Bound, Tools, Written
from acra_twisted.encryption.randomness import RandomSupply
from acra_twisted.encryption.settings import ColumnSetting
from acra_twisted.exchange import Exchange, Parameters
from acra_twisted.pipeline.driver import then
from acra_twisted.pipeline.workers import Workers
from acra_twisted.session import Session
from acra_twisted.stages.columnkeys import ColumnKeys, Makers

#: Values that are encoded without leaving the reactor.
INLINE: Final = 32
#: Random bytes of a value: those of an AcraBlock, and a few more.
_RANDOM: Final = 128

_NO_MAKERS: Final = Makers({}, {})


class Encoder:
    """Encodes values with the keys of ``keys``, many of them in one of ``workers``."""

    def __init__(self, keys: ColumnKeys, workers: Workers) -> None:
        self._keys = keys
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
        write = partial(self._write, planned, conforming, exchange)
        return then(self._makers(uses, matched, exchange), write)

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
        write = partial(self._bind, parameters, uses, exchange)
        return then(self._makers(own, matched, exchange), write)

    def _makers(
        self, uses: Sequence[Use], matched: Sequence[ColumnSetting], exchange: Exchange
    ) -> Any:
        """The Makers for some uses; searches in columns of other owners are shown on the span."""
        if not uses and not matched:
            return _NO_MAKERS
        client = exchange.session.identity.client_id
        columns = {use.column for use in uses if use.role != STORE}
        foreign = {one.label for one in columns if one.owner not in ("", client)}
        if foreign:
            exchange.add_attribute("acra.search_foreign_owner", ", ".join(sorted(foreign)))
        return self._keys.makers(uses, client, matched)

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


def _tools(session: Session, makers: Makers, count: int, conforming: bool | None) -> Tools:
    encoding = session.parameters.get(b"client_encoding", b"UTF8").decode("latin-1")
    supply = RandomSupply(os.urandom, _RANDOM, max(count, 1))
    return Tools(makers.sealers, supply, encoding, conforming is True, makers.searchers)


def _shown(exchange: Exchange, made: Written | Bound) -> Written | Bound:
    """Put on the span how many values were encrypted, passed as they are, and searched for."""
    counts: Mapping[tuple[ColumnSetting, str], int] = made.counts
    totals: dict[str, int] = {}
    for (_, what), number in counts.items():
        totals[what] = totals.get(what, 0) + number
    for what, number in totals.items():
        exchange.add_attribute(f"acra.columns_{what}", number)
    return made
