"""Texts that begin, divide or end transactions in PostgreSQL, by their first words."""

from __future__ import annotations

import re
from typing import Final

_BETWEEN: Final = re.compile(rb"(?:[\s;]++|--[^\r\n]*+|(?!))*+")
_COMMENT: Final = re.compile(rb"/\*|\*/")
_OPENS: Final = re.compile(rb"(?:begin|start)\b", re.I)
_CONTROLS: Final = re.compile(
    rb"(?:begin|start|savepoint|release|rollback|abort|commit|end|prepare\s+transaction)\b", re.I
)


def controls_transaction(text: bytes) -> bool:
    """Tell whether the first statement begins or ends a transaction block, or a part of one."""
    return _CONTROLS.match(text, _statement(text, 0)) is not None


def goes_on_in_block(text: bytes) -> bool:
    """Tell whether the first statement is BEGIN or START TRANSACTION, and another one stands
    behind."""
    begin = _statement(text, 0)
    if _OPENS.match(text, begin) is None:
        return False
    # Nothing in these two statements hides a semicolon but comments, and those hardly do.
    end = text.find(b";", begin)
    return end >= 0 and _statement(text, end) < len(text)


def _statement(text: bytes, at: int) -> int:
    """Return where the next statement begins, behind white space, semicolons and comments."""
    while True:
        found = _BETWEEN.match(text, at)
        at = at if found is None else found.end()
        if text[at : at + 2] != b"/*":
            return at
        depth = 0
        for mark in _COMMENT.finditer(text, at):
            depth += 1 if mark[0] == b"/*" else -1
            if not depth:
                at = mark.end()
                break
        else:
            return len(text)
