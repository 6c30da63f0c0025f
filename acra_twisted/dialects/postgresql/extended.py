"""The extended protocol: Parse, Bind, Describe, Execute, Close, up to Sync."""

from __future__ import annotations

import re
from typing import Any, Final

from acra_twisted import events
from acra_twisted.dialects.postgresql import replies
from acra_twisted.dialects.postgresql.opening import OpeningBatch
from acra_twisted.dialects.postgresql.prepared import Portal, Prepared
from acra_twisted.dialects.propagation import Propagation, carried, sent_form
from acra_twisted.exchange import (
    PARAMETERS,
    ROWS,
    STATEMENT,
    Exchange,
    Judges,
    LooksAt,
    Parameters,
    Statement,
    Work,
)
from acra_twisted.outstanding import ANSWER, ANSWER_WITH_NEXT, FORWARD, SKIP
from acra_twisted.session import Session
from acra_twisted.verdicts import Deny
from acra_twisted.wire.postgres import backend, frames, frontend

#: Finds what may load rows.
_COPY: Final = re.compile(rb"\bcopy\b", re.I).search
_TOO_MANY: Final = Deny(
    "too many prepared statements and portals in this session: raise max_prepared_statements in "
    "AcraServer, and in AcraConnector if there is one",
    sqlstate=b"54000",
    reason="more than max_prepared_statements",
    code=events.LIMIT_EXCEEDED,
)
#: Of more that waits for its reply, nobody looks through all.
_LOOKED_THROUGH: Final = 16
_APART: Final = Deny(
    "AcraServer must know what this statement does: bind its values anew, and execute it behind "
    "that",
    sqlstate=b"0A000",
    reason="executed apart from its Bind",
)
_NOT_BOUND: Final = Deny(
    "AcraServer knows of nothing that is bound to the unnamed portal",
    sqlstate=b"34000",
    reason="executed without a Bind",
)


