"""Database to client: packets in, bytes for the client out, replies attributed.

Each packet belongs to the head of ``session.outstanding``; an error that answers nothing ends the
session.  A reply is one or more results, each an OK, or columns and rows up to an end; the status
at its end tells if another one follows.  Only headers are walked where no stage has a plan.

A refusal in the middle of a result becomes the reply's error: the rest of the reply is left out.
"""

from __future__ import annotations

from typing import Any, Final

from acra_twisted.dialects.mysql import replies
from acra_twisted.dialects.mysql.descriptions import Descriptions
from acra_twisted.dialects.mysql.refusals import tell_refusal
from acra_twisted.dialects.mysql.replies import Reply
from acra_twisted.dialects.mysql.resultsets import (
    DEFINITIONS,
    DEFINITIONS_END,
    FILE_END,
    FIRST,
    ROWS,
    UNTOLD_END,
)
from acra_twisted.dialects.mysql.rows import LongRow, Message
from acra_twisted.dialects.mysql.state import MysqlState
from acra_twisted.dialects.mysql.values import ANYTHING
from acra_twisted.dialects.mysql.wholereplies import WholeReplies
from acra_twisted.dialects.propagation import NOTHING, Propagation
from acra_twisted.errors import WireError
from acra_twisted.exchange import MESSAGES, Exchange, Work, take_reply
from acra_twisted.fast.littleendian import uint24
from acra_twisted.outstanding import SKIP, is_answer
from acra_twisted.results import Planner
from acra_twisted.session import Session
from acra_twisted.verdicts import Deny, Replace
from acra_twisted.wire.mysql import errors, okpackets
from acra_twisted.wire.mysql.capabilities import InForce
from acra_twisted.wire.mysql.frames import HEADER_SIZE, PART_MAX, packets
from acra_twisted.wire.mysql.okpackets import (
    EOF,
    EOF_BELOW,
    ERR,
    LOCAL_FILE,
    MORE_RESULTS,
    OK,
)

#: In the place of an entry's code: the packet answers nothing.
_UNASKED: Final = -1


