"""Trace context in SQL comments, as sqlcommenter and its relatives write it.

Where it is found and well-formed it is taken out, so that it never defeats the database's
statement caches; a malformed one stays where it is.  What else its comment holds stays for the
database, and is not in the text that stages judge and caches know a statement by.  Here is the
short way for contexts that stand alone at the end of a text; `tags` has the long one.  Texts are
PostgreSQL's, but where a function takes the place of a comment; `mysqlcomments` has MySQL's.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote

from acra_twisted.errors import LexError
from acra_twisted.fast.compiled import COMPILED
from acra_twisted.fast.finding import find
from acra_twisted.sql import lexer, tags
from acra_twisted.wire.link.tracecontext import PLAIN, TraceContext, parse_traceparent, plain_at

if COMPILED:
    from acra_twisted.fast._scan import tail_context  # type: ignore[import-not-found]  # in C

_tail_context: Final[Any] = tail_context if COMPILED else None

#: A text without any context lacks this.
CONTEXT_KEY: Final = b"traceparent"
#: In a text of more tokens a context is found at its very end alone: everybody waits meanwhile.
TOKENS_LIMIT: Final = 4_000
#: A context at the very end of a text, as `add_context` and most of the field's libraries put it.
TAIL: Final = re.compile(rb"/\*traceparent='([0-9a-f-]{55})'(?:,tracestate='([^'\\]{0,1536})')?\*/")
#: A text with a tag that may be shown has this.
_TAGGED: Final = re.compile(
    rb"\b(?:%b)\s*+[=:]" % b"|".join(sorted([key.encode() for key in tags.KEYS]))
)
# The same without a state: how it begins and ends, and how long it is.
_OPEN: Final = b"/*traceparent='"
_CLOSE: Final = b"'*/"
#: How a context begins, and what settings for contexts have in their names.
_VERSION: Final = b"00-"
_TRACE: Final = b"trace"
_NAMING: Final = b"dDpP"
_BLANK: Final = 0x20
_SLASH: Final = 0x2F
_DASH: Final = 0x2D
# The end of a comment that holds a context and nothing else.
_SAMPLED: Final = "-01'*/"
_NOT_SAMPLED: Final = "-00'*/"
_PLAIN: Final = len(_OPEN) + PLAIN + len(_CLOSE)


#: Puts a comment into a text, where it changes nothing.
Place = Callable[[bytes, bytes], bytes]


def behind(text: bytes, comment: bytes) -> bytes:
    """A text of PostgreSQL with a comment at its end."""
    # Behind a comment that ends with its line it would be a part of it.
    return text + (b"\n" if has_dashes(text) else b" ") + comment


class Kept:
    """The text for the database of a statement without its context, where other things of its
    comments stay: ``text`` with these, among them ``comments``.  ``place`` is the language's.  See
    `tags.Tagged` for the rest.
    """

    __slots__ = ("text", "tail", "lead", "trail", "comments", "_place")

    def __init__(
        self,
        text: bytes,
        tail: int,
        lead: bytes,
        trail: bytes,
        comments: bytes,
        place: Place = behind,
    ) -> None:
        self._place = place
        self.text = text
        self.tail = tail
        self.lead = lead
        self.trail = trail
        self.comments = comments

    def replaced(self, text: bytes) -> Kept:
        """The same comments behind another text."""
        placed = self._place(text, self.comments)
        return Kept(placed, -1, b"", b"", self.comments, self._place)

    def with_context(self, context: TraceContext, state: str = "") -> bytes:
        """The text with a context where the one before it stood."""
        if self.tail < 0:
            return self._place(self.text, comment_of(context, state))
        at = len(self.text) - self.tail
        # Without the marks of the comment.
        pairs = comment_of(context, state)[2:-2]
        return self.text[:at] + self.lead + pairs + self.trail + self.text[at:]


class Found:
    """``text`` has none of the comments that held contexts or tags; ``kept`` is what the database
    gets if some stay, else None.  ``context`` is None and ``malformed`` True if a traceparent was
    there and unusable.  ``tags`` are those that may be shown.
    """

    __slots__ = ("text", "context", "malformed", "kept", "tags")

    def __init__(
        self,
        text: bytes,
        context: TraceContext | None,
        malformed: bool,
        kept: Kept | None = None,
        tags: dict[str, str] | None = None,
    ) -> None:
        self.text = text
        self.context = context
        self.malformed = malformed
        self.kept = kept
        self.tags = tags


def look_for_context(text: bytes, standard_conforming_strings: bool | None) -> Found | None:
    """Return what `take_context` finds; None if there is nothing to find."""
    found = plain_tail(text) if COMPILED else None
    if found is None and may_hold_context(text):
        found = take_context(text, standard_conforming_strings)
    return found


def take_context(text: bytes, standard_conforming_strings: bool | None = True) -> Found:
    """Look for a trace context in the comments of a statement and cut its comment out.

    None: how strings end is not known; the context of a text that can be read in two ways stays
    where it is.  With two of them the last one holds (the one added nearest to us on the way here).
    """
    # One search in C is all that statements without context pay.
    at = find(text, CONTEXT_KEY) - 2
    if at == -3:
        return Found(text, None, False)
    plain = plain_context(text, at, len(text))
    if plain is not None and not has_dashes(text[:at]):
        # As below, and without a state.
        before = before_comment(text, at)
        if not has_tags(before):
            return Found(before, plain, False)
    tail = TAIL.fullmatch(text, at) if at >= 0 else None
    if tail is not None and not has_dashes(text):
        # No need to know what stands before it: had that left a literal or a comment open, no
        # server would read the text, with this comment or without it.
        found = in_tail(tail)
        if found is not None:
            before = before_comment(text, at)
            if not has_tags(before):
                return Found(before, found, False)
    return _looked_through(text, standard_conforming_strings)


def plain_tail(text: bytes) -> Found | None:
    """Find what `take_context` finds in a text of either language that ends in a context, and in
    which nothing else may be a comment: the usual one.  None says nothing.

    Where not compiled `look_for_context` does without it: it is worth its call in C alone.
    """
    if not COMPILED:
        return tail_by_python(text)
    found = _tail_context(text)
    if found is None:
        return None
    return Found(found[0], TraceContext(found[1], found[2], found[3]), False)


def tail_by_python(text: bytes) -> Found | None:
    """See `plain_tail`."""
    at = len(text) - _PLAIN
    context = plain_context(text, at, len(text))
    if context is None or at == 0:
        return None
    before = text[:at]
    if any(find(before, word) >= 0 for word in (CONTEXT_KEY, b"/", b"--", b"#")):
        return None
    return Found(before_comment(text, at), context, False)


def plain_context(text: bytes, at: int, end: int) -> TraceContext | None:
    """Return the context of a comment from ``at`` to ``end`` that holds nothing else, as
    `add_context` writes one without a state; None if there is no such comment."""
    if at < 0 or end != at + _PLAIN:
        return None
    if text[at : at + len(_OPEN)] != _OPEN or text[end - len(_CLOSE) : end] != _CLOSE:
        return None
    return plain_at(text, at + len(_OPEN))


def in_tail(tail: re.Match[bytes]) -> TraceContext | None:
    """Return the context of a match of `TAIL`; None if it cannot be used."""
    if tail[2] is None:
        return parse_traceparent(tail[1].decode("ascii"))
    return tags.context_from(tail[1], tail[2])


def _looked_through(text: bytes, standard_conforming_strings: bool | None) -> Found:
    """The long way."""
    try:
        tokens: Any = lexer.tokens(text, standard_conforming_strings, TOKENS_LIMIT)
    except LexError:
        return Found(text, None, True)
    return read_tokens(text, tokens, behind)


def read_tokens(text: bytes, tokens: Any, place: Place) -> Found:
    """Look for a trace context in the comments among a text's tokens."""
    found = tags.read(text, tokens)
    kept = None
    if found.comments:
        comments = b" ".join(found.comments)
        kept = Kept(found.sent, found.tail, found.lead, found.trail, comments, place)
    return Found(found.text, found.context, found.malformed, kept, found.tags or None)


