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
#: The columns, None if there are none, and the count in the tag.
Result = tuple[Columns | None, int]
#: A whole reply: its exchange, where its bytes for the client begin, the portal that it describes
#: (or None), and its result.
Whole = tuple[Exchange, int, Portal | None, Columns | None, int]


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

    def _whole_reply(self, data: bytes, head: Entry) -> Whole | None:
        """Read ``data`` as all replies that are owed, from ``head`` on: a query's, or those of
        Bind, perhaps Describe, Execute and Sync, perhaps behind that of a Close of ours."""
        if (
            data[-_READY_SIZE:-1] != _READY
            or data[-1:] not in replies.TRANSACTIONS
            or not self._at_rest
        ):
            return None
        outstanding = self._session.outstanding
        action, code, exchange, _ = head
        if action != FORWARD or code != replies.QUERY:
            return self._whole_execution(data, outstanding)
        result = self._whole_result(data, 0, True) if len(outstanding) == 1 else None
        return None if result is None else (exchange, 0, None, result[0], result[1])

    def _whole_execution(self, data: bytes, outstanding: Outstanding) -> Whole | None:
        if len(outstanding) > _MOST:
            return None
        owed = outstanding.all()
        start = first = 0
        if owed[0][0] == SKIP and len(owed) > 1:
            if data[: len(backend.CLOSE_COMPLETE)] != backend.CLOSE_COMPLETE:
                return None
            start = len(backend.CLOSE_COMPLETE)
            first = 1
        exchange = owed[first][2]
        described = len(owed) - first == len(_DESCRIBED)
        codes = _DESCRIBED if described else _UNDESCRIBED
        if exchange is None or not outstanding.forwards(first, codes, exchange):
            return None
        if data[start : start + len(_BIND_COMPLETE)] != _BIND_COMPLETE:
            return None
        position = start + len(_BIND_COMPLETE)
        portal: Portal | None = None
        if described:
            portal = owed[first + 1][3]
            if portal is not owed[first + 2][3]:
                # Described is one portal, executed another.
                return None
            if data[position : position + len(_NO_DATA)] == _NO_DATA:
                position += len(_NO_DATA)
                portal = None
        result = self._whole_result(data, position, portal is not None)
        if result is None or (portal is not None and result[0] is None):
            return None
        return exchange, start, portal, result[0], result[1]

    def _whole_result(self, data: bytes, position: int, described: bool) -> Result | None:
        """Read what is between ``position`` and ReadyForQuery: one result, ``described`` or without
        rows, that concerns no stage."""
        end = len(data) - _READY_SIZE
        if position + 5 > end:
            return None
        length = length_at(data, position)
        columns = None
        if described and data[position] == frames.ROW_DESCRIPTION:
            rows = position + length + 1
            if rows + 5 > end:
                return None
            columns = self._descriptions.known(data[position + 5 : rows])
            if columns is None:
                return None
            plan = None if self._results is None else self._results.plan(columns)
            if plan is not None and plan.shown is not columns:
                return None
            # Behind the rows, ReadyForQuery's header is there to be read in any case.
            _, position = datarows.walk(
                data, rows, len(data), len(columns.names), self._message_limit
            )
            if position + 5 > end or (plan is not None and plan.concerns(data, rows, position)):
                return None
            length = length_at(data, position)
        if data[position] != frames.COMMAND_COMPLETE or position + length + 1 != end:
            return None
        try:
            told = self._descriptions.rows(data[position + 5 : end])
        except WireError:
            # The loop says so, when it comes to it.
            return None
        return None if told is None else (columns, told)


_UNDESCRIBED: Final = [replies.BIND, replies.EXECUTE, replies.SYNC]
_DESCRIBED: Final = [replies.BIND, replies.DESCRIBE_PORTAL, replies.EXECUTE, replies.SYNC]
#: Number of codes of a described execution after a Close.
_MOST: Final = 1 + len(_DESCRIBED)
