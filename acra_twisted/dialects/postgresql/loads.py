"""Rows that a client loads with COPY ... FROM STDIN, for stages that want to see them.

Without such a stage copy data streams and nothing here runs.  Text is judged in whole lines,
however the client cuts it into messages; anything else message by message.  The rows that an ILoad
takes are not put together at all: it gets each piece as it comes.
"""

from __future__ import annotations

from typing import Any, Final

from acra_twisted.dialects.postgresql import replies
from acra_twisted.dialects.postgresql.extended import ExtendedBatch
from acra_twisted.dialects.postgresql.rows import CopyRows, LoadedLines
from acra_twisted.dialects.postgresql.values import VALUES
from acra_twisted.dialects.propagation import Propagation
from acra_twisted.errors import RolledBackError
from acra_twisted.exchange import ROWS, Exchange, Judges, LooksAt, Work
from acra_twisted.outstanding import ANSWER, FORWARD, REPLACE
from acra_twisted.results import LINES, STREAM, Columns, Plan, Planner, RowBatch
from acra_twisted.session import Load, Session
from acra_twisted.verdicts import Deny, Replace
from acra_twisted.wire.postgres import frames

#: The columns of copy data, by its layout: each line or message is a cell.
_LOADED: Final = {
    layout: Columns([b""], [0], [0], [0], layout, values=VALUES) for layout in (LINES, STREAM)
}
_COPY_FAIL: Final = frames.message(b"f", b"\0")
_NEWLINE: Final = 10
#: The longest message of PostgreSQL's, which accepts none of a GiB.
LONGEST: Final = 1 << 30
# What becomes of copy data.
_PASSES: Final = 0
_TAKEN: Final = 1
_AWAITED: Final = 2
#: Bytes of the longest piece that an ILoad gets: what is made of them is many times as long.
_PIECE: Final = 16 * 1024
_NOT_BOTH: Final = Deny(
    "a stage of AcraServer that looks at rows which are loaded cannot stand beside one that takes "
    "them",
    sqlstate=b"0A000",
    reason="two stages want the rows of a load",
)


