"""PostgreSQL SQL text to tokens (MySQL: `mysqllexer`): bytes in, ``(kind, start, end)`` out.

The rules are those of PostgreSQL's scan.l (nested comments, ``E''``, ``U&''``, dollar quotes,
literals continued on the next line, ``standard_conforming_strings``).  No quantifier backtracks,
and none reads the same bytes for two tokens: the time is linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

from acra_twisted.errors import LexError, TooCostlyError, UnscannableError

#: Kinds of token.  W word, Q quoted identifier, P parameter, O operator or punctuation,
#: C comment (offsets include its marks); the rest are literals.
STRING: Final = "s"
ESCAPE: Final = "e"
UNICODE: Final = "u"
DOLLAR: Final = "d"
HEX: Final = "x"
BIT: Final = "b"
NUMBER: Final = "n"
WORD: Final = "i"
QUOTED: Final = "q"
UNICODE_QUOTED: Final = "U"
PARAMETER: Final = "p"
OPERATOR: Final = "o"
COMMENT: Final = "c"
# Only in MySQL: an optimizer hint, a variable, and NULL written as \\N.
HINT: Final = "h"
VARIABLE: Final = "v"
NULL: Final = "k"
LITERALS = frozenset((STRING, ESCAPE, UNICODE, DOLLAR, HEX, BIT, NUMBER))

Token = tuple[str, int, int]

_TOKEN = re.compile(
    rb"""
    (?P<w>[ \t\n\r\f\v]++)
   |(?P<c>/\*|--[^\n\r]*+)
   |(?P<e>[eE]')
   |(?P<u>[uU]&')
   |(?P<U>[uU]&")
   |(?P<x>[xX]')
   |(?P<b>[bB]')
   |(?P<s>')
   |(?P<q>")
   |(?P<p>\$[0-9]++)
   |(?P<i>[A-Za-z_\x80-\xff][A-Za-z0-9_$\x80-\xff]*+)
   |(?P<n>0[xX](?:_?[0-9A-Fa-f]++|(?!)){1,999}+|0[oO](?:_?[0-7]++|(?!)){1,999}+
         |0[bB](?:_?[01]++|(?!)){1,999}+
         |(?:[0-9]++(?:_[0-9]++|(?!)){0,999}+(?:\.(?!\.)(?:[0-9]++(?:_[0-9]++|(?!)){0,999}+)?)?
            |\.[0-9]++(?:_[0-9]++|(?!)){0,999}+)
          (?:[eE][+-]?[0-9]++(?:_[0-9]++|(?!)){0,999}+)?)
   |(?P<o>::|\.\.|:=|=>|[-+*/<>=~!@\#%^&|`?]{1,65}|[(),;:.\[\]{}])
    """,
    re.X | re.S,
)
_DOLLAR = re.compile(rb"\$(?:[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*+)?\$")
# Pieces of what may be as long as a text: one call of the expression takes a bounded time, and
# whoever lexes in a thread keeps the interpreter no longer than that.
_ESCAPED_PIECE = re.compile(rb"(?:[^'\\]{1,1024}|\\.|''){0,1024}", re.S)
_GAP_PIECE = re.compile(rb"(?:[ \t\n\r\f\v]{1,1024}|--[^\n\r]*){0,1024}")
_LONG_NUMBER = re.compile(rb"_?[0-9]")
_KEEPS_SIGN = re.compile(rb"[~!@#%^&|`?]")
#: In some encodings a byte above 127 and the one behind it are one character.
#: A backslash that is part of such a character escapes nothing; before other signs than these it is
#: the same in any string.
_HALF_BACKSLASH = re.compile(rb"[\x80-\xff]\\['\\]").search
_EATEN = re.compile(rb"[@\[\]^`{|}~]")
_MAX_COMMENT_DEPTH = 8
_MAX_OPERATOR = 64
#: A literal may go on after a line's end; nobody writes so many.
_MAX_PIECES = 10_000
#: Splitting takes one to two microseconds a token.
MAX_TOKENS = 30_000
#: Kinds whose tokens end where the pattern says.
_SIMPLE = frozenset(("w", WORD, PARAMETER))
_QUOTED_KINDS = frozenset((STRING, ESCAPE, UNICODE, HEX, BIT))


def tokens(
    text: bytes, standard_conforming_strings: bool | None = True, limit: int = MAX_TOKENS
) -> list[Token]:
    """Split a whole text.  White space is left out, comments are kept.

    ``standard_conforming_strings`` is None where neither it nor the encoding is known.  Raises
    UnscannableError where no server scans the text either, and LexError where two settings would
    split it differently and it is not known which one holds, or on input built to exhaust a parser
    (NUL, deep comments, endless operators); TooCostlyError for more tokens than ``limit``.
    """
    if standard_conforming_strings is None:
        return _either_way(text, limit)
    found = list(islice(scan(text, standard_conforming_strings), limit + 1))
    if len(found) > limit:
        raise TooCostlyError("too many tokens", found[-1][1])
    return found


def scan(text: bytes, standard_conforming_strings: bool = True) -> Iterator[Token]:
    """Yield `tokens` one at a time and without a limit, for callers that need only the first."""
    nul = text.find(b"\0")
    if nul >= 0:
        raise LexError("NUL", nul)
    position, size, match = 0, len(text), _TOKEN.match
    while position < size:
        token = match(text, position)
        kind = token.lastgroup if token is not None else None
        end = token.end() if token is not None else 0
        if kind not in _SIMPLE and not (kind == OPERATOR and end == position + 1):
            kind, end = _next(text, position, kind, end, standard_conforming_strings)
        if kind != "w":
            yield kind, position, end
        position = end


def _either_way(text: bytes, limit: int) -> list[Token]:
    """The tokens of a text that every string mode and every client encoding splits alike."""
    try:
        found = tokens(text, True, limit)
    except UnscannableError as error:
        # So it is in one of the two ways; the other may be the one that holds.
        raise LexError(error.why, error.position) from None
    if b"\\" in text:
        if _HALF_BACKSLASH(text):
            raise LexError("a backslash that may be half a character", 0)
        try:
            same = tokens(text, False, limit) == found
        except LexError:
            same = False
        if not same:
            raise LexError("a backslash that may or may not escape the quote", 0)
    if not text.isascii():
        for kind, start, end in found:
            if kind == WORD and text[end - 1] >= 0x80 and _EATEN.match(text, end):
                raise LexError("a sign that may be half a character", end)
            if kind == DOLLAR and not text[start : text.index(b"$", start + 1)].isascii():
                raise LexError("a dollar quote that may end elsewhere", start)
    return found


def _next(text: bytes, start: int, kind: str | None, end: int, conforming: bool) -> tuple[str, int]:
    """Kind and end of the token at ``start``; its first part is of ``kind`` and ends at ``end``."""
    if kind in _QUOTED_KINDS:
        backslash = kind == ESCAPE or (kind == STRING and not conforming)
        return kind, _string_end(text, start, end, kind, backslash)
    if kind in (QUOTED, UNICODE_QUOTED):
        closing = _quote_end(text, start, end, b'"', True)
        if closing == end + 1:
            raise UnscannableError("a name of no letters", start)
        return kind, closing
    if kind == NUMBER:
        if _LONG_NUMBER.match(text, end):
            raise LexError("number too long", start)
        # What PostgreSQL 15 and later call trailing junk is a word to older servers.
        return kind, end
    if kind == OPERATOR:
        return kind, start + _operator_size(text[start:end], start)
    if kind == COMMENT:
        return kind, _comment_end(text, start) if text[start] == 0x2F else end
    opening = _DOLLAR.match(text, start)
    if opening is None:
        raise UnscannableError("unexpected character", start)
    closing = text.find(opening.group(), opening.end())
    if closing < 0:
        raise UnscannableError("unterminated dollar-quoted string", start)
    return DOLLAR, closing + len(opening.group())


def _string_end(text: bytes, start: int, inside: int, kind: str, backslash: bool) -> int:
    """``'a'`` newline ``'b'`` is one literal."""
    doubled = kind not in (HEX, BIT)
    for _ in range(_MAX_PIECES):
        if backslash:
            end = _escaped_end(text, start, inside)
        else:
            end = _quote_end(text, start, inside, b"'", doubled)
        gap, has_newline = end, False
        while True:
            further = gap
            piece = _GAP_PIECE.match(text, gap)
            if piece is not None and piece.end() > gap:
                further = piece.end()
                has_newline = has_newline or b"\n" in piece.group() or b"\r" in piece.group()
            if further == gap:
                break
            gap = further
        if not (has_newline and text.startswith(b"'", gap)):
            return end
        inside = gap + 1
    raise LexError("a literal of too many pieces", start)


def _quote_end(text: bytes, start: int, inside: int, quote: bytes, doubled: bool) -> int:
    while True:
        end = text.find(quote, inside)
        if end < 0:
            raise UnscannableError("unterminated literal or name", start)
        if not (doubled and text.startswith(quote, end + 1)):
            return end + 1
        inside = end + 2


def _escaped_end(text: bytes, start: int, inside: int) -> int:
    while True:
        piece = _ESCAPED_PIECE.match(text, inside)
        end = inside if piece is None else piece.end()
        if end == inside:
            if text.startswith(b"'", end):
                return end + 1
            raise UnscannableError("unterminated literal", start)
        inside = end


def _comment_end(text: bytes, start: int) -> int:
    depth, end = 1, start + 2
    opening, closing = text.find(b"/*", end), text.find(b"*/", end)
    while depth:
        if closing < 0:
            raise UnscannableError("unterminated comment", start)
        if 0 <= opening < closing:
            depth += 1
            end = opening + 2
        else:
            depth -= 1
            end = closing + 2
        if depth > _MAX_COMMENT_DEPTH:
            raise LexError("comments nested too deeply", start)
        if 0 <= opening < end:
            opening = text.find(b"/*", end)
        if closing < end:
            closing = text.find(b"*/", end)
    return end


def _operator_size(run: bytes, start: int) -> int:
    """An operator ends before a comment, and before a trailing sign unless it has a rare sign."""
    for mark in (b"/*", b"--"):
        run = run.partition(mark)[0]
    if len(run) > _MAX_OPERATOR:
        raise LexError("operator too long", start)
    if len(run) > 1 and run[-1:] in b"+-" and not _KEEPS_SIGN.search(run):
        run = run.rstrip(b"+-") or run[:1]
    return len(run)
