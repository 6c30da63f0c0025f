"""Replies that come alone, whole and in one chunk: the usual case, passed in one piece.

What such a reply does is what `response` does packet by packet; a reply that needs more than
walking its headers is left to that.  A result begins with the same bytes as the last one where the
same statement is repeated: then its definitions are not even walked.  Those of an execution may be
kept by the client, and have been read before.
"""

from __future__ import annotations

from typing import Final

from acra_twisted.dialects.mysql import replies
from acra_twisted.dialects.mysql.descriptions import Descriptions
from acra_twisted.dialects.mysql.replies import Reply
from acra_twisted.dialects.mysql.resultsets import ResultSets
from acra_twisted.dialects.mysql.state import MysqlState
from acra_twisted.exchange import Exchange, take_reply
from acra_twisted.fast.littleendian import uint16, uint24
from acra_twisted.outstanding import FORWARD
from acra_twisted.results import Columns, Planner
from acra_twisted.session import Session
from acra_twisted.wire.mysql.capabilities import InForce
from acra_twisted.wire.mysql.frames import HEADER_SIZE, PART_MAX
from acra_twisted.wire.mysql.lenenc import SHORT
from acra_twisted.wire.mysql.okpackets import (
    CURSOR_EXISTS,
    EOF,
    ERR,
    MORE_RESULTS,
    OK,
    STATE_CHANGED,
)
from acra_twisted.wire.mysql.resultrows import walk

#: Flags of a status that need more than to be reported.
_MORE: Final = MORE_RESULTS | STATE_CHANGED
#: An EOF, and an OK whose numbers are short and that has no end: with their headers.
_EOF_SIZE: Final = 9
_OK_SIZE: Final = 11
#: A count of columns, with its header, whose definitions do not follow.
_KEPT_SIZE: Final = 6
#: A longer beginning is not remembered.
_HEAD_MAX: Final = 64 * 1024


class WholeReplies(ResultSets):
    """The part of MysqlReplies that passes whole replies.  See there."""

    def __init__(
        self,
        session: Session,
        state: MysqlState,
        in_force: InForce,
        results: Planner | None,
        message_limit: int,
        descriptions: Descriptions | None,
    ) -> None:
        super().__init__(session, state, in_force, results, message_limit, descriptions)
        # The beginning of the last result: its packets before the rows, and its columns.
        self._head = b""
        self._head_columns: Columns | None = None
        # Where rows begin if the client has kept the definitions.
        self._kept_rows = _KEPT_SIZE + (0 if in_force.deprecate_eof else _EOF_SIZE)

    def _whole(self, data: bytes) -> bool:
        """Pass a chunk that is the whole reply to the only request that is unanswered; False if it
        is anything else, or needs more than that."""
        session = self._session
        outstanding = session.outstanding
        size = len(data)
        if self._begun or not self._at_rest or size < _EOF_SIZE or len(outstanding) != 1:
            return False
        head = outstanding[0]
        action: int = head[0]
        code: int = head[1]
        exchange: Exchange | None = head[2]
        if (
            action != FORWARD
            or code != replies.RESULT
            or exchange is None
            or session.on_ready is not None
        ):
            return False
        reply: Reply = head[3]
        if not _is_plain(reply) or data[3] != reply.sequence:
            return False
        first = data[HEADER_SIZE]
        if first == OK:
            return size == _OK_SIZE and self._pass_whole(data, 0, exchange, reply, -1)
        prepared, columns = reply.prepared, self._head_columns
        if prepared is not None and self._has_kept(data, size, first):
            position, columns = self._kept_rows, prepared.columns
        elif self._head and data.startswith(self._head):
            position = len(self._head)
        else:
            position = self._read_head(data, size, first)
            if not position:
                return False
            columns = self._head_columns
        _, end, rows = walk(data, position, size)
        if end >= size:
            return False
        if self._results is not None:
            if columns is None:
                return False
            plan = self._results.plan(self._with_meaning(columns, exchange, 0))
            if plan.shown.types is not columns.types:
                return False
            if prepared is not None:
                if position == self._kept_rows and prepared.shown not in (None, columns.types):
                    return False
                prepared.columns, prepared.shown = columns, columns.types
            if plan.hooks and rows and plan.concerns(data, position, end):
                return False
        return self._pass_whole(data, end, exchange, reply, rows)

    def _has_kept(self, data: bytes, size: int, first: int) -> bool:
        """Return True if rows begin behind a count of columns that the client has kept."""
        if not self._in_force.cache_metadata or size < _KEPT_SIZE + _EOF_SIZE:
            return False
        if data[HEADER_SIZE + 1] or uint24(data, 0) != 2 or not 0 < first < SHORT:
            return False
        return self._in_force.deprecate_eof or self._is_eof(data, _KEPT_SIZE)

    def _is_eof(self, data: bytes, position: int) -> bool:
        """Return True for an EOF that begins rows, and is only to be passed."""
        return (
            uint24(data, position) == _EOF_SIZE - HEADER_SIZE
            and data[position + HEADER_SIZE] == EOF
            and not uint16(data, position + _EOF_SIZE - 2) & (CURSOR_EXISTS | STATE_CHANGED)
        )

    def _read_head(self, data: bytes, size: int, first: int) -> int:
        """Remember the beginning of a result, and return where its rows begin; 0 if it needs
        more."""
        caches = self._in_force.cache_metadata
        length = uint24(data, 0)
        if not 0 < first < SHORT or length != 1 + caches or (caches and data[HEADER_SIZE + 1] != 1):
            return 0
        position = begin = HEADER_SIZE + length
        for _ in range(first):
            if size - position <= HEADER_SIZE:
                return 0
            length = uint24(data, position)
            if data[position + HEADER_SIZE] == ERR or length in (0, PART_MAX):
                return 0
            position += HEADER_SIZE + length
        defined = position
        if not self._in_force.deprecate_eof:
            position += _EOF_SIZE
        if position >= size or position > _HEAD_MAX:
            return 0
        if not self._in_force.deprecate_eof and not self._is_eof(data, defined):
            return 0
        if self._results is not None:
            self._head_columns = self._descriptions.columns(data[begin:defined])
        self._head = data[:position]
        return position

    def _pass_whole(
        self, data: bytes, end: int, exchange: Exchange, reply: Reply, rows: int
    ) -> bool:
        """Pass a reply whose last packet begins at ``end``, unless that needs more."""
        size = len(data) - end
        if size < _EOF_SIZE or uint24(data, end) != size - HEADER_SIZE:
            return False
        first = data[end + HEADER_SIZE]
        if first == EOF and not self._in_force.deprecate_eof:
            if size != _EOF_SIZE:
                return False
            warnings, status = uint16(data, end + 5), uint16(data, end + 7)
        elif first in (OK, EOF) and size == _OK_SIZE:
            if data[end + 5] >= SHORT or data[end + 6] >= SHORT:
                return False
            status, warnings = uint16(data, end + 7), uint16(data, end + 9)
        else:
            return False
        if warnings or status & _MORE:
            return False
        session = self._session
        now = session.clock()
        exchange.first_byte = exchange.first_byte or now
        if rows >= 0:
            exchange.rows = rows if exchange.rows < 0 else exchange.rows + rows
        self._state.reported(status, reply)
        self._number = (data[end + 3] + 1) & 0xFF
        self._out.append(data)
        self.passed_whole += 1
        take_reply(session, now)
        return True


def _is_plain(reply: Reply) -> bool:
    """Return True if nothing but its packets has to be looked at."""
    return reply is replies.PLAIN or not (reply.changes or reply.files or reply.schema is not None)
