"""A request begins: its exchange is opened, with the trace context that it brings or follows.

A context comes in a comment of the text, by a Close in front of what has no text, with the Parse of
what is executed, by a setting of the session or with its startup packet.  It goes on towards the
database in the same ways (`propagation`).
"""

from __future__ import annotations

from typing import Any, Final

from acra_twisted.dialects.postgresql import contextsettings, replies
from acra_twisted.dialects.postgresql.contextsettings import ContextSettings
from acra_twisted.dialects.postgresql.namedcontexts import NamedContexts
from acra_twisted.dialects.postgresql.prepared import Portal
from acra_twisted.dialects.postgresql.propagation import asks_for_notices
from acra_twisted.dialects.postgresql.refusal import RefusingBatch
from acra_twisted.dialects.propagation import CARRIER, Propagation, bring, show_tags
from acra_twisted.exchange import Brought, Exchange, Statement
from acra_twisted.outstanding import SKIP, is_answer
from acra_twisted.session import IDLE, Session
from acra_twisted.sql import settings
from acra_twisted.sql.comments import (
    Found,
    add_context,
    look_for_context,
    may_give_name,
    may_set_context,
)
from acra_twisted.wire.link.tracecontext import TraceContext
from acra_twisted.wire.postgres import frontend

#: Number of unanswered requests that are searched.
_LOOKED_THROUGH: Final = 16


