"""The rows of a MySQL result: walked by their headers, or made a Work in runs.

The client's packets are numbered apart from the database's: a reply's own numbers hold for the
client, too, until something of it was added or left out.  Where they do a chunk in which nothing
changed leaves as the object that arrived.
"""

from __future__ import annotations

from typing import Any, Final

from acra_twisted.dialects.flow import CuttingFlow
from acra_twisted.dialects.mysql.rows import LongRow, MysqlRows
from acra_twisted.errors import WireError
from acra_twisted.exchange import ROWS, Exchange, Work
from acra_twisted.fast.littleendian import uint24
from acra_twisted.question import Question
from acra_twisted.results import Columns, Plan, Planner
from acra_twisted.session import Session
from acra_twisted.wire.mysql.frames import HEADER_SIZE, PART_MAX, renumbered, too_large
from acra_twisted.wire.mysql.resultrows import split_text, walk

#: The first byte of what is no row, and of all above it.
_NO_ROW: Final = 0xFE
#: The plan of a result that no stage reads.
_UNSEEN: Final = Plan(Columns((), (), (), ()))
#: In the place of a plan: nobody has described the rows, which a stage might have to see.
_UNDESCRIBED: Final = Plan(Columns((), (), (), ()))


class ResultRows(CuttingFlow):
    """The row side of MysqlReplies.

    ``results`` has the stages' plans; None if no stage looks at rows.  A row that stages look at
    has at most ``message_limit`` bytes.
    """

    def __init__(self, session: Session, results: Planner | None, message_limit: int) -> None:
        super().__init__(session)
        self._results = results
        self._message_limit = message_limit
        # Numbers of the reply's packets are higher for the client by so many.
        self._shift = 0
        # The database's number behind the last packet.
        self._number = 0
        # The rest of the reply is not for the client.
        self._dropping = False
        # Of the rows that are coming: their columns, their form, and what stages do with them.
        self._columns: Columns = _UNSEEN.shown
        self._binary = False
        self._plan = _UNSEEN
        self._rows_seen = 0
        # The question of ours that the reply answers.
        self._question: Question | None = None
        # The next packet goes on with the one before.
        self._continues = False
        # The parts of a long row that is judged.
        self._long: list[bytes] = []
        self._long_size = 0
        # The number of the first packet that a Work was made of.
        self._run_number = 0

    @property
    def unfinished(self) -> bool:
        """See IMessageFlow."""
        return len(self._buffer) > 0 or self._streaming > 0 or self._continues or bool(self._long)

    @property
    def may_interject(self) -> bool:
        """See IReplyFlow."""
        return not (self._streaming or self._continues)

    # -- bytes ------------------------------------------------------------------------------------

    def _stream(self, position: int, size: int) -> int:
        taken = min(self._streaming, size - position)
        self._streaming -= taken
        if self._dropping:
            self._leave_out(position, position + taken)
        self._buffer.position = position + taken
        return position + taken

    def _pass(self, start: int, end: int) -> None:
        """Let packets leave, the last of which may be here in part."""
        if self._dropping:
            self._leave_out(start, end)
        elif self._shift:
            self._put(start, end, renumbered(self._buffer.data, start, end, self._shift))
        self._buffer.position = end

    def _put(self, start: int, end: int, instead: bytes) -> None:
        """Let other bytes leave in the place of packets."""
        self._leave_out(start, end)
        if not self._dropping:
            self._out.append(instead)

    # -- rows -------------------------------------------------------------------------------------

    def _rows_begin(self, columns: Columns | None, binary: bool) -> None:
        """Treat the rows that are coming as their columns' plan says; ``columns`` is None where
        nobody has described them."""
        self._rows_seen = 0
        self._binary = binary
        if self._question is not None and columns is not None:
            self._columns, self._plan = columns, _UNSEEN
        elif self._results is None:
            self._plan = _UNSEEN
        elif columns is None:
            self._plan = _UNDESCRIBED
        else:
            self._columns = columns
            self._plan = self._results.plan(columns)

    def _forget_rows(self) -> None:
        """No rows come."""
        self._plan = _UNSEEN
        self._columns = _UNSEEN.shown

    def _rows(
        self, data: bytes, position: int, size: int, exchange: Exchange | None
    ) -> tuple[int, Work | None]:
        """From a row's header and first byte on: walk the rows, or make a Work of those that are
        whole.  The place stays where it is if more must come.  Raises WireError for rows that a
        stage might have to see, and whose columns nobody has described."""
        if self._question is not None:
            return self._answers(data, position, size, self._question), None
        if exchange is not None and self._plan.hooks and not self._dropping:
            return self._judge_rows(data, position, size, exchange)
        if self._plan is _UNDESCRIBED:
            raise WireError("database", "rows whose columns were never described")
        if self._continues:
            return self._stream_part(data, position, size), None
        begin, end, count = walk(data, position, size)
        if not count:
            return self._stream_part(data, position, size), None
        self._rows_seen += count
        self._number = (data[begin + 3] + 1) & 0xFF
        if end > size:
            self._streaming = end - size
            end = size
        self._pass(position, end)
        return end, None

    def _stream_part(self, data: bytes, position: int, size: int) -> int:
        """Let a part of a long row pass as it comes."""
        length = uint24(data, position)
        if not self._continues:
            self._rows_seen += 1
        self._continues = length == PART_MAX
        self._number = (data[position + 3] + 1) & 0xFF
        end = position + HEADER_SIZE + length
        if end > size:
            self._streaming = end - size
            end = size
        self._pass(position, end)
        return end

    def _answers(self, data: bytes, position: int, size: int, question: Question) -> int:
        """Take whole rows of the answer to a question of ours.  Raises WireError, FrameTooLarge."""
        while size - position > HEADER_SIZE:
            length = uint24(data, position)
            end = position + HEADER_SIZE + length
            first = data[position + HEADER_SIZE]
            if length == PART_MAX:
                raise too_large("database", PART_MAX)
            if not length or first >= _NO_ROW or end > size:
                break
            columns = len(self._columns)
            question.add(split_text(data, position + HEADER_SIZE, end, columns), length)
            self._number = (data[position + 3] + 1) & 0xFF
            self._pass(position, end)
            position = end
        return position

    def _judge_rows(
        self, data: bytes, position: int, size: int, exchange: Exchange
    ) -> tuple[int, Work | None]:
        length = uint24(data, position)
        if self._long or length == PART_MAX:
            return self._judge_long(data, position, size, exchange)
        begin, end, count = walk(data, position, size)
        if end > size:
            end = begin
            count -= 1
        if not count:
            if length > self._message_limit:
                raise too_large("database", self._message_limit)
            return position, None
        before = self._rows_seen
        self._rows_seen += count
        self._number = (data[position + 3] + count) & 0xFF
        plan = self._plan
        if not plan.concerns(data, position, end):
            self._pass(position, end)
            return end, None
        self._run_number = data[position + 3]
        batch = MysqlRows(data, self._columns, position, end, self._binary, plan.shown.types)
        batch.before = before
        return end, self._ask(Work(ROWS, batch, exchange, plan.hooks), (position, end))

    def _judge_long(
        self, data: bytes, position: int, size: int, exchange: Exchange
    ) -> tuple[int, Work | None]:
        """Join the parts of a long row, of which the client gets nothing before it is whole."""
        length = uint24(data, position)
        if self._long_size + length > self._message_limit:
            raise too_large("database", self._message_limit)
        end = position + HEADER_SIZE + length
        if end > size:
            return position, None
        if not self._long:
            self._run_number = data[position + 3]
        self._long.append(data[position + HEADER_SIZE : end])
        self._long_size += length
        self._number = (data[position + 3] + 1) & 0xFF
        self._leave_out(position, end)
        self._buffer.position = end
        if length == PART_MAX:
            return end, None
        payload, self._long, self._long_size = b"".join(self._long), [], 0
        self._rows_seen += 1
        plan = self._plan
        row = LongRow(payload, self._columns, self._binary, self._run_number, plan.shown.types)
        row.before = self._rows_seen - 1
        if plan.concerns(payload, 0, len(payload)):
            return end, self._ask(Work(ROWS, row, exchange, plan.hooks), (end, end))
        self._replace(end, end, row)
        return end, None

    def _replace(self, start: int, end: int, rows: Any) -> None:
        """Let rows leave as they are written now."""
        written: bytes = rows.encode()
        if self._shift:
            written = renumbered(written, 0, len(written), self._shift)
        self._put(start, end, written)
        self._shift = (self._shift + rows.added) & 0xFF

    def _ask(self, work: Work, run: tuple[int, int]) -> Work:
        """Wait for the verdict on a run; go on behind it."""
        self._buffer.position = run[1]
        self._run = run
        self._unsettled = True
        return work
