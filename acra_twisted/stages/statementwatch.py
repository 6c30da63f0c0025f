"""The watch over a statement that may change tables, what names mean, or what SQL executes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from zope.interface import implementer

from acra_twisted.encryption.postgresql.keeper import defines
from acra_twisted.encryption.postgresql.namechanges import may_define, words
from acra_twisted.exchange import Exchange
from acra_twisted.interfaces import IWatch
from acra_twisted.session import Session
from acra_twisted.stages.sessionknown import Known, PreparedText

_PREPARE: Final = b"PREPARE"
_DISCARD: Final = b"DISCARD ALL"


def watch(
    known: Known,
    exchange: Exchange,
    text: bytes,
    is_named: bool,
    prepares: Sequence[PreparedText] = (),
) -> None:
    """Follow a statement until it has ended, and again whenever it is executed again.

    ``is_named``: it names something protected; ``prepares`` are the statements that it prepares
    by SQL."""
    exchange.watch = StatementWatch(known, exchange.session, text, is_named, prepares)


@implementer(IWatch)
class StatementWatch:
    """Tells ``known`` of one statement of its session; see `watch`."""

    def __init__(
        self,
        known: Known,
        session: Session,
        text: bytes,
        is_named: bool,
        prepares: Sequence[PreparedText],
    ) -> None:
        self._known = known
        self._session = session
        self._text = text
        self._is_named = is_named
        self._prepares = prepares
        self._changes = known.prepared_changes
        self._tags: list[bytes] = []
        self._begin()

    def completed(self, tag: bytes) -> None:
        """See IWatch.  A statement has its name at once, whatever becomes of the transaction."""
        self._tags.append(tag)
        if tag == _PREPARE:
            number = self._tags.count(tag)
            for made in self._prepares[number - 1 : number]:
                self._known.keep_prepared(made)

    def executed(self, exchange: Exchange) -> bool:
        """See IWatch.  It may run a statement that SQL prepares: not if those are others now.  A
        definition was judged by what was there when it was bound."""
        if self._known.prepared_changes != self._changes or may_define(self._text):
            return False
        self._begin()
        return True

    def ended(self, exchange: Exchange) -> None:
        """See IWatch.  Until the database is ready, the statement counts as one in a transaction:
        that of its batch may still be open."""
        known, tags = self._known, self._tags
        self._tags = []
        known.open -= 1
        if exchange.outcome == "error":
            known.schema.failed(exchange.status_code.encode(), True)
        elif exchange.outcome == "lost":
            known.schema.lost()
        if any(map(defines, tags)):
            known.schema.forget(words(self._text, None))
        for tag in tags:
            known.schema.completed(tag, self._text, self._is_named, True)
            if tag == _DISCARD:
                known.forget_all_prepared()

    def _begin(self) -> None:
        known = self._known
        known.open += 1
        known.is_dirty = True
        known.follow(self._session)


@implementer(IWatch)
class NotApart:
    """Has what was bound executed in the same exchange, or not at all: what it does, or what its
    rows mean, may be something else later."""

    def completed(self, tag: bytes) -> None:
        """See IWatch."""

    def executed(self, exchange: Exchange) -> bool:
        """See IWatch."""
        return False

    def ended(self, exchange: Exchange) -> None:
        """See IWatch."""


#: Follows nothing, and serves all.
NOT_APART: Final = NotApart()
