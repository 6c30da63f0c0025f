"""The file of LOAD DATA: rows out of its pieces, in the format that a statement tells, and written
anew in one format of ours.

In that format each row has a byte `TAB` between its values and `NEWLINE` behind them, a backslash
before either of them in a value, and before another one; ``\\N`` is NULL.

Source: READ_INFO in MySQL's and MariaDB's sql_load.cc.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from acra_twisted.errors import AcraError
from acra_twisted.wire.framing import Fed

NULL: Final = b"\\N"
TAB: Final = b"\t"
NEWLINE: Final = b"\n"
_ESCAPES: Final = {
    **{ord("n"): b"\n", ord("t"): b"\t", ord("r"): b"\r", ord("b"): b"\b"},
    **{ord("0"): b"\0", ord("Z"): b"\x1a"},
}
_OURS: Final = re.compile(rb"\\(.)", re.S)
_WORD: Final = b"NULL"
#: The error of a row that has another number of fields than the statement has columns.
WRONG_COUNT: Final = "a row has missing values, or more than it has columns"

# Places in a file.
_SKIPPING: Final = 0
_BEGINNING: Final = 1
_FIELD: Final = 2
_BEHIND: Final = 3
_OVER: Final = 4


class InfileError(AcraError):
    """A file, or a format, that cannot be read for certain.  The text has no part of the file."""


class InfileFormat(NamedTuple):
    """The format of a file: what ends ``fields`` and ``lines``, the signs around a field and before
    an escaped one, b"" for none, what a line begins with, and how many ``skipped`` lines come
    first."""

    fields: bytes = b"\t"
    enclosed: bytes = b""
    escape: bytes = b"\\"
    start: bytes = b""
    lines: bytes = b"\n"
    skipped: int = 0


def check(form: InfileFormat) -> None:
    """Raises InfileError for a format that servers read in another way, or differently."""
    signs = (form.enclosed, form.escape)
    if not form.fields or not form.lines:
        raise InfileError("nothing ends its fields or its lines")
    if form.fields == form.lines:
        raise InfileError("its fields and its lines end alike")
    if any(len(one) > 1 or one.isalnum() for one in signs):
        raise InfileError("a sign around or before its fields is a letter, or more than one")
    if not all(one.isascii() for one in form[:5]):
        raise InfileError("its format has signs beyond ASCII")
    if any(sign and sign in end for sign in signs for end in (form.fields, form.lines)):
        raise InfileError("what ends its fields or lines has a sign around or before fields in it")


class InfileRows:
    """Reads the rows of one file, each of ``count`` fields and ``limit`` bytes at most, in the
    codec ``encoding``.

    A field that is not ended yet is looked at again when twice as much of it is there, so that a
    long one in many pieces takes no more time than its length.
    """

    def __init__(
        self, form: InfileFormat, count: int, limit: int, encoding: str = "latin-1"
    ) -> None:
        check(form)
        self._form = form
        self._encoding = encoding
        self._count = count
        self._limit = limit
        self._reading = _Patterns(form)
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
            if (words and _WORD in line) or [one for one in self._foreign if one in line]:
                values = line.split(fields)
                line = TAB.join([NULL if words and v == _WORD else encode(v) for v in values])
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
        if at == len(data):
            if is_end:
                if self._fields:
                    raise InfileError(WRONG_COUNT)
                self._place = _OVER
            return at
        reading = self._reading
        enclosed = data[at : at + 1] == reading.sign
        pattern = reading.enclosed if enclosed else reading.plain
        match = pattern.match(data, at)
        if match is not None and not is_end:
            # With more bytes it might be another end.
            if match.end(1) + int(enclosed) + reading.longest > len(data):
                match = None
        if match is None:
            if is_end:
                return self._last(data, at, enclosed, rows)
            self._wait(len(data) - at)
            return at
        self._lengthen(match.end() - at)
        self._fields.append(reading.written(match[1], enclosed))
        if match[2] is not None:
            self._ended(rows)
        elif len(self._fields) == self._count:
            self._place = _BEHIND
        return match.end()

    def _last(self, data: bytes, at: int, enclosed: bool, rows: list[bytes]) -> int:
        """Take the field that the file's end ends."""
        reading = self._reading
        match = (reading.last_enclosed if enclosed else reading.last_plain).fullmatch(data, at)
        if match is None or (enclosed and reading.sign == self._form.escape):
            raise InfileError("the last field is not ended")
        self._lengthen(len(data) - at)
        self._fields.append(reading.written(match[1], enclosed, b"" if enclosed else match[2]))
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