class LoadingBatch(ExtendedBatch):
    """An ExtendedBatch whose copy data may be judged.

    ``loads`` has the stages' plans for rows that are loaded; None if no stage looks at them.
    """

    def __init__(
        self,
        session: Session,
        inspects: frozenset[str],
        loads: Planner | None,
        looks_at: LooksAt | None,
        judges: Judges | None,
        message_limit: int,
        hold_limit: int,
        propagation: Propagation,
    ) -> None:
        super().__init__(session, inspects, looks_at, judges, hold_limit, propagation)
        self._message_limit = message_limit
        self._loads = loads
        # Of the copy data at hand: what the stages do with it, and its layout.
        self._load_plan: Plan | None = None
        self._layout = STREAM
        # True if its rest is omitted, because a row of it was refused.
        self._load_refused = False
        # So many bytes of the run that comes next are whole messages.
        self._whole_messages = 0
        # True if the rest of the streamed message is for an ILoad.
        self._takes_rest = False

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

    def _place(self) -> int:
        """Tell what becomes of the copy data that comes: one of _PASSES, _TAKEN and _AWAITED.

        What an ILoad takes is left out once it is over: the database has given up, or been told
        to, and the client does not know yet.  What comes before the database has asked for it
        waits until the database has.
        """
        session = self._session
        load = session.load
        if session.copying_in:
            return _PASSES if load is None else _TAKEN
        is_due = False
        for action, _, exchange, _ in (*session.outstanding, *self._expected):
            if action != FORWARD or exchange is None or exchange.outcome is not None:
                continue
            if load is not None and load.asked and exchange is load.exchange:
                continue
            is_due = True
            statement = exchange.statement
            copies = None if statement is None else statement.copies
            # A portal that is not known may be one of any statement.
            is_any = statement is None and exchange.kind == "execute"
            takes_part = copies is not None and copies.load is not None
            if takes_part or (is_any and session.meaning is not None):
                session.load = Load(exchange, None, False)
                return _AWAITED
        # The database ignores what it can no more ask for; it may be in clear.
        is_late = not is_due and (load is not None or session.meaning is not None)
        return _TAKEN if is_late else _PASSES

    def _take(self, data: bytes, start: int, size: int) -> tuple[int, Work | None]:
        """The payload of the copy data that begins, or goes on, at ``start``, as a Work for the
        ILoad; and where the rest begins."""
        load = self._session.load if self._session.copying_in else None
        parts: list[bytes] = []
        position = start
        # What is too late is left out, all of it.
        room = size if load is None else _PIECE
        while room and position < size:
            if not self._streaming:
                if size - position < 5 or data[position] != frames.COPY_DATA:
                    break
                length = frames.length_at(data, position)
                if not 4 <= length <= LONGEST:
                    break
                position += 5
                self._streaming = length - 4
            taken = min(self._streaming, size - position, room)
            parts.append(data[position : position + taken])
            position += taken
            room -= taken
            self._streaming -= taken
        self._takes_rest = self._leaves_out = self._streaming > 0
        self._buffer.position = position
        piece = b"".join(parts)
        if load is None or not piece:
            if position > start:
                self._put(start, position, b"")
            return position, None
        self._message = (start, position, False)
        return position, Work(ROWS, piece, load.exchange, self._takers(load.taker.feed))

    def _takes(self, position: int) -> bool:
        """Return True if the copy data at ``position`` is taken, or has to wait."""
        place = self._place()
        self.awaits_load = place == _AWAITED
        if self.awaits_load:
            self._release(position)
            self._buffer.position = position
            # The database keeps its replies to a batch back, until it is asked or loads.
            self.ask_for_replies()
        return place != _PASSES

    def _takers(self, take: Any) -> tuple[Any, ...]:
        """The hooks of a Work for the ILoad."""
        session = self._session
        assert session.load is not None  # noqa: S101 - it is its own that is asked for
        loads, name = self._loads, session.load.taker.name
        if loads is not None and loads.plan(_LOADED[session.load_layout]).hooks:
            return ((name, _refuse_both, False),)
        return ((name, take, False),)

    def _finish(self, start: int, end: int) -> Work | None:
        """A Work for the end of the data, which the message ``[start, end)`` tells."""
        load = self._session.load
        if load is None or not self._session.copying_in:
            return None
        self._message = (start, end, True)
        return Work(ROWS, b"", load.exchange, self._takers(load.taker.finish))

    def _settle_taken(self, work: Work, verdict: Any) -> None:
        """Apply a verdict to a piece, or to the end, of what an ILoad takes."""
        session = self._session
        start, end, is_end = self._message
        # Where the database has given up meanwhile, its own error is what the client gets.
        copies = session.copying_in
        load = session.load
        if load is not None and (is_end or type(verdict) is Deny or not copies):
            load.taker = None
        if type(verdict) is Deny and copies:
            self._deny_load(work.exchange, verdict, end)
            return
        rows: bytes = verdict.item if type(verdict) is Replace else work.item
        made = _copy_data(rows) if rows and copies and type(verdict) is not Deny else b""
        if not is_end:
            self._put(start, end, made)
            return
        if made:
            self._insert(start, made)
        self._copy_ended(end)

    def _put(self, start: int, end: int, made: bytes) -> None:
        """Send other bytes in the place of those in ``[start, end)``."""
        self._splice(start, end, made)
        self._release(end)

    def _copy_ended(self, end: int) -> None:
        """The client has loaded its last row, or given up."""
        session = self._session
        self._release(end)
        if session.copying_in:
            session.copying_in = False
            head = session.outstanding.head
            if head is not None and head[1] == replies.EXECUTE:
                # The database has heeded no Sync since, so the transaction is open.
                self._part_sent = True
        elif session.outstanding:
            session.outstanding.append((ANSWER, replies.COPY_END, None, None))

    def _settle_load(self, work: Work, verdict: Any) -> None:
        """Apply a verdict to the run of rows that was judged."""
        if isinstance(work.item, bytes):
            self._settle_taken(work, verdict)
            return
        exchange = work.exchange
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


def _refuse_both(data: bytes, exchange: Exchange) -> Deny:
    return _NOT_BOTH


def _copy_data(rows: bytes) -> bytes:
    return b"d" + (len(rows) + 4).to_bytes(4, "big") + rows


def _payloads(data: bytes, start: int, end: int) -> bytes:
    """The bytes that the messages in a run carry."""
    parts = []
    while start < end:
        after = start + 1 + frames.length_at(data, start)
        parts.append(data[start + 5 : after])
        start = after
    return b"".join(parts)
