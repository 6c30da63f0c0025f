"""Fuzzing of what reads the files of LOAD DATA: ``make fuzz TARGET=mysqlfiles``.

The first byte of an input chooses the file's format, or says that the format is in the input, too;
the second how many columns there are, how long a row may be and the file's character set, the third
how the file is cut.  The rest is the file, behind its format if that is there.  Wrong is: any
exception that is not of `errors`, rows or an error that differ when the file comes in pieces, or
when less of a field is read at a time, rows that are other ones when they are read as they are
written.

    python -m tests.fuzz.mysqlfiles FOLDER -max_total_time=60     (FOLDER: inputs that are kept)
"""

from __future__ import annotations

from tests.fuzz.numbered import Inputs, kept
from tests.fuzz.starting import instrumented, start

with instrumented("acra_twisted.wire.mysql"):
    from acra_twisted.errors import AcraError
    from acra_twisted.wire.mysql.filepatterns import InfileFormat
    from acra_twisted.wire.mysql.filerows import split
    from acra_twisted.wire.mysql.infile import STEP, InfileRows

_PLAIN = InfileFormat()
_FORMATS = (
    _PLAIN,
    InfileFormat(b",", b'"', b"\\"),
    InfileFormat(b",", b'"', b'"'),
    InfileFormat(b",", b"", b""),
    InfileFormat(b"||", b"'", b"!", b">>", b"||\r\n", 1),
    InfileFormat(b",", b"'", b"\\", b"", b"\r\n", 2),
)
#: Ends each part of a format that is in the input.
_NEXT = b"\xfe"
_LARGE, _SMALL = 1 << 20, 24
_FEW = 8
_FILES = (
    b"1\tone\n2\t\\N\n",
    b'"1","a\\nb"\n"2",NULL\n',
    b'1,"a ""b"" c"\r\n2,d',
    b">>'1'||!N||\r\nx>>2||'three'||\r\n",
    b"\\\t\\\\\t\\0\n" * 3,
    b"\xc3\xa9\t\xff\n",
)


def _format_of(choice: int, data: bytes) -> tuple[InfileFormat, bytes]:
    """The format that a byte chooses, and the file."""
    if choice < len(_FORMATS):
        return _FORMATS[choice], data
    fields, enclosed, escape, begin, lines, rest = (data.split(_NEXT, 5) + [b""] * 5)[:6]
    return InfileFormat(fields, enclosed, escape, begin, lines, choice % 3), rest


def _read(form: InfileFormat, count: int, limit: int, codec: str, data: bytes, cut: int, step: int):
    """Return the rows, as they are written, and the error that there was, if any."""
    found: list[bytes] = []
    try:
        rows = InfileRows(form, count, limit, codec, step)
        for at in range(0, len(data), cut):
            found += rows.feed(data[at : at + cut]).rows
        found += rows.finish().rows
    except AcraError as error:
        return [], str(error)
    return found, ""


def check(data: bytes) -> None:
    """One input.  Raises AssertionError, or what a defect raises."""
    if len(data) < 3:
        return
    choice, second, cut = data[0] & 0x0F, data[1], 1 + data[2]
    form, file = _format_of(choice, data[3:])
    count = 1 + second % 3
    codec = "utf-8" if second & 0x80 else "latin-1"
    whole = _read(form, count, _LARGE, codec, file, len(file) or 1, STEP)
    for size, step in ((cut, STEP), (cut, _FEW), (1, _FEW)):
        pieces = _read(form, count, _LARGE, codec, file, size, step)
        assert whole == pieces, (form, size, step, whole, pieces)
    rows, _ = whole
    written = b"".join(rows)
    again, error = _read(_PLAIN, count, _LARGE, "latin-1", written, cut, STEP)
    assert not error and list(map(split, again)) == list(map(split, rows)), (form, rows, again)
    # However short a row must be, what is wrong has its own kind of error.
    _read(form, count, _SMALL, codec, file, cut, _FEW)


def inputs() -> Inputs:
    """A few files, each in each format."""
    found = [
        bytes((choice, second, 2)) + file
        for choice in range(len(_FORMATS))
        for second in (0, 1, 0x81)
        for file in _FILES
    ]
    own = _NEXT.join((b";", b"'", b"\\", b"", b"\n"))
    found += [bytes((0x0F, 1, 2)) + own + _NEXT + b"1;'2'\n3;4\n"]
    return Inputs(found, 300, found=kept("mysqlfiles"))


if __name__ == "__main__":
    start(check, inputs())
