"""Reads of a COPY statement what decides how its lines may be changed."""

from __future__ import annotations

import re
from typing import Final

from acra_twisted.errors import LexError
from acra_twisted.sql import lexer

#: A text that hexadecimal digits can spell, with the ``\\x`` in front of a bytea, however often its
#: backslash is written.
_DIGITS: Final = re.compile(rb"'\\*x?[0-9a-fA-F]+'")

_NULL: Final = (b"null", b'"null"')
_NAMES: Final = (lexer.WORD, lexer.QUOTED, lexer.UNICODE_QUOTED)


def null_may_be_digits(text: bytes) -> bool:
    """Tell whether digits may mean NULL in the lines of a COPY: ``(FORMAT csv, NULL '00')``.

    In CSV a value that reads like NULL is in quotes, and another value put in its place would have
    to be, too.  True for what cannot be read.
    """
    lower = text.lower()
    if b"null" not in lower and b'u&"' not in lower:
        return False
    try:
        tokens = [token for token in lexer.tokens(text) if token[0] != lexer.COMMENT]
    except LexError:
        return True
    before = b""
    for kind, start, end in tokens:
        word = lower[start:end]
        if kind in lexer.LITERALS and (before in _NULL or before[:2] == b"u&"):
            # The other forms of a literal or a name are not read here.
            if kind != lexer.STRING or _DIGITS.fullmatch(text, start, end):
                return True
        if word != b"as":
            before = word if kind in _NAMES else b""
    return False
