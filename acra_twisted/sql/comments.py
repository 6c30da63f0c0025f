"""Trace context in SQL comments, as sqlcommenter writes it.

``SELECT 1 /*traceparent='00-...-...-01',tracestate='...'*/``: comma-separated keys with
URL-encoded values in single quotes, inside a comment outside any literal.  Where it is found and
well-formed its comment is cut out, so that it never defeats the database's statement caches; a
malformed one stays where it is.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote

from acra_twisted.errors import LexError
from acra_twisted.sql import lexer
from acra_twisted.wire.tracecontext import TraceContext, parse_traceparent

_KEY = b"traceparent"
_PAIR = re.compile(rb"([A-Za-z0-9_%.-]++)='((?:[^'\\]++|\\.)*+)'")
_LIMIT = 4096


class Found(NamedTuple):
    """``context`` is None and ``malformed`` True if a traceparent was there and unusable."""

    text: bytes
    context: TraceContext | None
    malformed: bool


def take_context(text: bytes, standard_conforming_strings: bool = True) -> Found:
    """Look for a trace context in the comments of a statement and cut its comment out.

    With two of them the last one holds (the one added nearest to us on the way here).
    """
    # One search in C is all that statements without context pay.
    if _KEY not in text:
        return Found(text, None, False)
    try:
        found = lexer.tokens(text, standard_conforming_strings)
    except LexError:
        return Found(text, None, True)
    context: TraceContext | None = None
    malformed = False
    for kind, start, end in reversed(found):
        if kind != lexer.COMMENT or not text.startswith(b"/*", start) or end - start > _LIMIT:
            continue
        comment = text[start + 2 : end - 2]
        if _KEY not in comment:
            continue
        pairs = dict(_PAIR.findall(comment))
        value = unquote(pairs.get(_KEY, b"").decode("latin-1"))
        read = parse_traceparent(value)
        if read is None:
            malformed = True
            continue
        context = context or read
        text = _cut(text, start, end)
    return Found(text, context, malformed)


def _cut(text: bytes, start: int, end: int) -> bytes:
    """Without the comment, and without the blank that was put before it."""
    before, after = text[:start], text[end:]
    if before[-1:].isspace() and (not after or after[:1] in b" \t\r\n;)"):
        return before.rstrip(b" ") + after
    return before + (b" " if before and after and not after[:1].isspace() else b"") + after