class MysqlReplies(WholeReplies):
    """IMessageFlow for the database's direction.

    ``state`` is the session's, ``results``: see ResultRows; ``messages``: True if some stage looks
    at texts that are no rows.  ``descriptions`` are those of sessions with the same form of
    definitions.
    """

    def __init__(
        self,
        session: Session,
        state: MysqlState,
        in_force: InForce,
        results: Planner | None = None,
        *,
        messages: bool = False,
        message_limit: int = 64 << 20,
        propagation: Propagation = NOTHING,
        descriptions: Descriptions | None = None,
    ) -> None:
        super().__init__(session, state, in_force, results, message_limit, descriptions)
        # Packets with EOF's first byte and fewer bytes than these end rows.
        self._end_below = PART_MAX if in_force.deprecate_eof else EOF_BELOW
        self._messages = messages
        self._propagation = propagation
        # The client receives this in place of an error that a stage has refused.
        self._instead = b""

    # -- IMessageFlow -------------------------------------------------------------------------

    def begin(self, data: bytes) -> Work | None:
        """See IMessageFlow.  A reply that is whole and concerns no stage passes in one piece."""
        if self._whole(data):
            return None
        self.feed(data)
        return self.next_work()

    def next_work(self) -> Work | None:
        """The next run of rows, or error, to judge; None when input is used up."""
        buffer = self._buffer
        self._load_waiting()
        data = buffer.data
        size, position = len(data), buffer.position
        if self._streaming:
            position = self._stream(position, size)
        while size - position >= HEADER_SIZE:
            length = uint24(data, position)
            if length and size - position == HEADER_SIZE:
                # The first byte tells what it is.
                break
            if not self._begun:
                self._begin_reply(data, position, length)
            before = position
            if self._phase == ROWS:
                if self._continues or self._long or not self._ends_rows(data, position, length):
                    position, work = self._rows(data, position, size, self._exchange)
                    if work is not None:
                        return work
                    if position == before:
                        break
                    continue
            elif self._phase == DEFINITIONS:
                position = self._definitions(data, position, size)
                if position != before:
                    continue
            if length == PART_MAX or not length:
                raise WireError("database", f"a packet of {length} bytes that is no row")
            end = position + HEADER_SIZE + length
            if end > size:
                break
            if self._messages and data[position + HEADER_SIZE] == ERR and not self._dropping:
                return self._judge_error(position, end)
            self._packet(position, end)
            buffer.position = position = end
        buffer.position = position
        if position < size:
            self._keep(self._wanted(data, position, size))
        return None

    def settle(self, work: Work, verdict: Any) -> None:
        """Apply a verdict: to a run of rows, or to an error (which can only be denied)."""
        self._unsettled = False
        start, end = self._run
        if work.kind == MESSAGES:
            self._instead = replies.denial(verdict) if type(verdict) is Deny else b""
            self._packet(start, end)
            self._instead = b""
        elif type(verdict) is Deny:
            self._fail(work, verdict)
        elif type(verdict) is Replace:
            self._replace(start, end, verdict.item)
        elif type(work.item) is LongRow:
            self._replace(start, end, work.item)
        else:
            self._pass(start, end)

    @property
    def due(self) -> int:
        """See IReplyFlow."""
        outstanding = self._session.outstanding
        at = 0
        if self._begun:
            if self._state.following >= 0:
                return self._state.following
            if not self._dropping:
                number = self._run_number if self._unsettled or self._long else self._number
                if self._kept:
                    number = self._kept_number
                return (number + self._shift) & 0xFF
            # The client has got the reply's end.
            at = 1
        if len(outstanding) <= at:
            return 0
        reply: Reply = outstanding[at][3]
        return reply.sequence

    def release_answers(self) -> None:
        """See IReplyFlow."""
        if not (self._unsettled or self._begun):
            self._release(self._buffer.position)

    # -- replies ----------------------------------------------------------------------------------

    def _begin_reply(self, data: bytes, position: int, length: int) -> None:
        """Take the entry that the packet here answers."""
        self._release(position)
        head = self._session.outstanding.head
        self._begun = True
        self._ordinal = self._files = 0
        self._phase = FIRST
        self._question = None
        if head is None:
            if not length or data[position + HEADER_SIZE] != ERR:
                raise WireError("database", "a reply that answers no request")
            # The database ends the session.
            self._code, self._exchange, self._reply = _UNASKED, None, replies.PLAIN
            self._number, self._shift = data[position + 3], 0
            return
        action, self._code, self._exchange, self._reply = head
        if action == SKIP:
            self._question = self._reply.question
            self._dropping = True
        self._number = data[position + 3]
        self._shift = (self._reply.sequence - self._number) & 0xFF
        exchange = self._exchange
        if exchange is not None and not exchange.first_byte:
            exchange.first_byte = self._session.clock()
        if self._code == replies.FETCH:
            prepared = self._reply.prepared
            self._described(None if prepared is None else prepared.columns)
            self._phase = ROWS
        elif self._code == replies.FIELDS:
            # Like rows that no stage reads.
            self._rows_seen = 0
            self._phase = ROWS

    def _release(self, upto: int) -> None:
        """Put out the answers of ours at the head of the queue, behind the chunk's bytes up to a
        place."""
        session = self._session
        outstanding = session.outstanding
        while outstanding and is_answer(outstanding[0][0]):
            reply: Reply = outstanding[0][3]
            self._emit(upto)
            self._out.append(packets(reply.answer, reply.sequence))
            take_reply(session)

    def _packet(self, start: int, end: int) -> None:
        """Take a whole packet that is neither a row nor a definition."""
        data = self._buffer.data
        self._number = (data[start + 3] + 1) & 0xFF
        state = self._state
        if self._phase == FILE_END and state.following >= 0:
            # Of the file there may be another number of packets on either leg.
            self._shift = (state.following - data[start + 3]) & 0xFF
        state.following = -1
        first = data[start + HEADER_SIZE]
        phase = self._phase
        if self._code == replies.AUTH and self._reply.login is not None:
            self._reply.login.from_database(data[start + HEADER_SIZE : end])
        try:
            self._read_packet(phase, first, start, end)
        except WireError:
            if self._start <= start:
                # Nothing of it leaves: the error that ends the session has its number.
                self._number = data[start + 3]
            raise

    def _read_packet(self, phase: int, first: int, start: int, end: int) -> None:
        """Take a packet by what comes next of the reply, and by its first byte."""
        if phase == FILE_END and self._state.refusal:
            self._file_refused(start, end)
        elif first == ERR:
            self._error(start, end)
        elif phase == ROWS:
            self._count()
            self._ended(start, end)
        elif phase in (DEFINITIONS_END, UNTOLD_END):
            self._definitions_end(start, end)
        elif phase == FILE_END:
            _expect(first == OK and self._state.upload < 0)
            self._file_over()
            self._ended(start, end)
        else:
            self._first(first, start, end)

    def _first(self, first: int, start: int, end: int) -> None:
        """Take the first packet of a reply, or of one of its results."""
        code = self._code
        if code == replies.RESULT:
            if first == OK:
                self._ended(start, end)
            elif first == LOCAL_FILE:
                self._file(start, end)
            else:
                self._count_of_columns(start, end)
        elif code == replies.PREPARE:
            self._prepared(start, end)
        elif code == replies.TEXT:
            self._pass(start, end)
            self._reply_ended(end)
        elif code == replies.AUTH and first != OK:
            # The client goes on.
            self._pass(start, end)
        else:
            _expect(first in (OK, EOF))
            self._ended(start, end)

    def _ended(self, start: int, end: int) -> None:
        """Take the OK or the EOF at the end of a result."""
        status = self._status(start, end)
        self._ordinal += 1
        if status & MORE_RESULTS and self._code == replies.RESULT:
            self._phase = FIRST
            return
        if self._ordinal > 1 and self._exchange is not None:
            self._exchange.add_attribute("acra.mysql.results", self._ordinal)
        self._reply_ended(end)

    def _error(self, start: int, end: int) -> None:
        """Take an ERR: it ends the reply, whatever was announced.  Raises WireError behind one in
        the middle of a file: nobody knows what the rest of the file is to the database."""
        cut_off = self._phase == FILE_END and self._state.upload >= 0
        session, exchange = self._session, self._exchange
        payload = self._buffer.data[start + HEADER_SIZE : end]
        error = okpackets.decode_error(payload)
        self._file_over()
        if self._phase == ROWS:
            self._count()
        elif self._phase == DEFINITIONS:
            self._release_definitions(start)
        if self._question is not None:
            state = error.sqlstate or errors.FAILED.sqlstate
            self._question.fail(f"the database says error {error.number}", state, error.number)
        if exchange is not None and exchange.outcome is None:
            if self._code == replies.AUTH:
                tell_refusal(session, exchange, payload)
            else:
                exchange.outcome = "error"
                exchange.status_code = str(error.number)
        if self._code == replies.PREPARE:
            session.prepared.failed(self._reply.prepared)
        shown = self._instead
        if not shown:
            hint = self._propagation.hint(exchange)
            shown = payload + f" ({hint})".encode() if hint else payload
        if shown is payload:
            self._pass(start, end)
        else:
            self._put(start, end, packets(shown, self._client_number(start)))
        self._reply_ended(end, failed=True)
        if cut_off:
            raise WireError("database", "an error in the middle of a file", None)

    def _reply_ended(self, end: int, *, failed: bool = False) -> None:
        session = self._session
        self._begun = self._dropping = False
        self._phase = FIRST
        self._forget_rows()
        self._buffer.position = end
        if self._code == _UNASKED:
            return
        reply, self._exchange = self._reply, None
        if self._question is not None:
            self._question.is_over = True
            self._question = None
        if reply is not replies.PLAIN:
            if reply.changes & replies.RESETS and not failed:
                session.prepared.clear()
                session.resets += 1
            self._state.ended(reply, failed=failed)
        take_reply(session)
        if session.on_ready is not None:
            session.on_ready()
        self._release(end)

    def _count(self) -> None:
        """Add a result's rows to those of the results before it."""
        exchange, rows = self._exchange, self._rows_seen
        if exchange is not None:
            exchange.rows = rows if exchange.rows < 0 else exchange.rows + rows

    def _fail(self, work: Work, verdict: Deny) -> None:
        """Give the client an error in place of rows, and nothing more of the reply."""
        start, end = self._run
        number = (self._run_number + self._shift) & 0xFF
        work.exchange.refuse(verdict, str(verdict.errno))
        self._put(start, end, packets(replies.denial(verdict), number))
        self._dropping = True

    def _judge_error(self, start: int, end: int) -> Work:
        exchange = self._exchange
        if exchange is None:
            exchange = Exchange(self._session, "message", None, self._session.clock())
        data = self._buffer.data
        self._run_number = data[start + 3]
        message = Message(data, ANYTHING, start + HEADER_SIZE, end)
        return self._ask(Work(MESSAGES, message, exchange), (start, end))

    def _ends_rows(self, data: bytes, position: int, length: int) -> bool:
        """Return True if a packet is no row: an end, an error, or nothing."""
        if not length:
            return True
        first = data[position + HEADER_SIZE]
        return first == ERR or (first == EOF and length < self._end_below)

    def _wanted(self, data: bytes, position: int, size: int) -> int:
        """How much must be there to go on: a header, a byte, or a packet that is read whole."""
        if size - position < HEADER_SIZE:
            return HEADER_SIZE
        walks = self._phase == ROWS and not self._plan.hooks and self._question is None
        if walks or size - position == HEADER_SIZE:
            return HEADER_SIZE + 1
        return HEADER_SIZE + uint24(data, position)


def _expect(true: bool) -> None:
    """Raises WireError for a packet that is not due."""
    if not true:
        raise WireError("database", "a reply of another form than its request has")
