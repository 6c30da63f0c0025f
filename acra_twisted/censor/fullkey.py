"""The key of a text by its tokens: all texts that have it are parsed alike."""

from __future__ import annotations

import re
from typing import Final

from acra_twisted.sql import lexer
from acra_twisted.sql.languages import Mode
from acra_twisted.sql.lexer import Token

_SCANNED: Final = frozenset((lexer.ESCAPE, lexer.STRING))
#: A literal of PostgreSQL in which no escape can be wrong.
_CERTAIN: Final = re.compile(rb"(?:[^\\]++|\\[^0-7xuU]|(?!))*+", re.S).fullmatch


def full_key(text: bytes, tokens: list[Token], mode: Mode, shows_literals: bool) -> bytes:
    """Return the tokens with marks for literals.  No other key begins with NUL.

    ``shows_literals``: the parser is shown what stands in them.
    """
    parts = [b"\0%d%d%b" % (mode.backslash is not False, mode.ansi is True, mode.names.encode())]
    number_end = 0
    for kind, start, end in tokens:
        if kind in lexer.LITERALS:
            number_end = end if kind == lexer.NUMBER else 0
            parts.append(b"\x01" + kind.encode())
            if not shows_literals:
                continue
            literal = text[start:end]
            if kind == lexer.UNICODE or kind in _SCANNED and _CERTAIN(literal) is None:
                # Whether such a literal is one depends on what stands in it.
                parts.append(literal)
            elif b"--" in literal:
                # One that goes on behind a comment: PostgreSQL reads it, libpg_query does not.
                parts.append(literal)
        elif kind != lexer.COMMENT:
            # A number and a word in one are none of both to newer servers.
            parts.append(text[start:end] if start != number_end else b"\x03" + text[start:end])
    return b"\x02".join(parts)
