"""Statements of a text, each with the line on which it begins."""

from __future__ import annotations

from collections.abc import Iterator

from acra_twisted.errors import LexError
from acra_twisted.sql import lexer

_SEMICOLON = b";"


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
