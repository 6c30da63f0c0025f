"""Client to database: commands in, work for the stages and bytes for the database out.

Each command is answered by itself, whatever became of the one before it.  One that is refused never
reaches the database: its error takes its place in the queue of replies.  Commands are allowed by
list; one that is cut short is answered here, since a server would read on behind it.

Nothing behind a command may be taken for one while the database may ask for a file, or for a proof
of another user: the client sends that then.  So it waits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from acra_twisted.dialects.mysql import replies
from acra_twisted.dialects.mysql.authentication import LegsPolicy
from acra_twisted.dialects.mysql.contexts import announced
from acra_twisted.dialects.mysql.querying import TextRequests, all_judge
from acra_twisted.dialects.mysql.replies import PLAIN, RESETS, Reply
from acra_twisted.dialects.mysql.state import MysqlState
from acra_twisted.dialects.propagation import NOTHING, Propagation
from acra_twisted.errors import FrameTooLarge, QuestionError, WireError
from acra_twisted.exchange import (
    PARAMETERS,
    ROWS,
    STATEMENT,
    Judges,
    Work,
)
from acra_twisted.outstanding import SKIP
from acra_twisted.question import Question
from acra_twisted.session import Session
from acra_twisted.wire.mysql import commands, errors, parameters
from acra_twisted.wire.mysql.capabilities import InForce
from acra_twisted.wire.mysql.frames import Packet, packets
from acra_twisted.wire.mysql.parameters import Query

#: Commands that no reply answers, not even where they are cut short.
_UNANSWERED: Final = frozenset((commands.LONG_DATA, commands.CLOSE))
#: In place of a code: there is none.
_NONE: Final = -1
#: Commands about a statement, which they name by its number.
_BY_NUMBER: Final = frozenset(
    (
        *(commands.EXECUTE, commands.BULK_EXECUTE, commands.LONG_DATA),
        *(commands.CLOSE, commands.RESET, commands.FETCH),
    )
)


class MysqlRequests(TextRequests):
    """IMessageFlow for the client's direction.

    ``state`` is the session's, whose ``prepared`` is a `prepared.PreparedStatements`.
    ``inspects``: kinds of Work that some stage has hooks for; the others are never made.
    ``judges`` tells how many stages look at a query; None: all of them do.
    ``message_limit``: bytes of one command.  ``legs``: see UploadingRequests.
    """

    def __init__(
        self,
        session: Session,
        state: MysqlState,
        in_force: InForce,
        inspects: frozenset[str] = frozenset(),
        judges: Judges | None = None,
        *,
        message_limit: int = 64 << 20,
        legs: LegsPolicy | None = None,
        propagation: Propagation = NOTHING,
    ) -> None:
        values = PARAMETERS in inspects
        texts = (judges or all_judge) if STATEMENT in inspects else None
        super().__init__(session, state, in_force, propagation, values, texts, message_limit, legs)

    # -- IMessageFlow -------------------------------------------------------------------------

    def next_work(self) -> Work | None:
        """The next statement or set of values to judge; None when input is used up."""
        self._load_waiting()
        self.awaits_load = False
        work = None if self._bulk is None else self._next_row(self._bulk)
        buffer = self._buffer
        while work is None and not self.terminated:
            if self._state.upload >= 0:
                work = self._uploads()
                if work is None and self._state.upload >= 0:
                    return None
                continue
            if self._blocking is not None and self._is_blocked():
                login = self._blocking.login
                if login is None or not login.client_due:
                    self.awaits_load = len(buffer) > 0
                    return None
                if not self._answers_login(login):
                    return None
                continue
            if buffer.position == len(buffer.data) and self._kept is None:
                return None
            packet = self._next()
            if packet is None:
                return None
            work = self._command(packet)
            if self._kept is not None:
                self.awaits_load = True
                return None
        self._unsettled = work is not None
        return work

    def settle(self, work: Work, verdict: Any) -> None:
        """Apply a verdict to the statement, or the values, that `next_work` stopped at."""
        self._unsettled = False
        if work.kind == ROWS:
            self._settle_upload(work, verdict)
            return
        if work.kind == PARAMETERS:
            if self._executing is not None:
                self._settle_execution(self._executing, work, verdict)
            else:
                self._settle_row(self._bulk, verdict)
            return
        self._settle_text(work, verdict)

    def ask(self, question: Question) -> bool:
        """See IRequestFlow."""
        session = self._session
        if session.copying_in or self._state.upload >= 0:
            raise QuestionError("the client is sending a file")
        if session.outstanding:
            return False
        query = Query(question.text)
        payload = parameters.encode_query(query, self._in_force.query_attributes)
        self._out.append(packets(payload, 0))
        session.outstanding.append((SKIP, replies.RESULT, None, Reply(question=question)))
        return True

    def take_output(self) -> bytes:
        """Bytes for the database."""
        buffer = self._buffer
        if buffer.data and buffer.position == len(buffer.data) and not self._unsettled:
            # A session may be idle for long.
            buffer.forget()
        return self._taken()

    # -- packets ----------------------------------------------------------------------------------

    def _next(self) -> Packet | None:
        """The next command; None if it is not here whole, or cannot be read."""
        packet, self._kept = self._kept, None
        if packet is not None:
            return packet
        try:
            packet = self._assembler.take()
        except FrameTooLarge:
            self._end(errors.TOO_LARGE, 1)
            return None
        except WireError:
            self._end(errors.OUT_OF_ORDER, 1)
            return None
        if packet is None:
            if self._assembler.unfinished:
                self._reading_since = self._reading_since or self._session.clock()
                self._assembler.wait()
        elif packet.sequence:
            self._end(errors.OUT_OF_ORDER, packet.following)
            return None
        return packet

    def _is_blocked(self) -> bool:
        """Return True while nothing may be read, for a reply decides what comes next."""
        outstanding = self._session.outstanding
        if outstanding and outstanding[len(outstanding) - 1][3] is self._blocking:
            return True
        self._blocking = None
        self._changed_user()
        return False

    def _command(self, packet: Packet) -> Work | None:
        payload = packet.payload
        code = payload[0] if payload else _NONE
        on = _HANDLERS.get(code)
        if on is None:
            exchange = self._open("command")
            self._refuse(errors.UNKNOWN_COMMAND, exchange, packet.following)
            return None
        if code == commands.QUERY:
            return self._query(packet)
        if len(payload) < commands.FIXED.get(code, 1):
            if code not in _UNANSWERED:
                self._refuse(errors.MALFORMED, self._open("command"), packet.following)
            return None
        if code in _BY_NUMBER and self._must_wait(packet):
            # Its bytes may be gone by then.
            self._kept = packet.kept()
            return None
        if code == commands.EXECUTE:
            return self._execute(packet)
        return on(self, packet)

    # -- other commands ---------------------------------------------------------------------------

    def _quit(self, packet: Packet) -> None:
        self._out.append(packets(commands.fixed_part(packet.payload), 0))
        self.terminated = True

    def _statistics(self, packet: Packet) -> None:
        self._plain("statistics", replies.TEXT, packet, PLAIN)

    def _ping(self, packet: Packet) -> None:
        self._plain("ping", replies.ONE, packet, PLAIN)

    def _set_option(self, packet: Packet) -> None:
        option = commands.decode_option(packet.payload)
        forbids = option == commands.MULTI_STATEMENTS_ON and not self._in_force.may_have_several
        if forbids or option > commands.MULTI_STATEMENTS_OFF:
            self._refuse(errors.UNKNOWN_COMMAND, self._open("set_option"), packet.following)
        else:
            self._plain("set_option", replies.ONE, packet, PLAIN)

    def _reset_connection(self, packet: Packet) -> None:
        # MySQL's character set is its server's default then.
        collation = self._state.collation if self._in_force.mariadb else 0
        reply = Reply(packet.following, changes=RESETS, collation=collation)
        self._plain("reset_connection", replies.ONE, packet, reply)

    def _reset(self, packet: Packet) -> None:
        prepared = self._found("reset", packet)
        if prepared is None:
            return
        self._prepared.drop_long(prepared)
        self._plain("reset", replies.ONE, packet, Reply(packet.following, prepared=prepared))

    def _fetch(self, packet: Packet) -> None:
        prepared = self._found("fetch", packet)
        if prepared is None:
            return
        self._plain("fetch", replies.FETCH, packet, Reply(packet.following, prepared=prepared))

    def _close(self, packet: Packet) -> None:
        """Close a statement, of which no reply tells; or take the context that the command carries
        in place of that."""
        context = announced(packet.payload)
        if context is not None:
            self._announced = context
            return
        prepared = self._prepared.find(commands.statement_number(packet.payload))
        if prepared is None:
            return
        self._prepared.close(prepared)
        self._out.append(packets(commands.fixed_part(packet.payload), 0))


# By a command's code.  Not each session's: an idle one would have fifteen bound methods.
_HANDLERS: Final[dict[int, Callable[[MysqlRequests, Packet], Work | None]]] = {
    commands.QUIT: MysqlRequests._quit,
    commands.INIT_DB: MysqlRequests._equivalent,
    commands.QUERY: MysqlRequests._query,
    commands.FIELD_LIST: MysqlRequests._equivalent,
    commands.STATISTICS: MysqlRequests._statistics,
    commands.PROCESS_KILL: MysqlRequests._equivalent,
    commands.PING: MysqlRequests._ping,
    commands.CHANGE_USER: MysqlRequests._change_user,
    commands.PREPARE: MysqlRequests._prepare,
    commands.EXECUTE: MysqlRequests._execute,
    commands.LONG_DATA: MysqlRequests._long_data,
    commands.CLOSE: MysqlRequests._close,
    commands.RESET: MysqlRequests._reset,
    commands.SET_OPTION: MysqlRequests._set_option,
    commands.FETCH: MysqlRequests._fetch,
    commands.RESET_CONNECTION: MysqlRequests._reset_connection,
    commands.BULK_EXECUTE: MysqlRequests._execute_bulk,
}