class OpeningBatch(RefusingBatch):
    """A RefusingBatch that opens the exchange of each request; see `request`."""

    def __init__(self, session: Session, hold_limit: int, propagation: Propagation) -> None:
        super().__init__(session, hold_limit, propagation)
        # Whether requests without text carry a context.
        self._carries = propagation.onward is not None and propagation.to_acra
        # The context that a Close has brought for what comes behind it.
        self._announced: TraceContext | None = None
        # Of the execution that a Bind begins: the context of its Parse, and what it sets.
        self._origin: Any = None
        self._changes: Any = None

    def _interrupt_part(self, exchange: Exchange) -> None:
        """Take note of a request that is sent, and is none of a batch's."""
        if self._part_sent:
            self._ends_part = exchange
        elif self._ends_part is not None and self._is_part_over:
            self._ends_part = None

    def _splice_statement(self, start: int, end: int, message: Any, text: bytes) -> None:
        if message is None:
            self._splice(start, end, frontend.encode_query(text))
        else:
            self._splice(start, end, frontend.encode_parse(message._replace(text=text)))

    def _begin(self, kind: str, statement: Statement | None) -> Exchange:
        """It began with the first byte of its message, if that has come in pieces."""
        session, since = self._session, self._reading_since
        now = session.clock()
        exchange = Exchange(session, kind, statement, since or now)
        if since:
            self._reading_since = 0
            exchange.add_attribute("acra.time.client_read_ms", round((now - since) / 1e6, 3))
        return exchange

    def _open(
        self, kind: str, statement: Statement | None, portal: Portal | None = None
    ) -> Exchange:
        session = self._session
        exchange = self._begin(kind, statement)
        exchange.remote = session.context
        if statement is not None and (
            portal is not None
            or statement.origin is not None
            or statement.linked is not None
            or statement.brought is not None
        ):
            self._follow(exchange, statement, portal)
        if self._announced is not None:
            exchange.remote, exchange.linked = self._announced, None
            self._announced = None
        session.observer.exchange_opened(exchange)
        return exchange

    def _follow(self, exchange: Exchange, statement: Statement, portal: Portal | None) -> None:
        """Give a request without text what its statement came with.

        The first execution goes on with the context of the Parse; later ones are linked with it.
        """
        origin = portal.origin if portal is not None else statement.origin
        if origin is not None:
            exchange.remote = origin
        else:
            exchange.linked = statement.linked
        brought = statement.brought
        if brought is not None:
            show_tags(exchange, brought)
            if origin is None and brought.changes is not None and brought.changes.alone:
                exchange.remote = None

    def _open_statement(self, kind: str, statement: Statement) -> Exchange:
        """An exchange that may have been given a trace context in a comment of its text."""
        session = self._session
        session.in_flight = False
        if session.outstanding or self._part_sent or self._expected or not session.conforming:
            self._set_reading(statement)
        exchange = self._begin(kind, statement)
        exchange.remote = session.context
        found = look_for_context(statement.text, statement.conforming)
        if found is not None:
            self._bring_context(exchange, statement, found)
        if session.named is not None and exchange.remote is session.context:
            session.named.follow(exchange, statement.text)
        if session.settings is not None or may_set_context(statement.text, kind == "prepare"):
            self._look_for_settings(exchange, statement)
        if self._propagation.notices:
            asked = asks_for_notices(statement.text)
            if asked is not None:
                session.notices = asked
        session.observer.exchange_opened(exchange)
        return exchange

    def _bring_context(self, exchange: Exchange, statement: Statement, found: Found) -> None:
        """The context in a statement's comment goes, its tags stay for the database."""
        if bring(exchange, statement, found) and may_give_name(found.text):
            session = self._session
            if session.named is None:
                session.named = NamedContexts()
            session.named.note(found.text, found.context)

    def _look_for_settings(self, exchange: Exchange, statement: Statement) -> None:
        """A statement that sets a context is no part of it, unless it does something else, too."""
        session = self._session
        changes = contextsettings.read_changes(statement.text, statement.conforming)
        if changes is None:
            return
        if session.settings is None:
            session.settings = ContextSettings(session, {})
        if statement.brought is None:
            statement.brought = Brought(None, None)
        statement.brought.changes = changes
        is_own = exchange.remote is not session.context
        if exchange.kind == "query":
            session.settings.sent(exchange, changes)
        if not is_own:
            exchange.remote = None if changes.alone else session.context

    def _set_reading(self, statement: Statement) -> None:
        """Say by which settings a text is read, unless all of them read it alike."""
        text, session = statement.text, self._session
        if not text.isascii() or text.find(b"\\") >= 0:
            session.in_flight = self._may_have_changed()
            statement.conforming = None if session.in_flight else session.conforming

    def _may_have_changed(self) -> bool:
        """Return True if what was sent, or is held, since the last ReadyForQuery may change a
        setting.

        The database reports a change when it says ReadyForQuery, and no sooner.
        """
        session = self._session
        waiting = len(session.outstanding) + len(self._expected)
        if waiting and session.transaction != IDLE:
            # A failure reverts the transaction's settings.
            return True
        # What a part that was sent and answered has done is forgotten; of much, nobody looks
        # through all.
        if self._part_sent or waiting > _LOOKED_THROUGH:
            return True
        for action, code, exchange, _ in (*session.outstanding, *self._expected):
            if action == SKIP or is_answer(action):
                continue
            if code == replies.SYNC or exchange is self._ends_part:
                # Such a part may stand before it.
                return True
            if exchange is None or exchange.statement is None:
                return True
            if settings.may_change(exchange.statement.text):
                return True
        return False

    def _hand_on(self, exchange: Exchange, start: int, end: int, message: Any) -> None:
        """Put a context into the text that leaves, not into the statement as it is judged.

        The text of a named statement stays what it is where a pooler or the database may know
        it by that.
        """
        onward, statement = self._propagation.onward, exchange.statement
        if onward is None or statement is None:
            return
        if statement.prepared_name and not self._propagation.to_acra:
            return
        context = onward(exchange)
        if context is not None:
            state = exchange.remote.state if exchange.remote is not None else ""
            brought = statement.brought
            if brought is not None and brought.kept is not None:
                text = brought.kept.with_context(context, state)
            else:
                text = add_context(statement.text, context, state)
            self._splice_statement(start, end, message, text)

    def _carry_context(self, exchange: Exchange, start: int) -> None:
        """Before a request without text: a Close that carries its context."""
        onward = self._propagation.onward
        context = None if onward is None else onward(exchange)
        if context is not None:
            name = CARRIER + context.traceparent().encode("ascii")
            self._insert(start, frontend.encode_close(b"S", name))
            self._expected.append((SKIP, replies.CLOSE, None, None))

    def _executing(self, statement: Statement | None, start: int, bind: bytes) -> Exchange:
        """The exchange of an execution: that of the Parse just before, or a new one."""
        exchange = self._exchange
        if (
            exchange is None
            or exchange.closed
            or exchange.kind == "execute"
            or exchange.statement is not statement
        ):
            exchange = self._exchange = self._open("execute", statement)
            if self._carries:
                self._carry_context(exchange, start)
        exchange.kind = "execute"
        self._origin = self._changes = None
        if statement is not None:
            if statement.origin is not None:
                self._origin = statement.linked = statement.origin
                statement.origin = None
            if statement.brought is not None and statement.brought.changes is not None:
                changes = statement.brought.changes
                if changes.by_parameter:
                    changes = changes.with_parameters(frontend.decode_bind(bind).values)
                self._changes = changes
        return exchange

    def _current(
        self, statement: Statement | None, start: int, portal: Portal | None = None
    ) -> Exchange:
        """The exchange that a Describe, Execute or Close belongs to."""
        exchange = self._exchange
        if exchange is None or exchange.closed:
            exchange = self._exchange = self._open("prepare", statement, portal)
            if self._carries:
                self._carry_context(exchange, start)
        return exchange
