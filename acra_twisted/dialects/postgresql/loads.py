"""Rows that a client loads with COPY ... FROM STDIN, for stages that want to see them.

Without such a stage copy data streams and nothing here runs.  Text is judged in whole lines,
however the client cuts it into messages; anything else message by message.
"""

from __future__ import annotations

from typing import Any, Final

from acra_twisted.dialects.postgresql import replies
from acra_twisted.dialects.postgresql.extended import ExtendedBatch
from acra_twisted.dialects.postgresql.propagation import Propagation
from acra_twisted.dialects.postgresql.rows import CopyRows, LoadedLines
from acra_twisted.dialects.postgresql.values import VALUES
from acra_twisted.errors import RolledBackError
from acra_twisted.exchange import ROWS, Exchange, Work
from acra_twisted.outstanding import FORWARD, REPLACE
from acra_twisted.results import LINES, STREAM, Columns, Plan, Planner, RowBatch
from acra_twisted.session import Session
from acra_twisted.verdicts import Deny, Replace
from acra_twisted.wire.postgres import frames

#: The columns of copy data, by its layout: each line or message is a cell.
_LOADED: Final = {
    layout: Columns([b""], [0], [0], [0], layout, values=VALUES) for layout in (LINES, STREAM)
}
_COPY_FAIL: Final = frames.message(b"f", b"\0")
_NEWLINE: Final = 10


class LoadingBatch(ExtendedBatch):
    """An ExtendedBatch whose copy data may be judged.

    ``loads`` has the stages' plans for rows that are loaded; None if no stage looks at them.
    """

    def __init__(
        self,
        session: Session,
        inspects: frozenset[str],
        loads: Planner | None,
        message_limit: int,
        hold_limit: int,
        propagation: Propagation,
    ) -> None:
        super().__init__(session, inspects, hold_limit, propagation)
        self._message_limit = message_limit
        self._loads = loads
        # Of the copy data at hand: what the stages do with it, and its layout.
        self._load_plan: Plan | None = None
        self._layout = STREAM
        # True if its rest is omitted, because a row of it was refused.
        self._load_refused = False
        # So many bytes of the run that comes next are whole messages.
        self._whole_messages = 0

    def _judges_load(self, position: int) -> bool:
        """Return True if stages look at the copy data that comes at ``position``.  Data sent before
        the database has announced a copy may be anything."""
        plan = self._load_plan
        if plan is None:
            if self._loads is None:
                return False
            session = self._session
            self._layout = session.load_layout if session.copying_in else STREAM
            plan = self._load_plan = self._loads.plan(_LOADED[self._layout])
            if plan.hooks:
                self._release(position)
        return bool(plan.hooks)

    def _end_load(self) -> None:
        """A message has come that is no copy data."""
        self._load_plan = None
        self._load_refused = False
        self._whole_messages = 0

    def _next_rows(self, data: bytes, position: int, size: int) -> tuple[int, int]:
        """Where the run of rows ends that begins at ``position``.  If there is none that is whole,
        the second number says how many bytes from there must be here before another look.

        Raises WireError if a message, or a line, is longer than a message may be.
        """
        lines = self._layout == LINES
        at = position + self._whole_messages
        end = position if lines else at
        wanted = 5
        while size - at >= 5 and data[at] == frames.COPY_DATA:
            length = frames.length_at(data, at)
            frames.check_length("client", frames.COPY_DATA, length, self._message_limit)
            if size - at <= length:
                wanted = 1 + length
                break
            at += 1 + length
            if not lines or data[at - 1] == _NEWLINE:
                end = at
        if size - at >= 5 and data[at] != frames.COPY_DATA:
            # The last line need not be ended.
            end = at
        if end == position:
            frames.check_length("client", frames.COPY_DATA, at - position + 4, self._message_limit)
        if end > position:
            self._whole_messages = 0
            return end, 0
        self._whole_messages = at - position
        return end, at - position + wanted

    def _judge_load(self, data: bytes, start: int, end: int) -> Work | None:
        """A Work of a run of rows; None if it concerns no stage and has been let go."""
        plan = self._load_plan
        assert plan is not None  # noqa: S101 - set by _judges_load
        columns = _LOADED[self._layout]
        batch: RowBatch
        if self._layout == LINES:
            batch = LoadedLines(_payloads(data, start, end), columns)
        else:
            batch = CopyRows(data, columns, start, end)
        if not plan.concerns(batch.data, batch.start, batch.end):
            self._release(end)
            return None
        self._message = (start, end, None)
        return Work(ROWS, batch, replies.owner(self._session), plan.hooks)

    def _settle_load(self, exchange: Exchange, verdict: Any) -> None:
        """Apply a verdict to the run of rows that was judged."""
        start, end, _ = self._message
        if type(verdict) is Deny:
            self._deny_load(exchange, verdict, end)
            return
        if type(verdict) is Replace:
            self._splice(start, end, verdict.item.encode())
        self._release(end)

    def _deny_load(self, exchange: Exchange, deny: Deny, end: int) -> None:
        """Have the database give up what it copies; the client gets our error for its own."""
        session = self._session
        head = session.outstanding.head
        if not session.copying_in or head is None or head[0] != FORWARD:
            raise RolledBackError("rows were refused, and the database had not asked for them")
        error = self._refused(exchange, deny, end)
        session.outstanding.popleft()
        code = replies.QUERY if head[1] == replies.QUERY else replies.BATCH
        session.outstanding.appendleft((REPLACE, code, exchange, error))
        session.copying_in = False
        self._load_refused = True
        self._out.append(_COPY_FAIL)


def _payloads(data: bytes, start: int, end: int) -> bytes:
    """The bytes that the messages in a run carry."""
    parts = []
    while start < end:
        after = start + 1 + frames.length_at(data, start)
        parts.append(data[start + 5 : after])
        start = after
    return b"".join(parts)
