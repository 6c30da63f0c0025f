"""A shorter way for replies that come alone and whole, as nearly all small ones do.

`ResponseFlow` says what happens to any reply, however its bytes are cut; here is what it comes to
for one result that no stage looks at, or in which none sees anything, and nobody must be told of.
Whatever is not exactly that goes the general way; a property test compares the two.  Measured in
docs/performance.rst.
"""

from __future__ import annotations

from typing import Any, Final

from acra_twisted.dialects.postgresql import replies
from acra_twisted.dialects.postgresql.prepared import Portal, Prepared
from acra_twisted.dialects.postgresql.response import ResponseFlow
from acra_twisted.errors import WireError
from acra_twisted.model import Exchange, Work
from acra_twisted.outstanding import FORWARD, SKIP, Outstanding
from acra_twisted.results import Columns
from acra_twisted.wire.postgres import backend, datarows, frames
from acra_twisted.wire.postgres.frames import length_at

#: ReadyForQuery without its status, and what that can be.
_READY: Final = b"Z\0\0\0\x05"
_STATUSES: Final = (b"I", b"T", b"E")
_BIND_COMPLETE: Final = b"2\0\0\0\x04"
_NO_DATA: Final = b"n\0\0\0\x04"
#: The columns, None if there are none, and the count in the tag.
Result = tuple[Columns | None, int]


class WholeReplies(ResponseFlow):
    """See ResponseFlow."""

    def begin(self, data: bytes) -> Work | None:
        """See ChunkFlow."""
        session = self._session
        outstanding = session.outstanding
        self._answer_first()
        if (
            outstanding
            and data[-6:-1] == _READY
            and data[-1:] in _STATUSES
            and self._at_rest
            and not (self._suppressing or session.notices)
            and session.settings is None
        ):
            action, code, exchange, _ = outstanding[0]
            if action == FORWARD and code == replies.QUERY:
                if len(outstanding) == 1 and self._whole_query(data, exchange):
                    return None
            elif self._whole_execution(data, outstanding):
                return None
        self.feed(data)
        return self.next_work()

    def _whole_query(self, data: bytes, exchange: Any) -> bool:
        result = self._result(data, 0, True)
        if result is None:
            return False
        self._pass_on(data, exchange, result)
        return True

    def _whole_execution(self, data: bytes, outstanding: Outstanding) -> bool:
        """As WholeRequests sends it: Bind, perhaps Describe, Execute, Sync; perhaps a carrier."""
        start = first = 0
        if outstanding[0][0] == SKIP:
            if data[: len(backend.CLOSE_COMPLETE)] != backend.CLOSE_COMPLETE:
                return False
            start = len(backend.CLOSE_COMPLETE)
            first = 1
        if len(outstanding) == first:
            return False
        exchange = outstanding[first][2]
        described = len(outstanding) - first == len(_DESCRIBED)
        codes = _DESCRIBED if described else _UNDESCRIBED
        if exchange is None or not outstanding.forwards(first, codes, exchange):
            return False
        if described and outstanding[first + 1][3] is not outstanding[first + 2][3]:
            # Described is one portal, executed another.
            return False
        if data[start : start + len(_BIND_COMPLETE)] != _BIND_COMPLETE:
            return False
        position = start + len(_BIND_COMPLETE)
        if described and data[position : position + len(_NO_DATA)] == _NO_DATA:
            position += len(_NO_DATA)
            described = False
        result = self._result(data, position, described)
        if result is None or (described and result[0] is None):
            return False
        columns = result[0]
        if self._plan_rows is not None and columns is not None:
            portal: Portal = outstanding[first + 1][3]
            if portal.statement is not None:
                prepared: Prepared = self._session.prepared
                prepared.statement_described(portal.statement, columns)
        self._pass_on(data[start:], exchange, result)
        return True

    def _result(self, data: bytes, position: int, described: bool) -> Result | None:
        """What is between ``position`` and ReadyForQuery, if it is one result that no stage looks
        at or none sees anything in, ``described`` or without rows."""
        end = len(data) - 6
        if position + 5 > end:
            return None
        length = length_at(data, position)
        columns = None
        if described and data[position] == frames.ROW_DESCRIPTION:
            next_one = position + length + 1
            if next_one + 5 > end:
                return None
            columns = self._descriptions.known(data[position + 5 : next_one])
            if columns is None:
                return None
            plan = None if self._plan_rows is None else self._plan_rows(columns)
            if plan is not None and plan.shown is not columns:
                return None
            # Behind the rows, ReadyForQuery's header is there to be read in any case.
            _, position = datarows.walk(
                data, next_one, len(data), len(columns), self._message_limit
            )
            if position + 5 > end or (plan is not None and plan.concerns(data, next_one, position)):
                return None
            length = length_at(data, position)
        if data[position] != frames.COMMAND_COMPLETE or position + length + 1 != end:
            return None
        try:
            rows = self._descriptions.rows(data[position + 5 : end])
        except WireError:
            # The general way says so, when it comes to it.
            return None
        return None if rows is None else (columns, rows)

    def _pass_on(self, data: bytes, exchange: Exchange, result: Result) -> None:
        session = self._session
        now = exchange.first_byte = session.clock()
        rows = result[1]
        if rows >= 0:
            # What came before it was the result of another statement of the same text.
            exchange.rows = rows if exchange.rows < 0 else exchange.rows + rows
        session.copying_in = False
        session.transaction_status = status = data[-1:]
        prepared: Prepared = session.prepared
        prepared.execution_ended()
        if status == b"I":
            prepared.transaction_ended()
        session.outstanding.clear()
        self._out.append(data)
        exchange.close("ok", now)


_UNDESCRIBED: Final = [replies.BIND, replies.EXECUTE, replies.SYNC]
_DESCRIBED: Final = [replies.BIND, replies.DESCRIBE_PORTAL, replies.EXECUTE, replies.SYNC]
