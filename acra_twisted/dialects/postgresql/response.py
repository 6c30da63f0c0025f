"""Database to client: backend messages in, bytes for the client out, replies attributed.

Each backend message belongs to the head of ``session.outstanding`` (or to no request at all:
notices, parameter changes, notifications).  Where no stage has a plan for a result only headers
are walked: bodies stream on without being looked at, and a chunk in which nothing changed leaves
as the object that arrived.  With a plan, each run of complete DataRows is one Work.

A refusal in the middle of a result becomes the statement's error: the rest of its reply is left
out, and what was pipelined behind it is discarded up to Sync, as the server would have done.  The
transaction that it stands in is made to fail, or the session ends.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from acra_twisted.dialects.postgresql import contextsettings, questions, replies
from acra_twisted.dialects.postgresql.descriptions import Descriptions
from acra_twisted.dialects.postgresql.extendedreplies import ExtendedReplies
from acra_twisted.dialects.postgresql.prepared import Portal, Prepared
from acra_twisted.dialects.postgresql.rows import CopyRows
from acra_twisted.dialects.postgresql.values import ANYTHING
from acra_twisted.dialects.propagation import NOTHING, Propagation
from acra_twisted.errors import WireError
from acra_twisted.exchange import MESSAGES, Exchange, Work
from acra_twisted.outstanding import (
    FORWARD,
    REPLACE,
    SKIP,
    is_answer,
)
from acra_twisted.results import Columns, Planner
from acra_twisted.session import IN_TRANSACTION, Session
from acra_twisted.verdicts import Deny, Replace
from acra_twisted.wire.postgres import backend, frames

#: Messages that belong to no request.
_ASYNCHRONOUS: Final = frozenset((frames.NOTICE, frames.NOTIFICATION, frames.PARAMETER_STATUS))
#: Messages other than rows that may contain data of a table.
_TEXTS: Final = _ASYNCHRONOUS | {frames.ERROR_RESPONSE, frames.FUNCTION_RESPONSE}
#: Rows of a request that are counted: a database may tell of any number, any number of times.
_ROWS_MAX: Final = 10**12
_NEVER_SUPPRESSED: Final = _ASYNCHRONOUS | {frames.READY_FOR_QUERY}


class ResponseFlow(ExtendedReplies):
    """IMessageFlow for the database's direction.

    ``results``: see ResultRows; ``messages``: True if some stage looks at texts that are no
    rows.
    """

    def __init__(
        self,
        session: Session,
        results: Planner | None = None,
        *,
        messages: bool = False,
        message_limit: int = 64 << 20,
        propagation: Propagation = NOTHING,
        descriptions: Descriptions | None = None,
    ) -> None:
        super().__init__(session, results, message_limit, descriptions, propagation)
        self._messages = messages
        # The client receives this instead of a message that a stage has refused.
        self._instead: bytes | None = None
        self._on: dict[int, Callable[[int, int], None]] = {
            frames.BIND_COMPLETE: self._bind_complete,
            frames.CLOSE_COMPLETE: self._close_complete,
            frames.COMMAND_COMPLETE: self._command_complete,
            frames.COPY_IN_RESPONSE: self._copy_in,
            frames.COPY_OUT_RESPONSE: self._copy_out,
            frames.COPY_BOTH_RESPONSE: self._copy_both,
            frames.COPY_DATA: self._streamed,
            frames.COPY_DONE: self._copy_done,
            frames.DATA_ROW: self._streamed,
            frames.EMPTY_QUERY: self._empty_query,
            frames.ERROR_RESPONSE: self._error,
            frames.FUNCTION_RESPONSE: self._function_response,
            frames.NO_DATA: self._no_data,
            frames.NOTICE: self._asynchronous,
            frames.NOTIFICATION: self._asynchronous,
            frames.PARAMETER_DESCRIPTION: self._parameter_description,
            frames.PARAMETER_STATUS: self._parameter_status,
            frames.PARSE_COMPLETE: self._parse_complete,
            frames.PORTAL_SUSPENDED: self._portal_suspended,
            frames.READY_FOR_QUERY: self._ready_for_query,
            frames.ROW_DESCRIPTION: self._row_description,
        }

    # -- IMessageFlow -------------------------------------------------------------------------

    def begin(self, data: bytes) -> Work | None:
        """See IMessageFlow.  A reply that is whole and concerns no stage passes in one piece."""
        session = self._session
        head = self._owed()
        if head is not None and not (
            self._suppressing
            or session.notices
            or session.settings is not None
            or session.on_ready is not None
        ):
            exchange, start, portal, columns, rows = self._whole_reply(data, head)
            if exchange is not None:
                self._pass_whole(data, exchange, start, portal, columns, rows)
                return None
        self.feed(data)
        return self.next_work()

    def _pass_whole(
        self,
        data: bytes,
        exchange: Exchange,
        start: int,
        portal: Portal | None,
        columns: Columns | None,
        rows: int,
    ) -> None:
        """Let a reply pass; see `Whole`."""
        session = self._session
        prepared: Prepared = session.prepared
        now = exchange.first_byte = session.clock()
        if portal is not None and columns is not None and self._results is not None:
            if portal.statement is not None:
                prepared.statement_described(portal.statement, columns)
        self._count(exchange, rows)
        prepared.execution_ended()
        self._is_ready(replies.TRANSACTIONS[data[-1]])
        session.outstanding.clear()
        self._out.append(data[start:] if start else data)
        self.passed_whole += 1
        exchange.close("ok", now)

    def next_work(self) -> Work | None:
        """The next result or run of rows to judge; None when input is used up."""
        buffer = self._buffer
        self._load_waiting()
        data = buffer.data
        size, position = len(data), buffer.position
        limit = self._message_limit
        head = self._owed()
        # A question is the only one owed when it is put: no other reply stands before its own.
        asked = False
        if head is not None and position < size:
            asked = head[0] == SKIP and head[1] == replies.QUESTION
            self._reply_begins(head)
        if self._streaming:
            position = self._stream(position, size)
        while size - position >= 5:
            kind, length = frames.header(data, position)
            end = position + 1 + length
            on = self._on.get(kind)
            if on is None:
                raise WireError("database", f"message type {chr(kind)!r} is not known")
            if not 4 <= length <= limit:
                frames.check_length("database", kind, length, limit)
            suppresses = self._suppressing and kind not in _NEVER_SUPPRESSED
            if asked and end <= size and not questions.is_clients(data, position, end):
                buffer.position = end
                asked = not self._answered(position, end)
                position = end
                if not asked and end < size:
                    # It was given up, and the client has gone on: what follows is the next reply.
                    return self.next_work()
                continue
            if kind == frames.DATA_ROW and not suppresses and not asked:
                position, work = self._rows(data, position, size)
                if work is not None:
                    return work
                if position < size and data[position] == frames.DATA_ROW:
                    break
                continue
            if kind == frames.COPY_DATA and not suppresses:
                before = position
                position, work = self._copied(data, position, size)
                if work is not None:
                    return work
                if position == before:
                    break
                continue
            if end > size:
                buffer.position = position
                self._keep(length + 1)
                return None
            buffer.position = end
            if suppresses:
                self._leave_out(position, end)
            else:
                if self._messages and kind in _TEXTS:
                    return self._judge_message(position, end)
                on(position, end)
            position = end
        if position < size:
            buffer.position = position
            self._keep(self._wanted(data, position, size))
        else:
            buffer.position = position
        return None

    def settle(self, work: Work, verdict: Any) -> None:
        """Apply a verdict: to a run of rows, to a plan or a message (which can only be denied)."""
        self._unsettled = False
        start, end = self._run
        if work.kind == MESSAGES:
            self._settle_message(start, end, verdict)
        elif type(verdict) is Deny:
            self._leave_out(start, end)
            self._fail(work.exchange, verdict)
        elif type(verdict) is Replace:
            self._leave_out(start, end)
            self._out.append(verdict.item.encode())
        elif self._unloading is not None:
            self._leave_out(start, end)
            self._out.append(work.item.encode())

    def release_answers(self) -> None:
        """See IReplyFlow."""
        if not self._unsettled:
            self._after_pop(self._buffer.position)

    # -- messages: each gets its bounds in the chunk, the body starts 5 bytes in -----------------

    def _streamed(self, start: int, end: int) -> None:
        raise AssertionError("rows and copy data are walked, not dispatched")

    def _judge_message(self, start: int, end: int) -> Work:
        exchange = replies.owner(self._session)
        batch = CopyRows(self._buffer.data, ANYTHING, start, end)
        return self._ask(Work(MESSAGES, batch, exchange), (start, end))[1]

    def _settle_message(self, start: int, end: int, verdict: Any) -> None:
        kind = self._buffer.data[start]
        if type(verdict) is Deny:
            self._leave_out(start, end)
            if kind in (frames.ERROR_RESPONSE, frames.FUNCTION_RESPONSE):
                self._instead = replies.denial(verdict)
                self._session.refused_result = kind == frames.FUNCTION_RESPONSE
        self._on[kind](start, end)
        self._instead = None
        # Replies that became due while a stage worked.
        self._after_pop(end)

    def _asynchronous(self, start: int, end: int) -> None:
        pass

    def _parameter_status(self, start: int, end: int) -> None:
        contextsettings.note_parameter(
            self._session, *backend.decode_parameter_status(self._body(start, end))
        )

    def _command_complete(self, start: int, end: int) -> None:
        body = self._body(start, end)
        rows = self._descriptions.rows(body)
        if self._head_is(REPLACE, replies.BLOCK):
            # Of the BEGIN; what is to fail comes next.
            self._leave_out(start, end)
            outstanding = self._session.outstanding
            _, _, exchange, error = outstanding.popleft()
            outstanding.appendleft((REPLACE, replies.QUERY, exchange, error))
            return
        _, code, exchange, portal = self._head(replies.QUERY, replies.EXECUTE)
        assert exchange is not None  # noqa: S101 - both codes always have one
        if exchange.told is not None:
            self._tell_of(exchange, start)
        if self._session.settings is not None:
            self._session.settings.completed(backend.decode_command_tag(body))
        if exchange.watch is not None:
            exchange.watch.completed(backend.decode_command_tag(body))
        if rows is None:
            tag = backend.decode_command_tag(body)
            statement = exchange.statement if portal is None else portal.statement
            self._session.prepared.command_complete(tag, statement)
        else:
            self._count(exchange, rows)
        self._statement_ended(code, end)

    def _empty_query(self, start: int, end: int) -> None:
        self._statement_ended(self._head(replies.QUERY, replies.EXECUTE)[1], end)

    def _portal_suspended(self, start: int, end: int) -> None:
        _, code, exchange, _ = self._head(replies.EXECUTE)
        if exchange is not None and exchange.told is not None:
            self._tell_of(exchange, start)
        self._statement_ended(code, end)

    def _statement_ended(self, code: int, end: int) -> None:
        session = self._session
        session.copying_in = False
        portal = session.outstanding[0][3] if code == replies.EXECUTE else None
        session.prepared.execution_ended(portal)
        self._no_rows()
        self._described = None
        if code == replies.EXECUTE:
            self._pop(end)
        else:
            self._ordinal += 1

    @staticmethod
    def _count(exchange: Exchange, rows: int) -> None:
        """Add a result's rows to those of the statements before it in the same text."""
        if rows >= 0:
            told = rows if exchange.rows < 0 else exchange.rows + rows
            exchange.rows = told if told < _ROWS_MAX else _ROWS_MAX

    def _function_response(self, start: int, end: int) -> None:
        self._head(replies.CALL)
        self._session.prepared.execution_ended()
        if self._instead is not None:
            self._out.append(self._instead)

    def _error(self, start: int, end: int) -> None:
        session = self._session
        outstanding = session.outstanding
        fields = backend.decode_error(self._body(start, end))
        session.copying_in = False
        instead = self._instead
        if self._head_is(SKIP, replies.QUESTION):
            # Nor is it what was asked: see `questions.is_clients`.
            outstanding[0][3].fail("the database ends the session")
            self._end_question(outstanding[0][3])
        if not outstanding:
            # Not an answer: the database ends the session (57P01 and its like).
            if instead is not None:
                self._out.append(instead)
            return
        action, code, exchange, payload = outstanding[0]
        if action == REPLACE:
            self._leave_out(start, end)
            self._out.append(payload)
            if code != replies.BATCH:
                # It has failed, as it must; now ReadyForQuery may come.
                outstanding.popleft()
                outstanding.appendleft((FORWARD, replies.QUERY, exchange, None))
        elif exchange is not None:
            replies.note_error(exchange, fields)
        hint = self._propagation.hint(exchange) if action != REPLACE else ""
        if instead is not None:
            if action != REPLACE:
                self._out.append(instead)
        elif hint:
            self._leave_out(start, end)
            self._out.append(backend.with_hint(self._body(start, end), hint))
        self._no_rows()
        if is_answer(action) or code not in replies.ENDS_WITH_READY and code != replies.SYNC:
            replies.discard_until_sync(session)
            self._after_pop(end)

    def _ready_for_query(self, start: int, end: int) -> None:
        session = self._session
        _, code, exchange, _ = self._head(replies.QUERY, replies.SYNC, replies.CALL)
        if session.refused_result:
            session.refused_result = False
            if replies.transaction(self._body(start, end)) == IN_TRANSACTION:
                self._fail_transaction(start, end, exchange)
                return
        if session.notices:
            self._emit(start)
            self._tell(exchange)
        self._is_ready(replies.transaction(self._body(start, end)))
        self._pop(end)
        if session.settings is not None:
            session.settings.ready()
        if session.on_ready is not None:
            session.on_ready()
