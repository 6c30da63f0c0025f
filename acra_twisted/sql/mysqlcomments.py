"""Trace context in the comments of MySQL's and MariaDB's texts: see `comments`.

A comment behind the last semicolon is a statement of its own, which has a result of its own: a
context is put before the semicolon, and one that stood behind it leaves an empty comment there.
Hints (``/*+``) and comments that a server runs (``/*!``, ``/*M!``) are no place for a context, and
are never cut.  The first comment of a text may have a context of Vitess's, which is cut as well.
"""

from __future__ import annotations

from typing import Any, Final

from acra_twisted.errors import LexError
from acra_twisted.fast.compiled import COMPILED
from acra_twisted.fast.finding import find
from acra_twisted.sql import lexer, vitess
from acra_twisted.sql.comments import (
    CONTEXT_KEY,
    TAIL,
    TOKENS_LIMIT,
    Found,
    before_comment,
    comment_of,
    has_dashes,
    has_tags,
    in_tail,
    plain_context,
    plain_tail,
    read_tokens,
)
from acra_twisted.sql.readers import READERS
from acra_twisted.wire.link.tracecontext import TraceContext

if COMPILED:
    from acra_twisted.fast._scan import has_signs  # type: ignore[import-not-found]  # in C

# One pass in place of three.
_has_signs: Final[Any] = has_signs if COMPILED else None

_BLANKS: Final = b" \t\r\n\f\v"
_BLANK: Final = 0x20
_HASH: Final = 0x23
_SLASH: Final = 0x2F
_SEMICOLON: Final = 0x3B
_EMPTY: Final = b"/**/"


def may_hold_context(text: bytes) -> bool:
    """Tell whether there may be something for `take_context`: what nearly all statements pay."""
    if _SLASH not in text:
        return False
    # A number in bytes is one pass in C; to call `find` takes as long as eight of those.
    return find(text, CONTEXT_KEY) >= 0 or text[: len(vitess.OPEN)] == vitess.OPEN


def look_for_context(text: bytes, conforming: bool | None) -> Found | None:
    """Return what `take_context` finds; None if there is nothing to find."""
    found = plain_tail(text) if COMPILED else None
    if found is not None:
        found.text = _still_ended(found.text, text)
    elif may_hold_context(text):
        found = take_context(text, conforming)
    return found


def take_context(text: bytes, conforming: bool | None = False) -> Found:
    """Look for a trace context in the comments of a statement and cut its comment out.

    ``conforming``: whether a backslash is an ordinary character in a string; None where that is not
    known.  The context of a text that can be read in two ways stays where it is.  Of two contexts
    the last one holds.
    """
    if not text or text[0] != _SLASH:
        return _behind_first(text, conforming)
    first = vitess.first(text)
    rest = text[first.end :].lstrip(_BLANKS) if first.end else text
    if rest[:1] in (b"", b";"):
        # Without a statement it would be an error, and with a comment it is none.
        return Found(text, None, False)
    found = _behind_first(rest, conforming)
    if found.context is None:
        found.context = first.context
    found.malformed = found.malformed or first.malformed
    return found


def _behind_first(text: bytes, conforming: bool | None) -> Found:
    at = find(text, CONTEXT_KEY) - 2
    if at == -3:
        return Found(text, None, False)
    if at >= 0 and not _may_hide(text[:at]):
        # No need to know what stands before it: had that left a literal open, no server would
        # read the text, with this comment or without it.
        is_ended = text[-1] == _SEMICOLON
        end = len(text) - 1 if is_ended else len(text)
        context = plain_context(text, at, end)
        if context is None:
            tail = TAIL.fullmatch(text, at, end)
            context = None if tail is None else in_tail(tail)
        if context is not None:
            before = before_comment(text, at)
            if not has_tags(before):
                left = before + b";" if is_ended else _still_ended(before, text)
                return Found(left, context, False)
    try:
        tokens = READERS["mysql"].tokens(text, conforming, TOKENS_LIMIT)
    except LexError:
        return Found(text, None, True)
    found = read_tokens(text, tokens, place)
    if found.kept is None:
        found.text = _still_ended(found.text, text)
    else:
        found.kept.text = _still_ended(found.kept.text, text)
    return found


def add_context(text: bytes, context: TraceContext, state: str = "") -> bytes:
    """A statement with a comment, which `take_context` takes off again; the text as it is where a
    comment would change what it means, or that cannot be seen."""
    return place(text, comment_of(context, state))


def place(text: bytes, comment: bytes) -> bytes:
    """A text with a comment at its end, or before its last semicolon."""
    hides = _may_hide(text)
    if not hides and text and text[-1] > _BLANK and text[-1] != _SEMICOLON:
        return text + b" " + comment
    bare = text.rstrip(_BLANKS)
    if not bare:
        # Without a statement it is an error, and with a comment it would be none.
        return text
    at = len(bare) - 1
    if bare[at:] != b";":
        if hides and not _is_closed(text) and _semicolon(text) is None:
            return text
        return text + (b"\n" if hides else b" ") + comment
    if hides:
        found = _semicolon(text)
        if found is None:
            return text
        if found < 0:
            return text + b"\n" + comment
        at = found
    before = text[:at]
    if before.rstrip(_BLANKS)[-1:] in (b"", b";"):
        return text
    return before + (b"\n" if hides else b" ") + comment + text[at:]


def _semicolon(text: bytes) -> int | None:
    """Where the semicolon is that ends a text, less than 0 without one; None if that is not
    certain."""
    try:
        tokens = READERS["mysql"].tokens(text, None, TOKENS_LIMIT)
    except LexError:
        return None
    for kind, start, end in reversed(tokens):
        if kind not in (lexer.COMMENT, lexer.HINT):
            return start if text[start:end] == b";" else -1
    return -1


def _may_hide(text: bytes) -> bool:
    """Return True if a comment at the end of a text may be a part of what stands before it."""
    if COMPILED and not _has_signs(text):
        return False
    return _HASH in text or has_dashes(text) or not _is_closed(text)


def _is_closed(text: bytes) -> bool:
    """Return True if no comment that has begun in a text goes on behind it."""
    # A number in bytes is one pass in C; to call `rfind` takes as long as eight of those.
    if _SLASH not in text:
        return True
    begins = text.rfind(b"/*")
    return begins < 0 or text.rfind(b"*/") >= begins + 2


def _still_ended(text: bytes, before: bytes) -> bytes:
    """A text from which comments were cut, with as many statements as it had before."""
    if text and text[-1] > _BLANK and text[-1] != _SEMICOLON:
        return text
    if text.rstrip(_BLANKS)[-1:] == b";" and before.rstrip(_BLANKS)[-1:] != b";":
        return text + _EMPTY
    return text