def may_hold_context(text: bytes) -> bool:
    """Tell whether there may be something for `take_context`: what nearly all statements pay."""
    # A number in bytes is one pass in C; to call `find` takes as long as eight of those.
    return _SLASH in text and find(text, CONTEXT_KEY) >= 0


def may_give_name(text: bytes) -> bool:
    """Tell whether a statement with a context may be DECLARE or PREPARE, by its first byte."""
    return len(text) > 1 and (text[0] in _NAMING or text[0] <= _BLANK)


def may_set_context(text: bytes, takes_parameters: bool) -> bool:
    """Tell whether a statement may set something to a context: what nearly all statements pay."""
    if _DASH in text and find(text, _VERSION) >= 0:
        return True
    return takes_parameters and find(text, _TRACE) >= 0


def has_dashes(text: bytes) -> bool:
    return _DASH in text and find(text, b"--") >= 0


def has_tags(text: bytes) -> bool:
    """Tell whether a text begins or ends with a comment, and may have tags in it."""
    if not text or (text[0] != _SLASH and text[-1] != _SLASH):
        return False
    return _TAGGED.search(text) is not None


def before_comment(text: bytes, at: int) -> bytes:
    """Cut out the comment that begins at ``at``, and the blank before it."""
    return text[: at - 1 if at and text[at - 1] in b" \n" else at]


def add_context(text: bytes, context: TraceContext, state: str = "") -> bytes:
    """A statement with a comment at its end, which `take_context` takes off again.

    Never changes what the statement means: in a text that ends inside a literal or a comment it
    leaves that as open as it was.
    """
    return behind(text, comment_of(context, state))


def comment_of(context: TraceContext, state: str) -> bytes:
    """The comment that holds a context."""
    if state:
        more = quote(state, safe="")
        return f"/*traceparent='{context.traceparent()}',tracestate='{more}'*/".encode("ascii")
    # Each text is made in one piece: most statements get one.
    flags = _SAMPLED if context.sampled else _NOT_SAMPLED
    return f"/*traceparent='00-{context.trace_id}-{context.span_id}{flags}".encode("ascii")
