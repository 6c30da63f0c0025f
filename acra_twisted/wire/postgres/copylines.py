"""COPY data in text and CSV format: rows out of pieces, values out of rows, and back.

Rows may end anywhere in a message, and messages anywhere in a row.  A row is its bytes, the line's
end included; values that do not change stay as they were written.

Source: PostgreSQL's copyfromparse.c (CopyReadLineText, CopyReadAttributesText and -CSV).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from acra_twisted.fast.finding import find
from acra_twisted.wire.framing import Fed
from acra_twisted.wire.postgres.copyformat import CopyDataError, CopyFormat

#: The line behind which nothing is read.
END: Final = b"\\."
_ESCAPES: Final = {98: b"\b", 102: b"\f", 110: b"\n", 114: b"\r", 116: b"\t", 118: b"\v"}
_NAMES: Final = {8: b"\\b", 12: b"\\f", 10: b"\\n", 13: b"\\r", 9: b"\\t", 11: b"\\v", 92: b"\\\\"}
_ESCAPED: Final = re.compile(rb"\\(?:([0-7]{1,3})|x([0-9A-Fa-f]{1,2})|(.))", re.S)


def _unescape(match: re.Match[bytes]) -> bytes:
    octal, hexadecimal, other = match.groups()
    if octal is not None:
        return bytes((int(octal, 8) & 255,))
    if hexadecimal is not None:
        return bytes((int(hexadecimal, 16),))
    return _ESCAPES.get(other[0], other)


class Lines:
    """Puts rows together.  ``limit`` is the length of the longest, in bytes."""

    def __init__(self, form: CopyFormat, limit: int) -> None:
        self.form = form
        self._limit = limit
        # Pieces of a line whose end has not come, and lines of a row that goes on.
        self._pieces: list[bytes] = []
        self._pieces_size = 0
        self._lines: list[bytes] = []
        self._lines_size = 0
        self._header = form.header
        self._ended = False

    def feed(self, data: bytes) -> Fed:
        """Take a piece of the data.  Raises CopyDataError for a row that is too long.

        Nothing is read behind the mark of the end, and nothing is given.
        """
        if self._ended:
            return Fed(b"", [], b"")
        lines = data.split(b"\n")
        self._pieces.append(lines[0])
        self._pieces_size += len(lines[0])
        rows: list[bytes] = []
        if len(lines) > 1:
            lines[0] = b"".join(self._pieces)
            rest = lines.pop()
            self._pieces, self._pieces_size = [rest], len(rest)
            for line in lines:
                if not self._ended:
                    self._take(line, rows)
        if self._lines_size + self._pieces_size > self._limit:
            raise CopyDataError("a row is too long")
        return self._fed(rows)

    def _take(self, line: bytes, rows: list[bytes]) -> None:
        self._lines_size += len(line) + 1
        if self._lines_size > self._limit:
            raise CopyDataError("a row is too long")
        line += b"\n"
        if self._goes_on(line[:-1]):
            self._lines.append(line)
            return
        if self._lines:
            line = b"".join((*self._lines, line))
            self._lines = []
        self._lines_size = 0
        self._ended = self._is_end(line)
        rows.append(line)

    def _fed(self, rows: list[bytes]) -> Fed:
        before = behind = b""
        if rows and self._header:
            self._header = False
            before = rows.pop(0)
            # With other ends of lines it would have all the rows in it.
            self.split(before)
        if rows and self._ended:
            behind = rows.pop()
        return Fed(before, rows, behind)

    def finish(self) -> Fed:
        """Take the end of the data: the last row may have no line's end.  Raises CopyDataError if
        it is incomplete."""
        line = b"".join(self._pieces)
        if self._ended or not (line or self._lines):
            return Fed(b"", [], b"")
        if not line or self._goes_on(line):
            raise CopyDataError("the last row is incomplete")
        row = b"".join((*self._lines, line))
        self._ended = self._is_end(row)
        return self._fed([row])

    def _goes_on(self, line: bytes) -> bool:
        """Return True if the end of this line is data."""
        raise NotImplementedError  # pragma: no cover - abstract

    def _is_end(self, row: bytes) -> bool:
        """Return True if nothing is read behind this row."""
        raise NotImplementedError  # pragma: no cover - abstract

    def split(self, row: bytes) -> list[bytes]:
        """The values of a row as they are written.  Raises CopyDataError."""
        raise NotImplementedError  # pragma: no cover - abstract

    @property
    def null(self) -> bytes:
        """NULL as it is written."""
        return self.form.null

    def is_default(self, written: bytes) -> bool:
        """Tell whether a written value stands for the column's default."""
        return written == self.form.default

    def join(self, row: bytes, values: Sequence[bytes]) -> bytes:
        """The row with these written values, and its own end."""
        return self.form.delimiter.join(values) + row[len(self._body(row)) :]

    def _body(self, row: bytes) -> bytes:
        """A row without its end."""
        if row[-2:] == b"\r\n":
            return row[:-2]
        return row.removesuffix(b"\n")


def _escapes_next(piece: bytes) -> bool:
    """Return True if an odd number of backslashes is at the end."""
    return piece[-1:] == b"\\" and (len(piece) - len(piece.rstrip(b"\\"))) % 2 == 1


