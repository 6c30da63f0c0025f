"""Tokens that PostgreSQL's parser repeats in its tree.

``SET (a, b) = (SELECT ...)`` has all that stands behind the equals sign once for each column: of a
few lines that stand in each other it makes more than memory holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from acra_twisted.sql import lexer
from acra_twisted.sql.lexer import Token

_MAY: Final = re.compile(rb"\bset\b", re.I)
#: Tokens before the list of the columns that are assigned together.
_BEFORE: Final = (b"set", b",")
#: Signs and words behind an assignment, where they stand outside of its brackets; and what such a
#: word is a part of an expression behind.
_BEHIND: Final = (b",", b";", b"where", b"returning", b"from")
_GOING_ON: Final = (b".", b"distinct")
_SHOWN: Final = (lexer.WORD, lexer.OPERATOR)


def repeated(text: bytes, tokens: Iterable[Token], most: int) -> tuple[int, int]:
    """Return how many tokens more the tree of a text has than the text, and the bytes of these but
    for literals.  It counts too many rather than too few, and no more once there are ``most``."""
    if _MAY.search(text) is None:
        return 0, 0
    # Of each bracket that is open: the commas in it so far, or -1 if it is no list of columns.
    brackets: list[int] = []
    # Of each assignment that goes on: the brackets around it, and what counted before it.
    assigned: list[tuple[int, int]] = []
    times, columns = 1, 0
    count = size = 0
    before = b""
    for kind, start, end in tokens:
        if kind == lexer.COMMENT:
            continue
        shown = text[start:end].lower() if kind in _SHOWN else b""
        depth, closed = len(brackets), columns
        columns = 0
        if shown in (b"(", b"["):
            brackets.append(0 if before in _BEFORE and shown == b"(" else -1)
        elif shown in (b")", b"]"):
            while assigned and assigned[-1][0] >= depth:
                times = assigned.pop()[1]
            if brackets:
                columns = brackets.pop() + 1
        elif shown in _BEHIND and before not in _GOING_ON:
            if assigned and assigned[-1][0] == depth:
                times = assigned.pop()[1]
            if shown == b"," and brackets and brackets[-1] >= 0:
                brackets[-1] += 1
        elif closed and shown[:1] == b"=":
            assigned.append((depth, times))
            times *= closed
        if times > 1:
            count += times - 1
            size += 0 if kind in lexer.LITERALS else (times - 1) * (end - start)
            if count >= most:
                break
        before = shown
    return count, size
