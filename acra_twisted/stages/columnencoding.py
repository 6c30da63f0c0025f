"""Values of statements and parameters on their way to the database: encrypted, replaced by tokens,
or made into what they are searched by, with the keys that hold at that moment."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from acra_twisted.encryption.plan import STORE_EACH, STORING, ParameterUse, Use
from acra_twisted.encryption.postgresql import loading, writing
from acra_twisted.encryption.postgresql.copying import CopiedRows
from acra_twisted.encryption.postgresql.givenvalues import (
    Kept,
    SearchedTokens,
    TokenValues,
    tokens_of_parameters,
    tokens_of_text,
)
from acra_twisted.encryption.postgresql.loading import Piece
from acra_twisted.encryption.postgresql.planner import Planned
from acra_twisted.encryption.postgresql.writing import Bound, Sealer, Tools, Written
from acra_twisted.encryption.randomness import RandomSupply
from acra_twisted.encryption.settings import TOKENIZED, ColumnSetting
from acra_twisted.exchange import Exchange, Parameters
from acra_twisted.pipeline.driver import then
from acra_twisted.pipeline.workers import Workers
from acra_twisted.session import Session
from acra_twisted.stages.columnkeys import ColumnKeys, Makers, together
from acra_twisted.stages.columnseen import show
from acra_twisted.stages.columntokens import ColumnTokens
from acra_twisted.stages.keymarks import KeyMarks

#: Values that are encoded without leaving the reactor.
INLINE: Final = 32
#: Bytes of copied rows that are; they have no more values than that, or few more.
INLINE_BYTES: Final = 128
#: Random bytes of a value: those of an AcraBlock, and a few more.
_RANDOM: Final = 128

_NO_MAKERS: Final = Makers({}, {})

_Sealers = Mapping[ColumnSetting, Sealer]


class Encoder:
    """Encodes values with the keys of ``keys`` and the tokens of ``tokens``, many of them in one of
    ``workers``.  ``marks`` tells which keys they are."""

    def __init__(
        self, keys: ColumnKeys, tokens: ColumnTokens, marks: KeyMarks, workers: Workers
    ) -> None:
        self._keys = keys
        self._tokens = tokens
        self._marks = marks
        self._workers = workers

    def kept(self, planned: Planned, conforming: bool | None, exchange: Exchange) -> Sequence[Kept]:
        """Return all that decides, some time later, whether the literals of some plans are still
        encoded as they are now: see `marks`.  Raises ValueRefusedError."""
        plans = planned.statements or ()
        uses = list(writing.uses_of(plans))
        if not any(use.column.kind == TOKENIZED and use.role not in STORING for use in uses):
            return uses
        encoding = encoding_of(exchange.session)
        values = tokens_of_text(plans, planned.literals, encoding, conforming is True)
        return [*uses, *(SearchedTokens(*each) for each in values.compared.items())]

    def marks(self, kept: Sequence[Sequence[Kept]], exchange: Exchange) -> Any:
        """Return the mark of the keys and tokens that encode literals, for each of some lists of
        what is kept of them, or a Deferred of them; see `KeyMarks`."""
        client = exchange.session.identity.client_id
        return together([self._mark(one, client) for one in kept], list)

    def _mark(self, kept: Sequence[Kept], client: str) -> Any:
        mark = self._marks.mark((one for one in kept if isinstance(one, Use)), client)
        searched = [one for one in kept if isinstance(one, SearchedTokens)]
        if not searched:
            return mark
        return then(mark, lambda own: self._tokens.mark(searched, client).addCallback(own.__add__))

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
            encoding_of(exchange.session),
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
            encoding_of(exchange.session),
        )
        write = partial(self._bind, parameters, uses, exchange)
        return then(self._makers(own, matched, read, exchange), write)

    def rows(self, copied: CopiedRows, data: bytes | None, exchange: Exchange) -> Any:
        """Return what is `Written` in place of a piece of copied rows, None for their end, or a
        Deferred of it; see `literals`."""
        client = exchange.session.identity.client_id
        sealed = [one for one in copied.settings if one.kind != TOKENIZED]
        sealers = self._keys.sealers(sealed, client) if sealed else {}
        copy = self._copy if len(sealed) == len(copied.settings) else self._copy_tokens
        return then(sealers, partial(copy, copied, data, exchange))

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
        columns = {use.column for use in uses if use.role not in STORING}
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
        if values > INLINE or _may_be_many(writing.uses_of(plans)):
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
        if len(uses) > INLINE or _may_be_many(one.use for one in uses):
            bound: Any = self._workers.run(writing.write_parameters, *arguments)
        else:
            bound = writing.write_parameters(*arguments)
        return then(bound, partial(_shown, exchange))

    def _copy(
        self, copied: CopiedRows, data: bytes | None, exchange: Exchange, sealers: _Sealers
    ) -> Any:
        written = self._run(_is_much(data), loading.encode, copied, data, sealers, os.urandom)
        return then(written, partial(_shown, exchange))

    def _copy_tokens(
        self, copied: CopiedRows, data: bytes | None, exchange: Exchange, sealers: _Sealers
    ) -> Any:
        """Read a piece, and ask for its tokens, before it is written."""

        def ask(piece: Piece) -> Any:
            values = TokenValues(loading.token_values(piece), {})
            if not values.stored:
                return write(piece, _NO_MAKERS)
            client = exchange.session.identity.client_id
            return self._tokens.makers(values, client).addCallback(partial(write, piece))

        def write(piece: Piece, makers: Makers) -> Any:
            every = {**sealers, **makers.sealers}
            return self._run(_is_much(data), loading.write, copied, piece, every, os.urandom)

        read = self._run(_is_much(data), loading.read, copied, data)
        return then(then(read, ask), partial(_shown, exchange))

    def _run(self, much: bool, function: Callable[..., Any], *given: Any) -> Any:
        """The outcome of work, of much by a worker."""
        return self._workers.run(function, *given) if much else function(*given)


def _may_be_many(uses: Iterable[Use | None]) -> bool:
    """Tell whether one of some values holds any number that are stored."""
    return any(use is not None and use.role == STORE_EACH for use in uses)


def _is_much(data: bytes | None) -> bool:
    return data is not None and len(data) > INLINE_BYTES


def encoding_of(session: Session) -> str:
    """Return the session's client_encoding."""
    return session.parameters.get(b"client_encoding", b"UTF8").decode("latin-1")


def _joined(one: Makers, other: Makers) -> Makers:
    return Makers({**one.sealers, **other.sealers}, {**one.searchers, **other.searchers})


def _tools(session: Session, makers: Makers, count: int, conforming: bool | None) -> Tools:
    supply = RandomSupply(os.urandom, _RANDOM, max(count, 1))
    return Tools(makers.sealers, supply, encoding_of(session), conforming is True, makers.searchers)


def _shown(exchange: Exchange, made: Written | Bound) -> Written | Bound:
    """Tell of the values that were encrypted, passed as they are, and searched for."""
    show(exchange, made.counts)
    return made
