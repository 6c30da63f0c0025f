"""Client to database: frontend messages in, work for the stages and bytes for the database out.

Untouched bytes are not rebuilt.  ``[_start, _released)`` of the current chunk is what may leave,
``[_released, position)`` belongs to an extended-protocol batch that is held until its Sync or
Flush, so that a refusal is atomic: if any message of the batch is denied, none of it reaches the
database.  If a whole chunk passes, the very object that arrived leaves.

What happens on Deny depends on where the database stands (see `refusal`):

* between transactions: an error and ReadyForQuery take the place of a simple query in the queue of
  replies; an error takes that of a whole batch, of which nothing was sent, and ReadyForQuery with
  the transaction status last reported comes at Sync;
* inside a transaction, or where that is not known: the database gets a Query that must fail in
  place of a Query, and a Parse that must fail in place of a batch, of which a part may have been
  sent (after Flush, or past a limit).  It rolls back as after any error, and its error is
  replaced by ours.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from acra_twisted import events
from acra_twisted.dialects.postgresql import replies, wholerequests
from acra_twisted.dialects.postgresql.loads import LONGEST, LoadingBatch
from acra_twisted.dialects.postgresql.prepared import Portal
from acra_twisted.dialects.propagation import NOTHING, Propagation, sent_form
from acra_twisted.errors import WireError
from acra_twisted.exchange import (
    ALL,
    PARAMETERS,
    ROWS,
    STATEMENT,
    Exchange,
    Judges,
    LooksAt,
    Statement,
    Work,
)
from acra_twisted.outstanding import FORWARD
from acra_twisted.results import Planner
from acra_twisted.session import Session
from acra_twisted.verdicts import Deny, Replace
from acra_twisted.wire.postgres import frames, frontend

_LARGE: Final = frozenset((frames.QUERY, frames.PARSE, frames.BIND, frames.FUNCTION_CALL))
#: What a server that discards until Sync still reads.
_NEVER_SKIPPED: Final = frozenset((frames.SYNC, frames.TERMINATE))
_NO_CALLS: Final = Deny(
    "FunctionCall, by which large objects are read and written, is not enabled in AcraServer: set "
    "function_call_enable = true in section [database]",
    sqlstate=b"0A000",
    reason="function_call_enable is off",
    code=events.LIMIT_EXCEEDED,
)


class RequestFlow(LoadingBatch):
    """IMessageFlow for the client's direction.

    ``inspects``: kinds of Work that some stage has hooks for; the others are never made.
    ``loads``: see LoadingBatch; ``looks_at`` and ``judges``: see ExtendedBatch.
    ``hold_limit``: bytes of a batch held back; ``message_limit``: bytes of one message;
    ``function_call``: whether FunctionCall passes, unseen, and is not refused.
    """

    def __init__(
        self,
        session: Session,
        inspects: frozenset[str] = frozenset(),
        loads: Planner | None = None,
        looks_at: LooksAt | None = None,
        judges: Judges | None = None,
        *,
        message_limit: int = 64 << 20,
        hold_limit: int = 1 << 20,
        function_call: bool = False,
        propagation: Propagation = NOTHING,
    ) -> None:
        super().__init__(
            session, inspects, loads, looks_at, judges, message_limit, hold_limit, propagation
        )
        self._function_calls = function_call
        self._on: dict[int, Callable[[int, int], Work | None]] = {
            frames.QUERY: self._query,
            frames.PARSE: self._parse,
            frames.BIND: self._bind,
            frames.DESCRIBE: self._describe,
            frames.EXECUTE: self._execute,
            frames.CLOSE: self._close,
            frames.SYNC: self._sync,
            frames.FLUSH: self._flush,
            frames.COPY_DATA: self._copy_data,
            frames.COPY_DONE: self._copy_done,
            frames.COPY_FAIL: self._copy_fail,
            frames.TERMINATE: self._terminate,
            frames.FUNCTION_CALL: self._function_call,
        }

    # -- IMessageFlow -------------------------------------------------------------------------

    def begin(self, data: bytes) -> Work | None:
        """See IMessageFlow.  A message that arrives alone and whole needs no loop."""
        session = self._session
        if self._at_rest and self._load_plan is None and not (self._denied or session.discarding):
            if wholerequests.is_query(data, self._message_limit):
                self.passed_whole += 1
                self._load(data)
                self._buffer.position = size = len(data)
                work = self._query(0, size)
                self._unsettled = work is not None
                return work
            if not self._parameters or self._looks_at is not None:
                execution = wholerequests.execution(data, self._message_limit)
                if execution is not None:
                    statement = self._bound_statement(data, execution[0])
                    if not self._parameters or self._is_overlooked(statement):
                        self.passed_whole += 1
                        self._load(data)
                        self._whole_execution(execution, statement, len(data))
                        return None
        self.feed(data)
        return self.next_work()

    def next_work(self) -> Work | None:
        """The next statement or set of parameters to judge; None when input is used up."""
        session, buffer = self._session, self._buffer
        if self._waiting:
            self._load_waiting()
        if self.awaits_load:
            # What has waited is looked at anew: it may be read, skipped or nobody's by now.
            self.awaits_load = False
        data = buffer.data
        size, position = len(data), buffer.position
        if self._streaming:
            if self._takes_rest:
                position, work = self._take(data, position, size)
                if work is not None:
                    self._unsettled = True
                    return work
            else:
                position = (self._leave_out if self._leaves_out else self._stream)(position, size)
        while size - position >= 5:
            kind, length = frames.header(data, position)
            end = position + 1 + length
            on = self._on.get(kind)
            if on is None:
                raise WireError("client", f"message type {chr(kind)!r} is not expected here")
            skips = (self._denied or session.discarding) and kind not in _NEVER_SKIPPED
            if kind != frames.COPY_DATA:
                if self._load_plan is not None:
                    self._end_load()
            elif (
                not skips
                and (session.load is not None or not session.copying_in)
                and 4 <= length <= LONGEST
                and self._takes(position)
            ):
                if self.awaits_load:
                    return None
                position, work = self._take(data, position, size)
                if work is not None:
                    self._unsettled = True
                    return work
                continue
            elif not skips and self._judges_load(position):
                if self._load_refused:
                    self._streaming = end - position
                    position = self._leave_out(position, size)
                    continue
                until, wanted = self._next_rows(data, position, size)
                buffer.position = until
                if wanted:
                    self._keep(wanted)
                    return None
                work = self._judge_load(data, position, until)
                if work is not None:
                    self._unsettled = True
                    return work
                position = until
                continue
            if kind == frames.COPY_DATA and not skips and 4 <= length <= LONGEST:
                if end > size and self._crowded:
                    # Reading is about to stop, and the last that has left must be a whole message.
                    buffer.position = position
                    self._keep(5)
                    return None
                # Copy data is not assembled: it streams by a remaining-length counter.
                self._streaming = end - position
                position = self._stream(position, size)
                continue
            if not 4 <= length <= self._limit(kind):
                self._refuse_length(kind, length, position, skips)
                skips = True
            if skips:
                self._streaming = end - position
                position = self._leave_out(position, size)
                continue
            if end > size:
                buffer.position = position
                self._keep(length + 1)
                return None
            buffer.position = end
            work = on(position, end)
            if work is not None:
                self._unsettled = True
                return work
            position = end
            if kind == frames.TERMINATE:
                # Nobody reads what comes behind it.
                self._discard(size)
                position = size
        buffer.position = position
        if position < size:
            self._keep(5)
        else:
            self._reading_since = 0
        return None

    def settle(self, work: Work, verdict: Any) -> None:
        """Apply a verdict to the message, or run of rows, that `next_work` stopped at."""
        self._unsettled = False
        if work.kind == ROWS:
            self._settle_load(work, verdict)
            return
        start, end, message = self._message
        simple = message is None
        if type(verdict) is Deny:
            if simple:
                self._deny_query(work.exchange, verdict, end)
            else:
                self._deny_batch(work.exchange, verdict, start, end)
            return
        if type(verdict) is Replace:
            item = verdict.item
            if work.kind == PARAMETERS:
                values, formats = list(item.values), list(item.formats)
                if len(values) != len(formats):
                    raise ValueError(f"{len(values)} values with {len(formats)} formats")
                message = message._replace(values=values, formats=formats)
                self._splice(start, end, frontend.encode_bind(message))
            else:
                statement: Statement = work.item
                statement.become(item)
                if message is not None and statement.types is not None:
                    message = message._replace(types=frontend.encode_types(statement.types))
                self._replaced(start, end, message, statement)
        if work.kind == PARAMETERS:
            portal = Portal(message.portal, work.item.statement, message.results)
            self._bound(work.exchange, portal, start, end)
        elif simple:
            self._query_passed(work.exchange, start, end)
        else:
            self._parsed(work.exchange, start, end, message)

    def _replaced(self, start: int, end: int, message: Any, statement: Statement) -> None:
        """Have a statement whose text a stage has replaced leave in place of its message."""
        statement.conforming = statement.conforming and self._session.conforming
        brought = statement.brought
        if brought is not None and brought.kept is not None:
            brought.kept = brought.kept.replaced(statement.text)
        self._splice_statement(start, end, message, sent_form(statement))

    # -- messages: each gets its bounds in the chunk, the body starts 5 bytes in -----------------

    def _limit(self, kind: int) -> int:
        if kind == frames.COPY_DATA:
            # It streams.
            return LONGEST
        return self._message_limit if kind in _LARGE else frames.SMALL_LIMIT

    def _refuse_length(self, kind: int, length: int, start: int, skips: bool) -> None:
        """Refuse a message for its length, if it can be refused alone; what comes of it is left
        out.  Raises WireError if it cannot."""
        limit = self._limit(kind)
        if kind not in _LARGE or not 4 <= length <= LONGEST:
            frames.check_length("client", kind, length, limit)
        if skips:
            return
        deny = Deny(
            f"a message of {length} bytes is larger than message_size_limit, which is {limit} "
            "bytes: raise it in AcraServer, and in AcraConnector if there is one",
            sqlstate=b"54000",
            reason="larger than message_size_limit",
            code=events.LIMIT_EXCEEDED,
        )
        if kind == frames.PARSE or kind == frames.BIND:
            exchange = self._open("prepare" if kind == frames.PARSE else "execute", None)
            self._deny_batch(exchange, deny, start, start)
        else:
            self._release(start)
            exchange = self._open("query" if kind == frames.QUERY else "call", None)
            self._deny_query(exchange, deny, start)

    def _copy_data(self, start: int, end: int) -> None:
        raise AssertionError("copy data is streamed")

    def _terminate(self, start: int, end: int) -> None:
        self._release(start)
        self._session.discarding = False
        self._release(end)
        self.terminated = True

    def _query(self, start: int, end: int) -> Work | None:
        self._release(start)
        text = frontend.decode_query(self._buffer.data, start + 5, end)
        statement = Statement(text)
        exchange = self._open_statement("query", statement)
        if statement.text is not text:
            self._splice_statement(start, end, None, sent_form(statement))
        if self._statements:
            judges, before = self._judges, statement.text
            left = ALL if judges is None else judges(statement, exchange)
            if left:
                self._message = (start, end, None)
                work = Work(STATEMENT, statement, exchange)
                work.left = left
                return work
            if statement.text is not before:
                self._replaced(start, end, None, statement)
        self._query_passed(exchange, start, end)
        return None

    def _query_passed(self, exchange: Exchange, start: int, end: int) -> None:
        if self._propagation.onward is not None:
            self._hand_on(exchange, start, end, None)
        if self._part_sent or self._ends_part is not None:
            self._interrupt_part(exchange)
        self._expected.append((FORWARD, replies.QUERY, exchange, None))
        self._release(end)
        self._part_sent = False

    def _flush(self, start: int, end: int) -> None:
        self._release(end)

    def _copy_done(self, start: int, end: int) -> Work | None:
        work = self._finish(start, end)
        if work is None:
            self._copy_ended(end)
        return work

    def _copy_fail(self, start: int, end: int) -> None:
        self._copy_ended(end)

    def _function_call(self, start: int, end: int) -> None:
        self._release(start)
        exchange = self._open("call", None)
        if not self._function_calls:
            self._deny_query(exchange, _NO_CALLS, end)
            return
        self._interrupt_part(exchange)
        self._expected.append((FORWARD, replies.CALL, exchange, None))
        self._release(end)
        self._part_sent = False