class TextLines(Lines):
    """Rows in text format: a backslash before a line's end or a delimiter makes it data."""

    def __init__(self, form: CopyFormat, limit: int) -> None:
        super().__init__(form, limit)
        self._after_backslash = b"\\" + form.delimiter
        delimiter = re.escape(form.delimiter)
        self._special = re.compile(rb"[\x08\x09\x0a\x0b\x0c\x0d\\" + delimiter + rb"]")

    def _goes_on(self, line: bytes) -> bool:
        return _escapes_next(line)

    def _is_end(self, row: bytes) -> bool:
        return row[:2] == END and self._body(row) == END

    def _body(self, row: bytes) -> bytes:
        body = super()._body(row)
        # An escaped carriage return is data.
        return row.removesuffix(b"\n") if _escapes_next(body) else body

    def split(self, row: bytes) -> list[bytes]:
        """The values of a row as they are written.  Raises CopyDataError."""
        body = self._body(row)
        if find(body, b"\r") >= 0 and find(_ESCAPED.sub(b"", body), b"\r") >= 0:
            raise CopyDataError("literal carriage return found in data")
        delimiter = self.form.delimiter
        pieces = body.split(delimiter)
        if find(body, self._after_backslash) < 0:
            return pieces
        values = []
        parts: list[bytes] = []
        for piece in pieces:
            parts.append(piece)
            if not _escapes_next(piece):
                values.append(delimiter.join(parts))
                parts = []
        if parts:
            values.append(delimiter.join(parts))
        return values

    def decode(self, written: bytes, column: int) -> bytes | None:
        """The text of a value, None for NULL."""
        if written == self.form.null:
            return None
        return _ESCAPED.sub(_unescape, written) if find(written, b"\\") >= 0 else written

    def encode(self, text: bytes, column: int) -> bytes:
        """A text as it is written.  Raises CopyDataError where it would be NULL."""
        written = self._special.sub(_escape, text)
        if written != self.form.null and written != self.form.default:
            return written
        if not written:
            raise CopyDataError("a value reads like NULL")
        # The same text, its first byte by number.
        return b"\\x%02x" % written[0] + written[1:]


def _escape(match: re.Match[bytes]) -> bytes:
    byte = match[0]
    return _NAMES.get(byte[0], b"\\" + byte)


class CsvLines(Lines):
    """Rows in CSV format: in quotes, delimiters and ends of lines are data."""

    def __init__(self, form: CopyFormat, limit: int) -> None:
        super().__init__(form, limit)
        delimiter, quote, escape = map(re.escape, (form.delimiter, form.quote, form.escape))
        if form.quote == form.escape:
            inside = rb"(?:[^" + quote + rb"]++|" + quote + quote + rb"|(?!))*+"
            plain = quote + quote
        else:
            inside = rb"(?:[^" + quote + escape + rb"]++|" + escape + rb".|(?!))*+"
            plain = escape + rb"([" + quote + escape + rb"])"
        self._inside = re.compile(inside, re.S)
        self._value = re.compile(
            rb"(?:[^" + quote + delimiter + rb"]++|" + quote + inside + quote + rb"|(?!))*+", re.S
        )
        self._pieces_of = re.compile(
            rb"([^" + quote + rb"]++)|" + quote + rb"(" + inside + rb")" + quote, re.S
        )
        self._in_quotes = re.compile(quote + inside + quote, re.S)
        self._escaped = re.compile(plain)
        self._quoted = False

    def _goes_on(self, line: bytes) -> bool:
        quote = self.form.quote
        if quote == self.form.escape:
            self._quoted ^= line.count(quote) % 2 == 1
            return self._quoted
        place = 0
        while place < len(line):
            if self._quoted:
                match = self._inside.match(line, place)
                place = match.end() if match is not None else place
                if line[place : place + 1] != quote:
                    # An escape at the end takes the line's end for itself.
                    return True
                self._quoted = False
            else:
                place = line.find(quote, place)
                if place < 0:
                    return False
                self._quoted = True
            place += 1
        return self._quoted

    def split(self, row: bytes) -> list[bytes]:
        """The values of a row as they are written.  Raises CopyDataError."""
        body = self._body(row)
        if body == END:
            raise CopyDataError("a line with an end mark alone may or may not be data")
        delimiter = self.form.delimiter
        if find(body, b"\r") >= 0 and find(self._in_quotes.sub(b"", body), b"\r") >= 0:
            raise CopyDataError("unquoted carriage return found in data")
        if find(body, self.form.quote) < 0:
            return body.split(delimiter)
        values = []
        place = 0
        while True:
            match = self._value.match(body, place)
            end = match.end() if match is not None else place
            values.append(body[place:end])
            if end == len(body):
                return values
            if body[end : end + 1] != delimiter:
                raise CopyDataError("unterminated CSV quoted field")
            place = end + 1

    def _is_end(self, row: bytes) -> bool:
        # Some servers take an end mark for data: see `split`.
        return False

    def decode(self, written: bytes, column: int) -> bytes | None:
        """The text of a value, None for NULL."""
        form = self.form
        if find(written, form.quote) < 0:
            return None if written == form.null and column not in form.not_null else written
        parts: list[bytes] = []
        for match in self._pieces_of.finditer(written):
            outside, inside = match.groups()
            parts.append(outside or self._escaped.sub(self._sign, inside))
        text = b"".join(parts)
        return None if text == form.null and column in form.null_in_quotes else text

    def _sign(self, match: re.Match[bytes]) -> bytes:
        return match[1] if self._escaped.groups else self.form.quote

    def encode(self, text: bytes, column: int) -> bytes:
        """A text as it is written.  Raises CopyDataError where it would be NULL."""
        form = self.form
        if text == form.null and column in form.null_in_quotes:
            raise CopyDataError("a value reads like NULL")
        quote, escape = form.quote, form.escape
        plain = text not in (b"", END, form.null, form.default) and not any(
            find(text, sign) >= 0 for sign in (form.delimiter, quote, b"\n", b"\r")
        )
        if plain and column not in form.quoted:
            return text
        if escape != quote:
            text = text.replace(escape, escape * 2)
        return quote + text.replace(quote, escape + quote) + quote
