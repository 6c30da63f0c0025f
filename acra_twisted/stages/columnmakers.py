"""The makers of stored values and of the forms that are searched for, from keys and from tokens,
for the values of one request."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from acra_twisted.encryption.facts import Wanted
from acra_twisted.encryption.making import Kept, SearchedTokens, TokenValues
from acra_twisted.encryption.plan import Use
from acra_twisted.exchange import Exchange, Notice
from acra_twisted.pipeline.driver import then
from acra_twisted.stages.columnkeys import ColumnKeys, Makers, together
from acra_twisted.stages.columntokens import ColumnTokens
from acra_twisted.stages.keymarks import KeyMarks

_FOREIGN: Final = (
    "column {} is protected by AcraServer for another client: no value that this client searches "
    "for is equal to any in it"
)
_NO_MAKERS: Final = Makers({}, {})


class ColumnMakers:
    """Asks for makers: keys of ``keys``, tokens of ``tokens``.  ``marks`` tells which keys they
    are."""

    def __init__(self, keys: ColumnKeys, tokens: ColumnTokens, marks: KeyMarks) -> None:
        self._keys = keys
        self._tokens = tokens
        self._marks = marks

    def of_keys(self, wanted: Wanted, exchange: Exchange) -> Any:
        """The Makers for some columns that need keys alone, or a Deferred of them; searches in
        columns of other owners are shown on the span, and told to the client.  Raises
        ValueRefusedError, or fails with it."""
        if not wanted.count and not wanted.matched:
            return _NO_MAKERS
        client = exchange.session.identity.client_id
        if wanted.owned:
            foreign = sorted({one.label for one in wanted.owned if one.owner != client})
            if foreign:
                exchange.add_attribute("acra.search_foreign_owner", ", ".join(foreign))
                for label in foreign:
                    exchange.tell(Notice(_FOREIGN.format(label), once=True))
        return self._keys.makers(wanted, client)

    def with_tokens(self, makers: Makers, values: Any, exchange: Exchange) -> Any:
        """Return makers and those of the TokenValues ``values``, or of a Deferred of them, or a
        Deferred of all."""
        client = exchange.session.identity.client_id

        def ask(found: TokenValues) -> Any:
            return self._tokens.makers(found, client)

        return then(then(values, ask), partial(_joined, makers))

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


def _joined(one: Makers, other: Makers) -> Makers:
    return Makers({**one.sealers, **other.sealers}, {**one.searchers, **other.searchers})
