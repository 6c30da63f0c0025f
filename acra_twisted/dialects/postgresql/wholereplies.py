"""A quick look at a reply that comes alone and whole, as nearly all small ones do.

It finds one result that concerns no stage, or none, and changes nothing.  `ResponseFlow.begin` then
does at once what its loop over messages would come to.  Whatever is not exactly that goes through
the loop; a property test compares the two.  Measured in docs/performance.rst.
"""

from __future__ import annotations

from typing import Final

from acra_twisted.dialects.postgresql import replies
from acra_twisted.dialects.postgresql.descriptions import Descriptions
from acra_twisted.dialects.postgresql.prepared import Portal
from acra_twisted.dialects.postgresql.results import ResultRows
from acra_twisted.errors import WireError
from acra_twisted.exchange import Exchange
from acra_twisted.outstanding import FORWARD, SKIP, Entry, Outstanding
from acra_twisted.results import Columns, Planner
from acra_twisted.session import Session
from acra_twisted.wire.postgres import backend, datarows, frames
from acra_twisted.wire.postgres.frames import length_at

#: ReadyForQuery without its status, and what that can be.
_READY: Final = b"Z\0\0\0\x05"
_READY_SIZE: Final = 6
_BIND_COMPLETE: Final = b"2\0\0\0\x04"
_NO_DATA: Final = b"n\0\0\0\x04"
#: Whether there is a whole result that concerns no stage, its columns (None if there are none), and
#: the count in the tag.  Compiled, neither of these tuples is an object: only None or a tuple is.
Result = tuple[bool, Columns | None, int]
#: A whole reply: its exchange (None if it is not one), where its bytes for the client begin, the
#: portal that it describes (or None), its columns, and the count in the tag.
Whole = tuple[Exchange | None, int, Portal | None, Columns | None, int]
_NO_RESULT: Final[Result] = (False, None, 0)
_NOT_WHOLE: Final[Whole] = (None, 0, None, None, 0)


class WholeReplies(ResultRows):
    """ResultRows that tell a whole reply from any other bytes."""

    def __init__(
        self,
        session: Session,
        results: Planner | None,
        message_limit: int,
        descriptions: Descriptions | None,
    ) -> None:
        super().__init__(session, results, message_limit)
        self._descriptions = Descriptions() if descriptions is None else descriptions

    def _whole_reply(self, data: bytes, head: Entry) -> Whole:
        """Read ``data`` as all replies that are owed, from ``head`` on: a query's, or those of
        Bind, perhaps Describe, Execute and Sync, perhaps behind that of a Close of ours."""
        if (
            data[-_READY_SIZE:-1] != _READY
            or data[-1] not in replies.TRANSACTIONS
            or not self._at_rest
        ):
            return _NOT_WHOLE
        outstanding = self._session.outstanding
        action: int = head[0]
        code: int = head[1]
        if action != FORWARD or code != replies.QUERY:
            return self._whole_execution(data, outstanding)
        if len(outstanding) > 1:
            return _NOT_WHOLE
        exchange: Exchange | None = head[2]
        if exchange is None or exchange.watch is not None or exchange.told is not None:
            return _NOT_WHOLE
        found, columns, rows = self._whole_result(data, 0, True, exchange, None)
        return (exchange, 0, None, columns, rows) if found else _NOT_WHOLE

    def _whole_execution(self, data: bytes, outstanding: Outstanding) -> Whole:
        if len(outstanding) > _MOST:
            return _NOT_WHOLE
        owed = outstanding.all()
        start = first = 0
        if owed[0][0] == SKIP and owed[0][1] == replies.CLOSE and len(owed) > 1:
            if data[: len(backend.CLOSE_COMPLETE)] != backend.CLOSE_COMPLETE:
                return _NOT_WHOLE
            start = len(backend.CLOSE_COMPLETE)
            first = 1
        exchange: Exchange | None = owed[first][2]
        described = len(owed) - first == len(_DESCRIBED)
        codes = _DESCRIBED if described else _UNDESCRIBED
        if exchange is None or exchange.watch is not None or exchange.told is not None:
            return _NOT_WHOLE
        if not outstanding.forwards(first, codes, exchange):
            return _NOT_WHOLE
        if owed[first][3].name:
            # It may outlive its batch: what is known of it is kept.
            return _NOT_WHOLE
        if data[start : start + len(_BIND_COMPLETE)] != _BIND_COMPLETE:
            return _NOT_WHOLE
        position = start + len(_BIND_COMPLETE)
        portal: Portal | None = None
        if described:
            portal = owed[first + 1][3]
            if portal is not owed[first + 2][3]:
                # Described is one portal, executed another.
                return _NOT_WHOLE
            if data[position : position + len(_NO_DATA)] == _NO_DATA:
                position += len(_NO_DATA)
                portal = None
        described = portal is not None
        found, columns, rows = self._whole_result(data, position, described, exchange, portal)
        if not found or (portal is not None and columns is None):
            return _NOT_WHOLE
        return exchange, start, portal, columns, rows

    def _whole_result(
        self,
        data: bytes,
        position: int,
        described: bool,
        exchange: Exchange | None,
        portal: Portal | None,
    ) -> Result:
        """Read what is between ``position`` and ReadyForQuery: one result, ``described`` or without
        rows, that concerns no stage.  ``portal`` is None for that of a simple query."""
        end = len(data) - _READY_SIZE
        if position + 5 > end:
            return _NO_RESULT
        length = length_at(data, position)
        columns = None
        if described and data[position] == frames.ROW_DESCRIPTION:
            rows = position + length + 1
            if length < 4 or rows + 5 > end:
                return _NO_RESULT
            columns = self._descriptions.known(data[position + 5 : rows])
            if columns is None:
                return _NO_RESULT
            plan = None
            if self._results is not None:
                meant = columns
                if self._session.meaning is not None:
                    code = replies.QUERY if portal is None else replies.EXECUTE
                    meant = self._meant(columns, code, exchange, portal)
                plan = self._results.plan(meant)
                if plan.shown is not meant:
                    return _NO_RESULT
            # Behind the rows, ReadyForQuery's header is there to be read in any case.
            _, position, _ = datarows.walk(
                data, rows, len(data), len(columns.names), self._message_limit
            )
            if position + 5 > end or (plan is not None and plan.concerns(data, rows, position)):
                return _NO_RESULT
            length = length_at(data, position)
        if data[position] != frames.COMMAND_COMPLETE or position + length + 1 != end:
            return _NO_RESULT
        try:
            told = self._descriptions.rows(data[position + 5 : end])
        except WireError:
            # The loop says so, when it comes to it.
            return _NO_RESULT
        return _NO_RESULT if told is None else (True, columns, told)


_UNDESCRIBED: Final = [replies.BIND, replies.EXECUTE, replies.SYNC]
_DESCRIBED: Final = [replies.BIND, replies.DESCRIBE_PORTAL, replies.EXECUTE, replies.SYNC]
#: Number of codes of a described execution after a Close.
_MOST: Final = 1 + len(_DESCRIBED)
