"""Trace context in SQL comments, as sqlcommenter writes it.

``SELECT 1 /*traceparent='00-...-...-01',tracestate='...'*/``: comma-separated keys with
URL-encoded values in single quotes, inside a comment outside any literal.  Where it is found and
well-formed its comment is cut out, so that it never defeats the database's statement caches; a
malformed one stays where it is.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote, unquote

from acra_twisted.errors import LexError
from acra_twisted.sql import lexer
from acra_twisted.wire.tracecontext import TraceContext, parse_plain, parse_traceparent

#: What a text without any context has not.
CONTEXT_KEY: Final = b"traceparent"
_PAIR: Final = re.compile(rb"([A-Za-z0-9_%.-]++)='((?:[^'\\]++|\\.)*+)'")
_LIMIT: Final = 4096
#: In a text of more tokens a context is found at its very end alone: everybody waits meanwhile.
_TOKENS_LIMIT: Final = 8_000
_STATE_LIMIT: Final = 512
# A context at the very end of a text, as `add_context` and most of the field's libraries put it.
_TAIL: Final = re.compile(
    rb"/\*traceparent='([0-9a-f-]{55})'(?:,tracestate='([^'\\]{0,1536})')?\*/"
)
#: The same without a state: how it begins and ends, and how long it is.
_OPEN: Final = b"/*traceparent='"
_CLOSE: Final = b"'*/"
_SLASH: Final = 0x2F
_DASH: Final = 0x2D
_PLAIN: Final = len(_OPEN) + 55 + len(_CLOSE)


class Found:
    """``context`` is None and ``malformed`` True if a traceparent was there and unusable."""

    __slots__ = ("text", "context", "malformed")

    def __init__(self, text: bytes, context: TraceContext | None, malformed: bool) -> None:
        self.text = text
        self.context = context
        self.malformed = malformed


def take_context(text: bytes, standard_conforming_strings: bool | None = True) -> Found:
    """Look for a trace context in the comments of a statement and cut its comment out.

    None: how strings end is not known; the context of a text that can be read in two ways stays
    where it is.  With two of them the last one holds (the one added nearest to us on the way here).
    """
    # One search in C is all that statements without context pay.
    at = text.find(CONTEXT_KEY) - 2
    if at == -3:
        return Found(text, None, False)
    if at >= 0 and len(text) == at + _PLAIN and not _has_dashes(text[:at]):
        # As below, and without a state.
        if text[at : at + len(_OPEN)] == _OPEN and text[-3:] == _CLOSE:
            plain = parse_plain(text[at + len(_OPEN) : -3])
            if plain is not None:
                return Found(_before(text, at), plain, False)
    tail = _TAIL.fullmatch(text, at) if at >= 0 else None
    if tail is not None and not _has_dashes(text):
        # No need to know what stands before it: had that left a literal or a comment open, no
        # server would read the text, with this comment or without it.
        if tail[2] is None:
            found = parse_traceparent(tail[1].decode("ascii"))
        else:
            found = _context(tail[1], tail[2])
        if found is not None:
            return Found(_before(text, at), found, False)
    try:
        tokens = lexer.tokens(text, standard_conforming_strings, _TOKENS_LIMIT)
    except LexError:
        return Found(text, None, True)
    context: TraceContext | None = None
    malformed = False
    for kind, start, end in reversed(tokens):
        if kind != lexer.COMMENT or not text.startswith(b"/*", start) or end - start > _LIMIT:
            continue
        comment = text[start + 2 : end - 2]
        if CONTEXT_KEY not in comment:
            continue
        pairs = dict(_PAIR.findall(comment))
        read = _context(pairs.get(CONTEXT_KEY, b""), pairs.get(b"tracestate", b""))
        if read is None:
            malformed = True
            continue
        context = context or read
        text = _cut(text, start, end)
    return Found(text, context, malformed)


def may_hold_context(text: bytes) -> bool:
    """Whether there may be something for `take_context`: what nearly all statements pay."""
    # A number in bytes is one pass in C; to call `find` takes as long as eight of those.
    return _SLASH in text and text.find(CONTEXT_KEY) >= 0


def _has_dashes(text: bytes) -> bool:
    return _DASH in text and text.find(b"--") >= 0


def _before(text: bytes, at: int) -> bytes:
    """Without the comment that begins ``at``, and the blank that was put before it."""
    return text[: at - 1 if at and text[at - 1] in b" \n" else at]


def add_context(text: bytes, context: TraceContext, state: str = "") -> bytes:
    """A statement with a comment at its end, which `take_context` takes off again.

    Never changes what the statement means: in a text that ends inside a literal or a comment it
    leaves that as open as it was.
    """
    more = f",tracestate='{quote(state, safe='')}'" if state else ""
    comment = f"/*traceparent='{context.traceparent()}'{more}*/".encode("ascii")
    # Behind a comment that ends with its line it would be a part of it.
    return text + (b"\n" if _has_dashes(text) else b" ") + comment


def _context(value: bytes, state: bytes) -> TraceContext | None:
    """A context from values as they stand in a comment."""
    found = parse_traceparent(unquote(value.decode("latin-1")))
    if found is None or not state:
        return found
    shown = unquote(state.decode("latin-1"))
    return found.with_state(shown) if _is_state(shown) else found


def _is_state(text: str) -> bool:
    return len(text) <= _STATE_LIMIT and text.isascii() and text.isprintable()


def _cut(text: bytes, start: int, end: int) -> bytes:
    """Without the comment, and without the blank that was put before it."""
    before, after = text[:start], text[end:]
    if before[-1:].isspace() and (not after or after[:1] in b" \t\r\n;)"):
        return before.rstrip(b" ") + after
    return before + (b" " if before and after and not after[:1].isspace() else b"") + after
