"""The file of LOAD DATA: rows out of its pieces, in the format that a statement tells, and written
anew in `filerows`.

Source: READ_INFO in MySQL's and MariaDB's sql_load.cc.
"""

from __future__ import annotations

from typing import Final

from acra_twisted.wire.framing import Fed
from acra_twisted.wire.mysql.filepatterns import (
    WORD,
    InfileError,
    InfileFormat,
    Patterns,
    check,
)
from acra_twisted.wire.mysql.filerows import NEWLINE, NULL, TAB, encode

#: Bytes of a field that are read at a time: everybody waits while they are.
STEP: Final = 16 * 1024
#: The error of a row that has another number of fields than the statement has columns.
WRONG_COUNT: Final = "a row has missing values, or more than it has columns"

# Places in a file.
_SKIPPING: Final = 0
_BEGINNING: Final = 1
_FIELD: Final = 2
_BEHIND: Final = 3
_OVER: Final = 4


class InfileRows:
    """Reads the rows of one file, each of ``count`` fields and ``limit`` bytes at most, in the
    codec ``encoding``.  At most ``step`` bytes of a field that is not ended, and a piece, are kept
    as they came.

    A field that is not ended yet is looked at again when twice as much of it is there; of a long
    one all but its last bytes is written anew at once.  So it takes no more time than its length,
    and nobody waits for it longer than for the pieces that it comes in.  ``unread`` is the number
    of bytes that have come and are not written anew.
    """

    def __init__(
        self,
        form: InfileFormat,
        count: int,
        limit: int,
        encoding: str = "latin-1",
        step: int = STEP,
    ) -> None:
        check(form)
        self._form = form
        self._encoding = encoding
        self._count = count
        self._limit = limit
        self._step = step
        self._reading = Patterns(form)
        # One byte ends fields, and none of it is in what ends lines: such lines can be split.
        self._splits = len(form.fields) == 1 and form.fields not in form.lines and not form.start
        self._signs = tuple(one for one in (form.enclosed, form.escape) if one)
        ours = (TAB, NEWLINE, b"\\")
        self._foreign = tuple(one for one in ours if one not in (form.fields, form.lines))
        self._data = b""
        self._pieces: list[bytes] = []
        self._size = 0
        # So many bytes must be there before they are looked at.
        self._wanted = 1
        self._left = form.skipped
        self._place = _SKIPPING if form.skipped else _BEGINNING
        # The row at hand: its fields as they are written anew, and how long they were.
        self._fields: list[bytes] = []
        self._row_size = 0
        # The parts of a long field that are written anew, and whether there are signs around it.
        self._parts: list[bytes] = []
        self._is_enclosed = False

    @property
    def unread(self) -> int:
        """Return the number of bytes that are kept as they came."""
        return self._size

    def feed(self, data: bytes) -> Fed:
        """Take a piece of the file; return the rows that are whole, written anew.  Raises
        InfileError."""
        self._pieces.append(data)
        self._size += len(data)
        if self._size < self._wanted:
            return Fed(b"", [], b"")
        return self._read(False)

    def finish(self) -> Fed:
        """Take the file's end, where the last line need not be ended.  Raises InfileError."""
        return self._read(True)

    def _read(self, is_end: bool) -> Fed:
        data = self._data = b"".join((self._data, *self._pieces))
        self._pieces = []
        rows: list[bytes] = []
        at, self._wanted = 0, 1
        while True:
            before = at, self._place, len(rows)
            if self._place == _SKIPPING:
                at = self._skip(data, at, is_end)
            elif self._place == _BEGINNING:
                if self._splits:
                    at = self._lines(data, at, rows)
                at = self._begin(data, at, is_end)
            elif self._place == _FIELD:
                at = self._field(data, at, is_end, rows)
            elif self._place == _BEHIND:
                at = self._behind(data, at, is_end, rows)
            else:
                at = len(data)
            if before == (at, self._place, len(rows)):
                break
        self._data = data[at:]
        self._size = len(self._data)
        self._check(self._row_size + self._size)
        return Fed(b"", rows, b"")

    def _skip(self, data: bytes, at: int, is_end: bool) -> int:
        """Go behind a line that is left out: an end in quotes ends it, too."""
        match = self._reading.line.match(data, at)
        if match is None:
            self._wait(len(data) - at)
            if is_end:
                self._place = _OVER
            return at
        try:
            data[at : match.end()].decode(self._encoding)
        except UnicodeDecodeError:
            # A server might not see the line's end.
            raise InfileError(
                "a line that is left out is not in the file's character set"
            ) from None
        self._left -= 1
        if not self._left:
            self._place = _BEGINNING
        return match.end()

    def _lines(self, data: bytes, at: int, rows: list[bytes]) -> int:
        """Take whole rows without signs around or before fields, up to one that has some, or is
        none; what is done with each is what `_field` does, in fewer steps."""
        form, count = self._form, self._count
        fields, lines = form.fields, form.lines
        words = self._reading.words
        while True:
            end = data.find(lines, at)
            if end < 0:
                return at
            line = data[at:end]
            if line.count(fields) != count - 1 or len(line) > self._limit:
                return at
            if [one for one in self._signs if one in line]:
                return at
            if (words and WORD in line) or [one for one in self._foreign if one in line]:
                values = line.split(fields)
                line = TAB.join([NULL if words and v == WORD else encode(v) for v in values])
            elif fields != TAB:
                line = line.replace(fields, TAB)
            rows.append(line + NEWLINE)
            at = end + len(lines)

    def _begin(self, data: bytes, at: int, is_end: bool) -> int:
        start = self._form.start
        found = data.find(start, at)
        if found >= 0 and (start or at < len(data)):
            self._place = _FIELD
            return found + len(start)
        if is_end:
            self._place = _OVER
            return len(data)
        # A part of it may be at the end.
        return max(at, len(data) - max(len(start) - 1, 0))

    def _field(self, data: bytes, at: int, is_end: bool, rows: list[bytes]) -> int:
        if at == len(data) and not (is_end and self._parts):
            if is_end:
                if self._fields:
                    raise InfileError(WRONG_COUNT)
                self._place = _OVER
            return at
        reading = self._reading
        enclosed = self._is_enclosed if self._parts else data[at : at + 1] == reading.sign
        pattern = reading.plain
        if enclosed:
            pattern = reading.rest if self._parts else reading.enclosed
        match = pattern.match(data, at)
        if match is not None and not is_end:
            # With more bytes it might be another end.
            if match.end(1) + int(enclosed) + reading.longest > len(data):
                match = None
        if match is None:
            if is_end:
                return self._last(data, at, enclosed, rows)
            if len(data) - at >= self._step:
                at = self._part(data, at, enclosed)
            self._wait(len(data) - at)
            return at
        self._lengthen(match.end() - at)
        self._fields.append(self._written(match[1], enclosed))
        if match[2] is not None:
            self._ended(rows)
        elif len(self._fields) == self._count:
            self._place = _BEHIND
        return match.end()

    def _part(self, data: bytes, at: int, enclosed: bool) -> int:
        """Take what is certain of a field that is not ended."""
        reading = self._reading
        begin = at + (enclosed and not self._parts)
        match = (reading.inner if enclosed else reading.outer).match(data, begin)
        if match is None or match.end() == begin:
            return at
        self._lengthen(match.end() - at)
        self._is_enclosed = enclosed
        self._parts.append(reading.text(match[0], enclosed))
        return match.end()

    def _written(self, content: bytes, enclosed: bool, behind: bytes = b"") -> bytes:
        """The field whose last part is here, as it is written anew."""
        parts = self._parts
        if not parts:
            return self._reading.written(content, enclosed, behind)
        parts += (self._reading.text(content, enclosed), encode(behind))
        self._parts = []
        return b"".join(parts)

    def _last(self, data: bytes, at: int, enclosed: bool, rows: list[bytes]) -> int:
        """Take the field that the file's end ends."""
        reading = self._reading
        pattern = reading.last_plain
        if enclosed:
            pattern = reading.last_rest if self._parts else reading.last_enclosed
        match = pattern.fullmatch(data, at)
        if match is None or (enclosed and reading.sign == self._form.escape):
            raise InfileError("the last field is not ended")
        self._lengthen(len(data) - at)
        self._fields.append(self._written(match[1], enclosed, b"" if enclosed else match[2]))
        self._ended(rows)
        self._place = _OVER
        return len(data)

    def _behind(self, data: bytes, at: int, is_end: bool, rows: list[bytes]) -> int:
        """Only a line's end may come behind the last field with an end of its own."""
        lines = self._form.lines
        rest = data[at : at + len(lines)]
        if rest == lines or (is_end and not rest):
            self._ended(rows)
            return at + len(rest)
        if is_end or not lines.startswith(rest):
            raise InfileError(WRONG_COUNT)
        return at

    def _ended(self, rows: list[bytes]) -> None:
        if len(self._fields) != self._count:
            raise InfileError(WRONG_COUNT)
        rows.append(TAB.join(self._fields) + NEWLINE)
        self._fields = []
        self._row_size = 0
        self._place = _BEGINNING

    def _wait(self, size: int) -> None:
        self._wanted = min(2 * size, self._limit) + 1

    def _lengthen(self, size: int) -> None:
        self._row_size += size
        self._check(self._row_size)

    def _check(self, size: int) -> None:
        if size > self._limit:
            raise InfileError("a row is too long")