class _Patterns:
    """A format as regular expressions: the first group of each is a field's content, the second is
    there if a line's end is behind it, or has the sign that is left at a file's end."""

    def __init__(self, form: InfileFormat) -> None:
        self.sign = form.enclosed or None
        self.longest = max(len(form.fields), len(form.lines))
        lines, fields = re.escape(form.lines), re.escape(form.fields)
        line, field = re.escape(form.lines[:1]), re.escape(form.fields[:1])
        sign, escape = re.escape(form.enclosed), re.escape(form.escape)
        # Two of a sign are one then, and it escapes nothing else.
        doubles = bool(sign) and sign == escape
        if doubles:
            escape = b""
        ends = b"(?:(%b)|%b)" % (lines, fields)
        other = b"(?!%b|%b)" % (lines, fields)
        escaped = escape + b"." if escape else b"(?!)"
        twice = b"%b%b?" % (sign, sign) if doubles else b"(?!)"
        plain = b"((?:[^%b%b%b%b]++|%b|%b|%b[%b%b]|(?!))*+)" % (
            *(line, field, escape, sign if doubles else b"", escaped, twice),
            *(other, line, field),
        )
        self.plain = _compiled(plain + ends)
        self.last_plain = _compiled(plain + (b"(%b?)" % escape if escape else b"()"))
        content = b"[^%b%b]++|%b|%b%b" % (sign, escape, escaped, sign, sign)
        inside = b"%b((?:%b|%b(?!%%b)|(?!))*+)%b" % (sign, content, sign, sign)
        self.enclosed, self.last_enclosed = self.plain, self.last_plain
        if sign:
            behind = b"%b|%b" % (lines, fields)
            self.enclosed = _compiled(inside % behind + ends)
            self.last_enclosed = _compiled(inside % (behind + rb"|\Z") + b"()")
        passed = b"%b." % re.escape(form.escape) if form.escape else b"(?!)"
        self.line = _compiled(
            b"(?:[^%b%b]++|%b|(?!%b)%b|(?!))*+%b"
            % (line, re.escape(form.escape), passed, lines, line, lines)
        )
        self._null = escape and form.escape + b"N"
        self.words = bool(sign)
        self._doubles = doubles
        self._escaped = _compiled(b"%b(.)" % escape) if escape else None
        signs = b"(?P<sign>%b)%b" % (sign, sign)
        self._inside = _compiled(b"%b(.)|%b" % (escape, signs) if escape else signs)

    def written(self, content: bytes, enclosed: bool, behind: bytes = b"") -> bytes:
        """A field's content, and what stands ``behind`` it, as it is written anew."""
        if content and content == self._null and not behind:
            return NULL
        pattern = self._inside if enclosed or self._doubles else self._escaped
        text = (content if pattern is None else pattern.sub(_unescape, content)) + behind
        if not enclosed and self.words and text == _WORD:
            return NULL
        return encode(text)


def _compiled(pattern: bytes) -> re.Pattern[bytes]:
    return re.compile(pattern, re.S)


def _unescape(match: re.Match[bytes]) -> bytes:
    if match.lastgroup == "sign":
        return match["sign"]
    sign: bytes = match[1]
    return _ESCAPES.get(sign[0], sign)


def split(row: bytes) -> list[bytes]:
    """The values of a row in our format, as they are written."""
    return row[:-1].split(TAB)


def decode(written: bytes) -> bytes | None:
    """A value in our format, None for NULL."""
    if written == NULL:
        return None
    return _OURS.sub(_unescape, written) if b"\\" in written else written


def encode(value: bytes) -> bytes:
    """A value as our format writes it."""
    return value.replace(b"\\", b"\\\\").replace(TAB, b"\\t").replace(NEWLINE, b"\\n")


def join(values: Sequence[bytes]) -> bytes:
    """The row of values as our format writes them."""
    return TAB.join(values) + NEWLINE
