"""Key-value comments, as sqlcommenter and its relatives write them: reading and cutting pairs.

``/*application='shop',traceparent='00-...'*/``: comma-separated keys with URL-encoded values in
single quotes; others write double quotes or none, colons, semicolons and blanks.  A trace context
is cut out of its comment, and everything else in the comment stays, byte for byte, for the
database's own tools.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote

from acra_twisted.sql import lexer
from acra_twisted.sql.lexer import Token
from acra_twisted.wire.link.tracecontext import TraceContext, parse_traceparent

#: The keys of a context.
CONTEXT_KEY, STATE_KEY = b"traceparent", b"tracestate"
_CUT = frozenset((CONTEXT_KEY, STATE_KEY))
#: Tags that become attributes of a request's span: those of sqlcommenter, of Rails and Marginalia,
#: and of Datadog's libraries.  Any other may hold what nobody should see.
KEYS: Final[frozenset[str]] = frozenset(
    (
        *("application", "controller", "namespaced_controller", "action", "job", "route"),
        *("framework", "db_driver", "source_location", "service", "service_name"),
        *("dddb", "dddbs", "dde", "ddh", "ddps", "ddprs", "ddpv"),
    )
)
_PAIR_TEXT = rb"""([A-Za-z0-9_%.-]++)\s*+[=:]\s*+(?:'((?:[^'\\]++|\\.|(?!))*+)'
    |"((?:[^"\\]++|\\.|(?!))*+)"
    |((?:[^\s,;'"*]|\*(?!/)|(?!))++))"""
_PAIR = re.compile(_PAIR_TEXT, re.S | re.X)
_ONLY_PAIRS = re.compile(
    rb"\s*+%b(?:[\s,;]++%b|(?!))*+\s*+" % (_PAIR_TEXT, _PAIR_TEXT), re.S | re.X
)
_MARK = re.compile(rb"/\*|\*/")
_BLANKS = b" \t\r\n\f\v"
_SEPARATOR = re.compile(rb"\s*+[,;]\s*+|\s++")
_ESCAPED = re.compile(rb"\\(.)", re.S)
#: Limits of a comment, of a state, and of a tag's value.
_COMMENT_LIMIT = 4096
#: Comments of one text that are changed: each makes a copy of the text.
_COMMENTS_LIMIT = 16
_STATE_LIMIT = 512
_VALUE = re.compile(r"[\w .:/@+~#()\[\]<>{}*?&=,%|-]{1,128}")


class Tagged:
    """Contents of a statement's comments, from ``text`` without those that hold a context or
    nothing but tags, to ``sent``, which lacks the context alone.

    ``tail``: how many bytes of ``sent`` stand behind the place of the context, with ``lead`` and
    ``trail`` to stand around a context that is put there; less than 0 if its comment is gone.
    ``comments``: those that are in ``sent`` and not in ``text``.
    """

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.sent = text
        self.context: TraceContext | None = None
        self.malformed = False
        self.tail = -1
        self.lead = self.trail = b""
        self.comments: list[bytes] = []
        self.tags: dict[str, str] = {}

    def _leave_out(self, start: int, end: int, rest: bytes) -> None:
        """Cut a comment out of the text, and leave ``rest`` of it, if that is anything, for the
        database."""
        self.text = cut(self.text, start, end)
        if rest:
            self.comments.insert(0, rest)
            self.sent = self.sent[:start] + rest + self.sent[end:]
        else:
            self.sent = cut(self.sent, start, end)


def read(text: bytes, tokens: Iterable[Token]) -> Tagged:
    """The context and the tags in the comments of a statement.

    With two contexts the last one holds.  Hints (``/*+ ... */``) are left alone.
    """
    found = Tagged(text)
    changed = 0
    places = [(start, end) for kind, start, end in tokens if kind == lexer.COMMENT]
    for start, end in reversed(places):
        mark = text[start : start + 3]
        if mark[:2] != b"/*" or mark == b"/*+" or end - start > _COMMENT_LIMIT:
            continue
        body = text[start + 2 : end - 2]
        holds_context = CONTEXT_KEY in body
        if not (holds_context or _ONLY_PAIRS.fullmatch(body)):
            continue
        changed += 1
        if changed > _COMMENTS_LIMIT:
            break
        if holds_context:
            _take(found, start, end, body)
        else:
            _note(found, body)
            found._leave_out(start, end, text[start:end])
    if found.context is None:
        untouched = Tagged(text)
        untouched.malformed = found.malformed
        return untouched
    return found


def _take(found: Tagged, start: int, end: int, body: bytes) -> None:
    """Take the context out of one comment, if there is a well-formed one, and no mark of a comment
    would go with it."""
    pairs = [(match[1], _value(match), match.span()) for match in _PAIR.finditer(body)]
    context = context_of({key: value for key, value, _ in pairs})
    marks = _MARK.findall(_comment(body))
    tail, lead, trail = len(body), b"", b""
    for key, _, (first, last) in reversed(pairs):
        if key in _CUT:
            before, after, lead_of, trail_of = _around(body, first, last)
            body = before + after
            if key == CONTEXT_KEY:
                tail, lead, trail = len(after), lead_of, trail_of
    # A nested comment may begin or end in what was cut out, or where two ends met.
    if context is None or _MARK.findall(_comment(body)) != marks:
        found.malformed = True
        return
    rest = _comment(body) if body.strip(_BLANKS + b",;") else b""
    _note(found, body)
    if found.context is None:
        found.context = context
        found.tail = tail + 2 + len(found.sent) - end if rest else -1
        found.lead, found.trail = lead, trail
    found._leave_out(start, end, rest)


def _around(body: bytes, first: int, last: int) -> tuple[bytes, bytes, bytes, bytes]:
    """Split off a pair: what stands before and behind it, without one separator, and that one: as
    one to stand before the pair or as one behind it."""
    behind = _SEPARATOR.match(body, last)
    if behind is not None and behind.end() < len(body):
        return body[:first], body[behind.end() :], b"", behind[0]
    before = body[:first].rstrip(_BLANKS)
    if before[-1:] in (b",", b";"):
        before = before[:-1].rstrip(_BLANKS)
    if before:
        return before, body[last:], body[len(before) : first], b""
    return body[:first], body[last:], b"", b""


def _comment(body: bytes) -> bytes:
    """A comment with a body, which is no hint, and no code that MySQL or MariaDB runs."""
    is_more = body[:1] in (b"+", b"!") or body[:2] == b"M!"
    return b"/* " + body + b"*/" if is_more else b"/*" + body + b"*/"


def _note(found: Tagged, body: bytes) -> None:
    """Keep the tags that may be shown; of two with one key the one nearest to the end."""
    for match in reversed(list(_PAIR.finditer(body))):
        key = unquote(match[1].decode("ascii"))
        value = unquote(_value(match).decode("utf-8", "replace"))
        if key in KEYS and _VALUE.fullmatch(value):
            found.tags.setdefault(key, value)


def _value(match: re.Match[bytes]) -> bytes:
    """A pair's value without quotes and escapes, not decoded."""
    if match[4] is not None:
        return match[4]
    quoted = match[2] if match[2] is not None else match[3]
    return _ESCAPED.sub(rb"\1", quoted) if b"\\" in quoted else quoted


def cut(text: bytes, start: int, end: int) -> bytes:
    """A text without a comment, and without the blank that was put before it."""
    before, after = text[:start], text[end:]
    if before[-2:] == b"--":
        # With a blank behind them MySQL takes them for the beginning of a comment.
        return before + b"/**/" + after
    if before[-1:].isspace() and (not after or after[:1] in b" \t\r\n;)"):
        return before.rstrip(b" ") + after
    return before + (b" " if before and after and not after[:1].isspace() else b"") + after


def context_of(pairs: dict[bytes, bytes]) -> TraceContext | None:
    """The context among pairs, whose values are as they stand in a comment."""
    return context_from(pairs.get(CONTEXT_KEY, b""), pairs.get(STATE_KEY, b""))


def context_from(value: bytes, state: bytes) -> TraceContext | None:
    """A context from URL-encoded values; None if the first is not well-formed."""
    found = parse_traceparent(unquote(value.decode("latin-1")))
    if found is None or not state:
        return found
    shown = unquote(state.decode("latin-1"))
    return found.with_state(shown) if _is_state(shown) else found


def _is_state(text: str) -> bool:
    return len(text) <= _STATE_LIMIT and text.isascii() and text.isprintable()


def context_in_value(value: bytes) -> tuple[TraceContext | None, bool]:
    """The context in a setting's value, and whether one was there that cannot be used.

    It is the value, or stands there as in a comment: ``shop traceparent='00-...'``.
    """
    if len(value) > _COMMENT_LIMIT:
        return None, False
    bare = context_from(value.strip(), b"")
    if bare is not None or CONTEXT_KEY not in value:
        return bare, False
    context = context_of({match[1]: _value(match) for match in _PAIR.finditer(value)})
    return context, context is None
