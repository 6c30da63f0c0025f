"""The bytes and the rows of a result: walked by their headers, or made a Work in runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from acra_twisted.dialects.flow import CuttingFlow
from acra_twisted.dialects.postgresql import replies
from acra_twisted.dialects.postgresql.prepared import Portal, Prepared, unknown
from acra_twisted.dialects.postgresql.rows import CopyRows, DataRows
from acra_twisted.dialects.postgresql.unloads import Unloading
from acra_twisted.dialects.postgresql.values import VALUES
from acra_twisted.errors import WireError
from acra_twisted.exchange import ROWS, Exchange, Statement, Work
from acra_twisted.fast.bigendian import uint16
from acra_twisted.outstanding import FORWARD, Entry
from acra_twisted.results import LINES, STREAM, TUPLES, Columns, Plan, Planner
from acra_twisted.session import Session
from acra_twisted.sql.copying import null_may_be_digits
from acra_twisted.wire.postgres import datarows, frames
from acra_twisted.wire.postgres.frames import length_at
from acra_twisted.wire.postgres.nested import CopiedTuples

#: In rows of no more bytes than this is nothing that a stage looks for.
_SHORT: Final = 128
#: The plan of a result that no stage reads.
_UNSEEN: Final = Plan(Columns((), (), (), ()))


class ResultRows(CuttingFlow):
    """The row side of ResponseFlow.

    ``results`` has the stages' plans; None if no stage looks at rows.
    """

    def __init__(
        self,
        session: Session,
        results: Planner | None,
        message_limit: int,
    ) -> None:
        super().__init__(session)
        self._results = results
        self._message_limit = message_limit
        # Of the rows that are coming: their column count once known, what was announced, and what
        # the stages do with them.
        self._columns = -1
        self._described: Columns | None = None
        self._batch_columns = _UNSEEN.shown
        self._plan = _UNSEEN
        # Whole rows of the result that were walked.
        self._row = 0
        # A row that is longer is not what it was announced to be.
        self._row_limit = message_limit
        # Of the COPY data that is coming: its layout, and what follows its tuples.
        self._layout = STREAM
        self._tuples: CopiedTuples | None = None
        # How the rows of it are read value by value; None where nobody needs to.
        self._unloading: Unloading | None = None
        # So many statements of the text that is answered have ended.
        self._ordinal = 0

    def _wanted(self, data: bytes, position: int, size: int) -> int:
        """How much must be there to go on: a header, or a whole row if rows are judged."""
        if size - position < 5:
            return 5
        if data[position] == frames.DATA_ROW and size - position < datarows.HEADER_SIZE:
            return datarows.HEADER_SIZE
        return frames.length_at(data, position) + 1

    def _stream(self, position: int, size: int) -> int:
        taken = min(self._streaming, size - position)
        self._streaming -= taken
        self._buffer.position = position + taken
        return position + taken

    def _head(self, *codes: int) -> Entry:
        """Return the entry that the current message answers.  Raises WireError if the head is not
        a reply to one of ``codes`` that is forwarded."""
        outstanding = self._session.outstanding
        if outstanding:
            entry = outstanding[0]
            if entry[0] == FORWARD and entry[1] in codes:
                return entry
        raise WireError("database", "a reply that answers no request")

    def _head_is(self, action: int, code: int) -> bool:
        """Return True if this is done with the reply that is owed next, to a message of this
        code."""
        outstanding = self._session.outstanding
        return bool(outstanding) and outstanding[0][0] == action and outstanding[0][1] == code

    def _rows(self, data: bytes, position: int, size: int) -> tuple[int, Work | None]:
        """From a DataRow on: walk the rows, or make a Work of those that are complete."""
        if size - position < datarows.HEADER_SIZE:
            return position, None
        _, code, exchange, portal = self._head(replies.QUERY, replies.EXECUTE)
        assert exchange is not None  # noqa: S101 - both codes always have one
        if self._columns < 0:
            first = uint16(data, position + 5)
            self._row_limit = self._message_limit
            if self._results is None:
                self._columns = self._column_count(code, portal, first)
            else:
                columns = self._result_columns(code, portal, first)
                self._columns = len(columns)
                self._follow(self._meant(columns, code, exchange, portal))
                prepared: Prepared = self._session.prepared
                if (
                    not self._plan.hooks
                    and code == replies.EXECUTE
                    and not prepared.is_certain(portal, columns)
                ):
                    # It was said of what had this name, not of these very rows.
                    self._row_limit = _SHORT
        if self._plan.hooks:
            return self._judge_rows(data, position, size, exchange)
        position = self._walk_rows(data, position, size)
        if size - position >= datarows.HEADER_SIZE and data[position] == frames.DATA_ROW:
            # A longer one than was announced.
            self._row_limit = self._message_limit
            self._follow(self._meant(unknown(self._columns), code, exchange, portal))
            return self._rows(data, position, size)
        return position, None

    def _follow(self, columns: Columns) -> None:
        """Treat the rows that are coming as these columns' plan says."""
        assert self._results is not None  # noqa: S101 - else nobody has a plan
        self._batch_columns = columns
        self._plan = self._results.plan(columns)

    def _meant(
        self, columns: Columns, code: int, exchange: Exchange | None, payload: Any
    ) -> Columns:
        """Give columns the meaning that a stage has told of the result that comes, if any has."""
        meaning = self._session.meaning
        if meaning is None:
            return columns
        meanings = _meanings(code, exchange, payload)
        # A result that the text does not account for has none but the session's.
        if meanings is not None and self._ordinal < len(meanings):
            meaning = meanings[self._ordinal]
        return columns.with_meaning(meaning)

    def _column_count(self, code: int, portal: Any, first: int) -> int:
        described = self._described
        if described is None and code == replies.EXECUTE:
            described = portal.columns
        elif described is None:
            raise WireError("database", "DataRow before RowDescription")
        return first if described is None else len(described)

    def _result_columns(self, code: int, portal: Any, first: int) -> Columns:
        """The columns of the rows to come; ``first`` is the column count of the first one."""
        columns = self._described
        if columns is not None:
            return columns
        if code == replies.QUERY:
            raise WireError("database", "DataRow before RowDescription")
        prepared: Prepared = self._session.prepared
        return prepared.columns(portal, first)

    def _end_of_rows(self, data: bytes, position: int, size: int) -> tuple[int, int, int]:
        """Where the last row that has begun begins, and where it ends: perhaps past the chunk; and
        how many there are."""
        begin, end, count = datarows.walk(data, position, size, self._columns, self._row_limit)
        if size - end >= datarows.HEADER_SIZE and data[end] == frames.DATA_ROW:
            length = length_at(data, end)
            if length > self._row_limit < self._message_limit:
                return begin, end, count
            frames.check_length("database", frames.DATA_ROW, length, self._message_limit)
            raise WireError("database", "DataRow has another number of columns than announced")
        return begin, end, count

    def _walk_rows(self, data: bytes, position: int, size: int) -> int:
        _, position, count = self._end_of_rows(data, position, size)
        self._row += count
        if position > size:
            self._streaming = position - size
            position = size
        self._buffer.position = position
        return position

    def _judge_rows(
        self, data: bytes, position: int, size: int, exchange: Exchange
    ) -> tuple[int, Work | None]:
        begin, end, count = self._end_of_rows(data, position, size)
        if end > size:
            end = begin
            count -= 1
        before = self._row
        self._row += count
        return self._judged(DataRows, data, (position, end), exchange, before)

    def _no_rows(self) -> None:
        """Forget the rows' description: it does not hold for the next rows."""
        self._columns = -1
        self._row = 0
        self._plan = _UNSEEN
        self._unloading = None

    def _copied(self, data: bytes, position: int, size: int) -> tuple[int, Work | None]:
        """From a CopyData with its header on: stream it, or make a Work of those complete."""
        exchange = self._head(replies.QUERY, replies.EXECUTE)[2]
        assert exchange is not None  # noqa: S101 - both codes always have one
        if self._columns < 0:
            self._columns = 1
            self._follow_layout(self._layout)
        if self._plan.hooks:
            if self._unloading is not None:
                return self._judge_unloaded(self._unloading, data, position, size, exchange)
            return self._judge_copied(data, position, size, exchange)
        self._streaming = frames.length_at(data, position) + 1
        return self._stream(position, size), None

    def _copy_begins(self, body: bytes, statement: Statement | None) -> None:
        """CopyOutResponse: a format and the number of columns; empty where data is no table's.

        A base backup has no columns.
        """
        columns = uint16(body, 1) if len(body) >= 3 else 0
        self._layout = STREAM if not columns else TUPLES if body[0] else LINES
        self._tuples = CopiedTuples(columns) if self._layout == TUPLES else None
        if self._results is not None and self._layout == LINES:
            if statement is None or null_may_be_digits(statement.text):
                self._layout = STREAM

    def _judge_unloaded(
        self, unloading: Unloading, data: bytes, position: int, size: int, exchange: Exchange
    ) -> tuple[int, Work | None]:
        """Make a Work of the rows in the CopyData messages that are whole."""
        start = position
        parts: list[bytes] = []
        while size - position >= 5 and data[position] == frames.COPY_DATA:
            length = frames.length_at(data, position)
            frames.check_length("database", frames.COPY_DATA, length, self._message_limit)
            end = position + 1 + length
            if end > size:
                break
            parts.append(data[position + 5 : end])
            position = end
        if position == start:
            return position, None
        batch = unloading.feed(b"".join(parts), self._batch_columns)
        self._buffer.position = position
        if len(batch) and self._plan.concerns(batch.data, batch.start, batch.end):
            return self._ask(Work(ROWS, batch, exchange, self._plan.hooks), (start, position))
        self._leave_out(start, position)
        self._out.append(batch.encode())
        return position, None

    def _judge_copied(
        self, data: bytes, position: int, size: int, exchange: Exchange
    ) -> tuple[int, Work | None]:
        start = position
        if self._layout == TUPLES and self._tuples is None:
            # The message that comes was not whole tuples.
            self._follow_layout(STREAM)
        tuples = self._tuples
        while size - position >= 5 and data[position] == frames.COPY_DATA:
            length = frames.length_at(data, position)
            if not 4 <= length <= self._message_limit:
                frames.check_length("database", frames.COPY_DATA, length, self._message_limit)
            end = position + 1 + length
            if end > size:
                break
            if tuples is not None and not tuples.whole(data, position + 5, end):
                self._tuples = tuples = None
                if position > start:
                    break
                self._follow_layout(STREAM)
            position = end
        return self._judged(CopyRows, data, (start, position), exchange)

    def _judged(
        self,
        kind: type[DataRows],
        data: bytes,
        run: tuple[int, int],
        exchange: Exchange,
        before: int = -1,
    ) -> tuple[int, Work | None]:
        """A Work of the messages in a run of the chunk, if one that is whole may concern a
        stage."""
        start, end = run
        plan = self._plan
        if start == end or not plan.concerns(data, start, end):
            self._buffer.position = end
            return end, None
        batch = kind(data, self._batch_columns, start, end)
        batch.before = before
        return self._ask(Work(ROWS, batch, exchange, plan.hooks), run)

    def _follow_layout(self, layout: str) -> None:
        self._layout = layout
        if self._results is not None:
            columns = _MESSAGES[layout]
            meaning = self._session.meaning
            self._follow(columns if meaning is None else columns.with_meaning(meaning))

    def _ask(self, work: Work, run: tuple[int, int]) -> tuple[int, Work]:
        """Wait for the verdict on a run; go on behind it."""
        self._buffer.position = run[1]
        self._run = run
        self._unsettled = True
        return run[1], work


def _meanings(code: int, exchange: Exchange | None, payload: Any) -> Sequence[Any] | None:
    """The meanings of the results of what the reply to a message of this code is about: a
    statement, or a portal, which has its own."""
    if code == replies.QUERY:
        statement = None if exchange is None else exchange.statement
        return None if statement is None else statement.meanings
    found: Statement | Portal | None = payload
    return None if found is None else found.meanings


#: The columns of COPY data, by its layout: each message is a cell.
_MESSAGES: Final = {
    layout: Columns([b""], [0], [0], [0], layout, values=VALUES)
    for layout in (LINES, TUPLES, STREAM)
}
