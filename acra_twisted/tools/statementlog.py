"""Statements of a text, each with the line on which it begins."""

from __future__ import annotations

from collections.abc import Iterator

from acra_twisted.errors import LexError
from acra_twisted.sql import lexer
from acra_twisted.stages.statementfile import captured_in
from acra_twisted.tools.learn import with_parameters

_SEMICOLON = b";"


def captured_of(text: bytes, db: str) -> list[tuple[int, bytes]]:
    """Return the statements of a file of captured ones, and their lines; [] if it is none.
    Parameters of ``db``, "postgresql" or "mysql", are in the place of what was cut out."""
    found = []
    for number, line in enumerate(text.split(b"\n"), 1):
        captured = captured_in(line.decode("utf-8", "replace")) if line[:1] == b"{" else None
        if captured is not None:
            found.append((number, with_parameters(captured, db).encode("utf-8", "replace")))
        elif not found and line.strip():
            break
    return found


def statements_of(text: bytes) -> Iterator[tuple[int, bytes]]:
    """Each statement and the number of its first line, from 1.

    Statements end with semicolons.  A text without any has one statement a line.  Comments between
    statements are left out.
    """
    ends, starts, first = [], [], -1
    end = 0
    try:
        for kind, start, end in lexer.scan(text):
            if text[start:end] == _SEMICOLON:
                if first >= 0:
                    starts.append(first)
                    ends.append(start)
                first = -1
            elif first < 0 and kind != lexer.COMMENT:
                first = start
    except LexError:
        # The rest cannot be divided.
        if first < 0:
            first = len(text) - len(text[end:].lstrip())
    if not ends:
        yield from _by_lines(text)
        return
    if first >= 0:
        starts.append(first)
        ends.append(len(text))
    line, position = 1, 0
    for start, stop in zip(starts, ends, strict=True):
        line += text.count(b"\n", position, start)
        position = start
        yield line, text[start:stop].rstrip()


def _by_lines(text: bytes) -> Iterator[tuple[int, bytes]]:
    for number, line in enumerate(text.split(b"\n"), 1):
        if line.strip() and not line.lstrip().startswith(b"--"):
            yield number, line.strip()