class ExtendedBatch(OpeningBatch):
    """An OpeningBatch that reads the messages of the extended protocol.

    ``inspects``: kinds of Work that some stage has hooks for; the others are never made.
    ``looks_at`` tells whether some stage looks at the values of a statement; None: at those of all.
    ``judges`` tells how many stages look at a simple query; None: all of them do.
    """

    def __init__(
        self,
        session: Session,
        inspects: frozenset[str],
        looks_at: LooksAt | None,
        judges: Judges | None,
        hold_limit: int,
        propagation: Propagation,
    ) -> None:
        super().__init__(session, hold_limit, propagation)
        self._statements = STATEMENT in inspects
        self._parameters = PARAMETERS in inspects
        self._looks_at = looks_at
        self._judges = judges
        self._result_formats = ROWS in inspects
        # The message that a Work was made of: where it stands, and its decoded form.
        self._message: tuple[int, int, Any] = (0, 0, None)
        # The number of the batch in which the unnamed portal was bound last.
        self._bound_in = 0

    def _is_overlooked(self, statement: Statement | None) -> bool:
        """Return True if no stage looks at values that are bound to a statement now."""
        looks_at = self._looks_at
        if looks_at is None or statement is None:
            return False
        prepared: Prepared = self._session.prepared
        return prepared.is_meant(statement) and not looks_at(statement, self._session)

    def _bound_statement(self, data: bytes, bind: int) -> Statement | None:
        """The statement of the whole Bind that begins at ``bind`` and binds the unnamed portal."""
        prepared: Prepared = self._session.prepared
        name = bind + 6
        end = frames.end_of_string(data, name)
        return None if end < 0 else prepared.statement(data[name:end])

    def _whole_execution(
        self, execution: tuple[int, int, bool], statement: Statement | None, size: int
    ) -> None:
        start, end, described = execution
        self._buffer.position = size
        if start:
            self._close(0, start)
        body = self._buffer.data[start + 5 : end]
        exchange, portal = self._bind_unseen(start, end, body, statement)
        if described:
            self._expected.append((FORWARD, replies.DESCRIBE_PORTAL, exchange, portal))
        elif self._session.meaning is not None and self._result_formats:
            self._have_described(exchange, portal, end)
        self._executed(exchange, portal)
        self._sync(size - len(frontend.SYNC), size)

    def _parse(self, start: int, end: int) -> Work | None:
        message = frontend.decode_parse(self._buffer.data[start + 5 : end])
        statement = Statement(message.text, message.name)
        if self._parameters:
            # As the client knows them, whatever a stage declares to the database.
            statement.types = frontend.decode_types(message.types)
            statement.parameter_types = statement.types
        exchange = self._exchange = self._open_statement("prepare", statement)
        if statement.text is not message.text:
            self._splice_statement(start, end, message, sent_form(statement))
        if message.name and self._session.prepared.full:
            self._deny_batch(exchange, _TOO_MANY, start, end)
        elif self._statements:
            self._message = (start, end, message)
            return Work(STATEMENT, statement, exchange)
        else:
            self._parsed(exchange, start, end, message)
        return None

    def _parsed(self, exchange: Exchange, start: int, end: int, message: Any) -> None:
        statement = exchange.statement
        assert statement is not None  # noqa: S101 - a Parse has one
        self._hand_on(exchange, start, end, message)
        prepared: Prepared = self._session.prepared
        prepared.parse_sent(statement)
        if self._may_be_loading() and prepared.may_be_another(statement):
            # A load reads it, and fails; what comes behind it is done, without a Sync.
            prepared.sync_sent()
        self._expected.append((FORWARD, replies.PARSE, exchange, statement))

    def _may_be_loading(self) -> bool:
        """Return True if the database reads copy data by now, or may do so for a simple query."""
        session = self._session
        if session.copying_in:
            return True
        for action, code, exchange, _ in session.outstanding:
            if action == FORWARD and code == replies.QUERY and exchange is not None:
                statement = exchange.statement
                if statement is not None and _COPY(statement.text) is not None:
                    return True
        return False

    def _bind(self, start: int, end: int) -> Work | None:
        body = self._buffer.data[start + 5 : end]
        prepared: Prepared = self._session.prepared
        statement = prepared.statement(frontend.bind_names(body)[1])
        if not self._parameters or self._is_overlooked(statement):
            self._bind_unseen(start, end, body, statement)
            return None
        bind = frontend.decode_bind(body)
        exchange = self._executing(statement, start, body)
        self._message = (start, end, bind)
        types = prepared.parameter_types(statement, len(bind.values))
        is_meant = prepared.is_meant(statement)
        parameters = Parameters(bind.values, bind.formats, statement, types, is_meant, bind.portal)
        return Work(PARAMETERS, parameters, exchange)

    def _bind_unseen(
        self, start: int, end: int, body: bytes, statement: Statement | None
    ) -> tuple[Exchange, Portal]:
        """Bind values that no stage looks at to a statement.  ``body`` is the message's."""
        name, statement_name = frontend.bind_names(body)
        portal = Portal(name, statement)
        if self._result_formats:
            portal.results = frontend.bind_results(body, len(name) + len(statement_name) + 2)
        exchange = self._executing(statement, start, body)
        self._bound(exchange, portal, start, end)
        return exchange, portal

    def _bound(self, exchange: Exchange, portal: Portal, start: int, end: int) -> None:
        prepared: Prepared = self._session.prepared
        if portal.name and prepared.full:
            self._deny_batch(exchange, _TOO_MANY, start, end)
            return
        portal.origin, portal.changes = self._origin, self._changes
        portal.watch = exchange.watch
        if not portal.name:
            self._bound_in = prepared.batch
        prepared.bind_sent(portal)
        self._expected.append((FORWARD, replies.BIND, exchange, portal))

    def _describe(self, start: int, end: int) -> None:
        kind, name = frontend.decode_target(self._buffer.data[start + 5 : end])
        prepared = self._session.prepared
        if kind == b"S":
            statement = prepared.statement(name)
            if statement is not None:
                statement.is_described = prepared.batch
            exchange = self._current(statement, start)
            payload = Statement(b"", name) if statement is None else statement
            self._expected.append((FORWARD, replies.DESCRIBE_STATEMENT, exchange, payload))
        else:
            portal = prepared.portal(name)
            meanings = self._session.cursor_meanings
            if portal.statement is None and meanings is not None:
                portal.meanings = meanings(name)
            portal.is_described = prepared.batch
            exchange = self._current(portal.statement, start, portal)
            self._expected.append((FORWARD, replies.DESCRIBE_PORTAL, exchange, portal))

    def _execute(self, start: int, end: int) -> None:
        name = frontend.decode_execute(self._buffer.data[start + 5 : end])
        portal = self._session.prepared.portal(name)
        exchange = self._exchange
        if exchange is not None and exchange.statement is not portal.statement:
            # Earlier messages concern another statement.
            self._exchange = None
        exchange = self._current(portal.statement, start, portal)
        watch = portal.watch
        if watch is not None and watch is not exchange.watch:
            if exchange.watch is not None or not watch.executed(exchange):
                self._deny_batch(exchange, _APART, start, end)
                return
            exchange.watch = watch
        if self._session.meaning is not None and self._result_formats:
            if not (name or portal.statement is not None or self._is_bound(portal)):
                # What a text that failed has left there ends the database if it is described.
                self._deny_batch(exchange, _NOT_BOUND, start, end)
                return
            self._have_described(exchange, portal, start)
        self._executed(exchange, portal)

    def _have_described(self, exchange: Exchange, portal: Portal, start: int) -> None:
        """Before an Execute: a Describe of ours, if the client sends none.  Stages that know what
        the columns mean must know which ones they are."""
        prepared: Prepared = self._session.prepared
        is_known = prepared.is_told(portal) and self._is_next(portal)
        if not (is_known or prepared.will_be_described(portal)):
            portal.is_described = prepared.batch
            self._insert(start, frontend.encode_describe(b"P", portal.name))
            self._expected.append((SKIP, replies.DESCRIBE_PORTAL, exchange, portal))

    def _is_bound(self, portal: Portal) -> bool:
        """Return True if the database has bound this unnamed portal, or skips what comes next if it
        fails to: perhaps to a name that nobody here knows of."""
        return portal.era >= 0 or self._bound_in == self._session.prepared.batch

    def _is_next(self, portal: Portal) -> bool:
        """Return True if nothing else is executed before a portal that is executed now."""
        waiting = self._session.outstanding
        if len(waiting) + len(self._expected) > _LOOKED_THROUGH:
            return False
        for action, code, _, payload in (*waiting, *self._expected):
            is_own = code == replies.EXECUTE and payload is portal or code == replies.SYNC
            if not is_own and (action != SKIP or code != replies.CLOSE):
                return False
        return True

    def _executed(self, exchange: Exchange, portal: Portal) -> None:
        exchange.kind = "execute"
        exchange.is_run = True
        portal.origin = None
        if portal.changes is not None and self._session.settings is not None:
            self._session.settings.sent(exchange, portal.changes)
        self._expected.append((FORWARD, replies.EXECUTE, exchange, portal))

    def _close(self, start: int, end: int) -> None:
        kind, name = frontend.decode_target(self._buffer.data[start + 5 : end])
        context = carried(name) if kind == b"S" else None
        if context is None or self._session.prepared.statement(name) is not None:
            exchange = self._current(None, start)
            self._expected.append((FORWARD, replies.CLOSE, exchange, (kind, name)))
            return
        self._announced = context
        self._splice(start, end, b"")
        self._expected.append((ANSWER_WITH_NEXT, replies.CLOSE, None, backend.CLOSE_COMPLETE))

    def _sync(self, start: int, end: int) -> None:
        session = self._session
        if session.copying_in:
            # The database ignores Sync while it reads copy data, but not behind another message.
            session.prepared.sync_sent()
            self._release(end)
            return
        if self._denied or session.discarding:
            self._discard(start)
            if session.discarding and session.refused_result:
                # The database does not know that the batch has failed.
                self._fail_batch(start)
            session.discarding = False
        if self._denied_unsent:
            self._discard(end)
            action = ANSWER
        else:
            self._release(end)
            action = FORWARD
        exchange = self._exchange
        if exchange is not None and exchange.closed and not session.notices:
            exchange = None
        session.outstanding.append((action, replies.SYNC, exchange, None))
        prepared: Prepared = session.prepared
        if prepared.unsynced:
            prepared.sync_sent()
        else:
            # The same, without a call.
            prepared.batch += 1
        self._exchange = self._announced = self._ends_part = None
        self._part_sent = self._denied = self._denied_unsent = False
