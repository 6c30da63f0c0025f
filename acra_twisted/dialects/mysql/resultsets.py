"""The beginning and the end of a MySQL result: its columns, their definitions, and its status.

A prepared statement has two such lists, of parameters and of columns.  A server that knows that its
client keeps the columns leaves them out of the result of an execution.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from acra_twisted.dialects.mysql import replies, toldparameters
from acra_twisted.dialects.mysql.descriptions import Descriptions
from acra_twisted.dialects.mysql.replies import Reply
from acra_twisted.dialects.mysql.results import ResultRows
from acra_twisted.dialects.mysql.state import MysqlState
from acra_twisted.errors import WireError
from acra_twisted.exchange import Exchange, Statement, ToldType
from acra_twisted.fast.littleendian import uint16, uint24, uint32
from acra_twisted.results import Columns, Planner
from acra_twisted.session import Load, Session
from acra_twisted.wire.mysql import lenenc, okpackets
from acra_twisted.wire.mysql.capabilities import InForce
from acra_twisted.wire.mysql.frames import HEADER_SIZE, PART_MAX, packets, renumbered, too_large
from acra_twisted.wire.mysql.okpackets import CURSOR_EXISTS, EOF, ERR, MORE_RESULTS

# The packets that come next.
FIRST: Final = 0
DEFINITIONS: Final = 1
DEFINITIONS_END: Final = 2
ROWS: Final = 3
FILE_END: Final = 4
#: The EOF behind definitions of which the client is told nothing.
UNTOLD_END: Final = 5

#: Columns of a result at most.  A SELECT of MariaDB's may have more than two bytes tell.
_COLUMNS_MAX: Final = 1 << 20
_PREPARED_SIZE: Final = 12
_UNNAMED: Final = "a file of the client's that no statement has named"


class ResultSets(ResultRows):
    """The part of MysqlReplies that reads descriptions and statuses.  See there."""

    def __init__(
        self,
        session: Session,
        state: MysqlState,
        in_force: InForce,
        results: Planner | None,
        message_limit: int,
        descriptions: Descriptions | None,
    ) -> None:
        super().__init__(session, results, message_limit)
        self._state = state
        self._in_force = in_force
        self._descriptions = descriptions or Descriptions(in_force.extended_metadata)
        # The reply that has begun: its entry's parts, and what comes next of it.
        self._begun = False
        self._code = replies.ONE
        self._reply: Reply = replies.PLAIN
        self._exchange: Exchange | None = None
        self._phase = FIRST
        # So many results of the reply have ended, and so many files were asked for.
        self._ordinal = 0
        self._files = 0
        # Definitions that are to come, and those that came where they are kept, with the number of
        # the first; of a prepared statement, the columns that come behind its parameters.
        self._left = 0
        self._kept: list[bytes] | None = None
        self._kept_size = 0
        self._kept_number = 0
        self._then = 0
        # What the client is told of a statement's parameters, while the database describes them.
        self._told: Sequence[ToldType] | None = None

    def _reply_ended(self, end: int, *, failed: bool = False) -> None:
        """The reply ends with the packet that ends there; ``failed``: with an error."""
        raise NotImplementedError  # pragma: no cover - abstract

    def _client_number(self, start: int) -> int:
        """The number of a packet for the client."""
        return (self._buffer.data[start + 3] + self._shift) & 0xFF

    def _status(self, start: int, end: int) -> int:
        """Pass an OK or an EOF on, and return its status.  The client sees nothing of what is
        tracked for us alone."""
        payload = self._buffer.data[start + HEADER_SIZE : end]
        state, shown = self._state, payload
        hides = self._in_force.tracked_for_us
        if payload[0] == EOF and not self._in_force.deprecate_eof:
            warnings, status = okpackets.decode_eof(payload)
            if hides:
                shown = okpackets.untracked_eof(payload)
        else:
            ok = okpackets.decode_ok(payload)
            warnings, status = ok.warnings, ok.status
            if self._in_force.tracks and status & okpackets.STATE_CHANGED:
                for name, value in okpackets.tracked(payload, ok):
                    state.tracked(name, value)
            if hides:
                shown = okpackets.untracked(payload, ok)
        state.reported(status, self._reply)
        if warnings and self._exchange is not None:
            self._exchange.add_attribute("acra.mysql.warnings", warnings)
        if shown == payload:
            self._pass(start, end)
        else:
            self._put(start, end, packets(shown, self._client_number(start)))
        return status

    def _file(self, start: int, end: int) -> None:
        """Take a request for a file of the client's, which has no answer if it is not passed on.
        Raises WireError for one that the statement at hand does not allow."""
        state, session, exchange = self._state, self._session, self._exchange
        if self._files >= self._reply.files or self._dropping or exchange is None:
            raise WireError("database", _UNNAMED)
        copies = None if exchange.statement is None else exchange.statement.copies
        make = None if copies is None else copies.load
        if make is not None and self._ordinal:
            # Rows are taken of a text that is one statement.
            raise WireError("database", _UNNAMED)
        session.load = None if make is None else Load(exchange, make(exchange))
        self._files += 1
        state.upload = self._number
        session.copying_in = True
        self._phase = FILE_END
        self._pass(start, end)

    def _file_over(self) -> None:
        """The database waits for no file any more."""
        self._session.copying_in = False
        self._session.load = None
        self._state.upload = -1
        self._state.refusal = b""

    def _file_refused(self, start: int, end: int) -> None:
        """Take the reply to a file of which a part was refused: the client gets our error for
        it.  Raises WireError for one in the middle of the file."""
        payload = self._buffer.data[start + HEADER_SIZE : end]
        refusal, is_early = self._state.refusal, self._state.upload >= 0
        if payload[0] == okpackets.OK:
            self._state.reported(okpackets.decode_ok(payload).status, self._reply)
        elif payload[0] != ERR:
            raise WireError("database", "a reply of another form than its request has")
        self._file_over()
        self._put(start, end, packets(refusal, self._client_number(start)))
        self._reply_ended(end, failed=True)
        if is_early:
            raise WireError("database", "an error in the middle of a file", None)

    def _count_of_columns(self, start: int, end: int) -> None:
        """Take the packet with which a result begins that has columns."""
        payload = self._buffer.data[start + HEADER_SIZE : end]
        count, at = lenenc.read_int(payload, 0, "database")
        follow = 1
        if self._in_force.cache_metadata:
            follow, at = lenenc.read_uint8(payload, at, "database")
        if not 0 < count <= _COLUMNS_MAX or at != len(payload):
            raise WireError("database", "a result that begins otherwise than results do")
        self._pass(start, end)
        if follow:
            self._define(count, kept=self._results is not None or self._question is not None)
            return
        prepared = self._reply.prepared
        self._described(None if prepared is None else prepared.columns)
        if self._results is not None and prepared is not None:
            if prepared.shown is not None and prepared.shown != self._plan.shown.types:
                raise WireError("database", "rows of types that the client was not told", None)

    def _prepared(self, start: int, end: int) -> None:
        """Take the OK of a prepared statement."""
        payload = self._buffer.data[start + HEADER_SIZE : end]
        if payload[0] != okpackets.OK or len(payload) < _PREPARED_SIZE:
            raise WireError("database", "a prepared statement that is none")
        number, columns, parameters = uint32(payload, 1), uint16(payload, 5), uint16(payload, 7)
        prepared = self._reply.prepared
        statement: Statement | None = prepared.statement
        told = None if statement is None else statement.told
        prepared.columns = prepared.shown = None
        self._then = columns
        if told is None:
            self._session.prepared.confirm(prepared, number, parameters)
            self._pass(start, end)
        else:
            self._session.prepared.confirm(prepared, number, len(told), parameters)
            shown = toldparameters.with_parameters(payload, len(told))
            self._put(start, end, packets(shown, self._client_number(start)))
        if parameters:
            self._told = told
            self._define(parameters, kept=told is not None)
            return
        if told:
            self._tell_parameters(end, b"", told, 0)
            if not self._in_force.deprecate_eof:
                eof = okpackets.encode_eof(self._state.status)
                self._put(end, end, packets(eof, (self._number + self._shift) & 0xFF))
                self._shift = (self._shift + 1) & 0xFF
        self._define_columns(end)

    def _tell_parameters(self, end: int, came: bytes, told: Sequence[ToldType], count: int) -> None:
        """Describe the client's own parameters in place of the ``count`` ones that the database has
        described up to a place."""
        first = (self._number - count + self._shift) & 0xFF
        extended = self._in_force.extended_metadata
        self._put(end, end, b"".join(toldparameters.described(came, told, extended, first)))
        self._shift = (self._shift + len(told) - count) & 0xFF

    def _define_columns(self, end: int) -> None:
        """Go on with the columns of a prepared statement, if it has any."""
        columns, self._then = self._then, 0
        if columns:
            self._define(columns, kept=self._results is not None)
        else:
            self._reply_ended(end)

    def _define(self, count: int, *, kept: bool) -> None:
        """So many definitions come."""
        self._phase = DEFINITIONS
        self._left = count
        self._kept = [] if kept else None
        self._kept_size = 0
        self._kept_number = self._number

    def _definitions(self, data: bytes, position: int, size: int) -> int:
        """Take whole definitions; stop before an error in the place of one."""
        start, left = position, self._left
        while left and size - position > HEADER_SIZE:
            length = uint24(data, position)
            end = position + HEADER_SIZE + length
            if end > size or data[position + HEADER_SIZE] == ERR or length in (0, PART_MAX):
                break
            position = end
            left -= 1
        if position == start:
            return start
        self._number = (data[start + 3] + self._left - left) & 0xFF
        self._left = left
        kept = self._kept
        if kept is None:
            self._pass(start, position)
        else:
            kept.append(data[start:position])
            self._kept_size += position - start
            if self._kept_size > self._message_limit:
                raise too_large("database", self._message_limit)
            if left:
                # The plan for all of them may change some.
                self._leave_out(start, position)
            self._buffer.position = position
        if not left:
            self._defined(start, position)
        return position

    def _defined(self, start: int, end: int) -> None:
        """All definitions of a list are there, the last of them between two places."""
        told, self._told = self._told, None
        kept, self._kept = self._kept, None
        columns: Columns | None = None
        if told is not None and kept is not None:
            self._leave_out(start, end)
            self._tell_parameters(end, b"".join(kept), told, self._reply.prepared.taken)
            if not told and not self._in_force.deprecate_eof:
                self._phase = UNTOLD_END
                return
        elif kept is not None:
            columns = self._shown(start, end, kept)
        if self._code == replies.RESULT:
            if columns is None:
                self._described(None)
        elif self._in_force.deprecate_eof:
            self._define_columns(end)
        else:
            self._phase = DEFINITIONS_END

    def _shown(self, start: int, end: int, kept: Sequence[bytes]) -> Columns:
        """Let definitions leave, with the types that the client is to see; return the columns."""
        definitions = b"".join(kept)
        columns = self._descriptions.columns(definitions)
        prepared = self._reply.prepared
        if prepared is not None:
            prepared.columns = columns
        if self._code == replies.RESULT:
            self._described(columns)
            shown = self._plan.shown
        else:
            assert self._results is not None  # noqa: S101 - definitions were kept for it
            shown = self._results.plan(self._meant(columns)).shown
        if self._question is not None:
            shown = columns
        if prepared is not None:
            prepared.shown = shown.types
        if shown.types is not columns.types:
            definitions = self._descriptions.redescribed(definitions, shown)
        elif len(kept) == 1:
            self._pass(start, end)
            return columns
        self._put(start, end, renumbered(definitions, 0, len(definitions), self._shift))
        return columns

    def _release_definitions(self, end: int) -> None:
        """Let definitions leave as they came: no more come.  Raises WireError for those of
        parameters of which the client is told otherwise."""
        kept, self._kept = self._kept, None
        if self._told is not None:
            raise WireError("database", "an error behind the reply to a preparation")
        if kept:
            definitions = b"".join(kept)
            self._put(end, end, renumbered(definitions, 0, len(definitions), self._shift))

    def _described(self, columns: Columns | None) -> None:
        """Rows with these columns come."""
        self._rows_begin(
            None if columns is None else self._meant(columns), self._reply.prepared is not None
        )
        self._phase = ROWS if self._in_force.deprecate_eof else DEFINITIONS_END

    def _definitions_end(self, start: int, end: int) -> None:
        """Take the EOF behind definitions.  That of an opened cursor is the result's end.

        A procedure or a function that has a cursor of its own sets the same flag: a client that
        has not asked for a cursor gets rows, and so does one that calls a procedure.
        """
        payload = self._buffer.data[start + HEADER_SIZE : end]
        _, status = okpackets.decode_eof(payload)
        if self._phase == UNTOLD_END:
            self._leave_out(start, end)
            self._shift = (self._shift - 1) & 0xFF
            self._define_columns(end)
            return
        if self._in_force.tracked_for_us and status & okpackets.STATE_CHANGED:
            self._put(
                start, end, packets(okpackets.untracked_eof(payload), self._client_number(start))
            )
        else:
            self._pass(start, end)
        if self._code == replies.PREPARE:
            self._define_columns(end)
        elif self._reply.opens and status & (CURSOR_EXISTS | MORE_RESULTS) == CURSOR_EXISTS:
            self._state.reported(status, self._reply)
            self._reply_ended(end)
        else:
            self._phase = ROWS

    def _meant(self, columns: Columns) -> Columns:
        """Give columns the meaning that a stage has told of the result that comes, if any has."""
        return self._with_meaning(columns, self._exchange, self._ordinal)

    def _with_meaning(self, columns: Columns, exchange: Exchange | None, ordinal: int) -> Columns:
        """The same for a result of an exchange."""
        meaning = self._session.meaning
        if meaning is None:
            return columns
        statement = None if exchange is None else exchange.statement
        if statement is not None and statement.meanings is not None:
            # A result that the text does not account for has none but the session's.
            if ordinal < len(statement.meanings):
                meaning = statement.meanings[ordinal]
        return columns.with_meaning(meaning)
