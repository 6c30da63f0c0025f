"""PostgreSQL SQL text to tokens (MySQL: `mysqllexer`): bytes in, ``(kind, start, end)`` out.

The rules are those of PostgreSQL's scan.l (nested comments, ``E''``, ``U&''``, dollar quotes,
literals continued on the next line, ``standard_conforming_strings``).  Every quantifier that
could backtrack is possessive: with plain ones the string continuation is exponential on
``-- -- --``.
"""

from __future__ import annotations

import re

from acra_twisted.errors import LexError

#: Kinds of token.  W word, Q quoted identifier, P parameter, O operator or punctuation,
#: C comment (offsets include its marks); the rest are literals.
STRING, ESCAPE, UNICODE, DOLLAR, HEX, BIT, NUMBER = "s", "e", "u", "d", "x", "b", "n"
WORD, QUOTED, UNICODE_QUOTED, PARAMETER, OPERATOR, COMMENT = "i", "q", "U", "p", "o", "c"
#: Only in MySQL: an optimizer hint, a variable, and NULL written as \\N.
HINT, VARIABLE, NULL = "h", "v", "k"
LITERALS = frozenset((STRING, ESCAPE, UNICODE, DOLLAR, HEX, BIT, NUMBER))

Token = tuple[str, int, int]

_TOKEN = re.compile(
    rb"""
    (?P<w>[ \t\n\r\f\v]++)
   |(?P<c>/\*|--[^\n\r]*+)
   |(?P<e>[eE]'(?:[^'\\]++|\\.|'')*+')
   |(?P<u>[uU]&'(?:[^']++|'')*+')
   |(?P<U>[uU]&"(?:[^"]++|"")++")
   |(?P<x>[xX]'[^']*+')
   |(?P<b>[bB]'[^']*+')
   |(?P<s>'(?:[^']++|'')*+')
   |(?P<q>"(?:[^"]++|"")++")
   |(?P<p>\$[0-9]++)
   |(?P<i>[A-Za-z_\x80-\xff][A-Za-z0-9_$\x80-\xff]*+)
   |(?P<n>0[xX](?:_?[0-9A-Fa-f])++|0[oO](?:_?[0-7])++|0[bB](?:_?[01])++
         |(?:[0-9](?:_?[0-9])*+(?:\.(?!\.)(?:[0-9](?:_?[0-9])*+)?)?|\.[0-9](?:_?[0-9])*+)
          (?:[eE][+-]?[0-9](?:_?[0-9])*+)?)
   |(?P<o>::|\.\.|:=|=>|[-+*/<>=~!@\#%^&|`?]++|[(),;:.\[\]{}])
    """,
    re.X | re.S,
)
_BACKSLASH_STRING = re.compile(rb"'(?:[^'\\]++|\\.|'')*+'", re.S)
_DOLLAR = re.compile(rb"\$(?:[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*+)?\$")
_COMMENT_MARK = re.compile(rb"/\*|\*/")
_CONTINUED = re.compile(
    rb"(?:[ \t\f\v]++|--[^\n\r]*+)*+[\n\r](?:[ \t\n\r\f\v]++|--[^\n\r]*+[\n\r])*+'"
)
_REST_BACKSLASH = re.compile(rb"(?:[^'\\]++|\\.|'')*+'", re.S)
_REST_PLAIN = re.compile(rb"(?:[^']++|'')*+'")
_WORD_BYTE = re.compile(rb"[A-Za-z0-9_$\x80-\xff]")
_KEEPS_SIGN = re.compile(rb"[~!@#%^&|`?]")
#: In some encodings a byte above 127 and the one behind it are one character.
_HALF_BACKSLASH = re.compile(rb"[\x80-\xff]\\").search
_EATEN = re.compile(rb"[@\[\]^`{|}~]")
_MAX_COMMENT_DEPTH = 8
_MAX_OPERATOR = 64
#: Splitting takes one to two microseconds a token, in the reactor's thread.
MAX_TOKENS = 30_000
#: Kinds whose tokens end where the pattern says.
_SIMPLE = frozenset(("w", QUOTED, WORD, PARAMETER))


def tokens(text: bytes, standard_conforming_strings: bool | None = True) -> list[Token]:
    """Split a whole text.  White space is left out, comments are kept.

    ``standard_conforming_strings`` is None where neither it nor the encoding is known.  Raises
    LexError where the server would not scan the text, where two settings would split it
    differently and it is not known which one holds, or on input built to exhaust a parser (NUL,
    deep comments, endless operators).
    """
    if standard_conforming_strings is None:
        return _either_way(text)
    nul = text.find(b"\0")
    if nul >= 0:
        raise LexError("NUL", nul)
    found: list[Token] = []
    position, size, match = 0, len(text), _TOKEN.match
    while position < size:
        token = match(text, position)
        kind = token.lastgroup if token is not None else None
        end = token.end() if token is not None else 0
        if kind not in _SIMPLE and not (kind == OPERATOR and end == position + 1):
            kind, end = _next(text, position, standard_conforming_strings)
        if kind != "w":
            found.append((kind, position, end))
            if len(found) > MAX_TOKENS:
                raise LexError("too many tokens", position)
        position = end
    return found


def _either_way(text: bytes) -> list[Token]:
    """The tokens of a text that every string mode and every client encoding splits alike."""
    found = tokens(text)
    if b"\\" in text:
        if _HALF_BACKSLASH(text):
            raise LexError("a backslash that may be half a character", 0)
        try:
            same = tokens(text, False) == found
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


def _next(text: bytes, start: int, conforming: bool) -> tuple[str, int]:
    """Kind and end of the token at ``start``; white space has kind ``w``."""
    if text[start] == 0x24:
        opening = _DOLLAR.match(text, start)
        if opening:
            closing = text.find(opening.group(), opening.end())
            if closing < 0:
                raise LexError("unterminated dollar-quoted string", start)
            return DOLLAR, closing + len(opening.group())
    if not conforming and text[start] == 0x27:
        match = _BACKSLASH_STRING.match(text, start)
        kind = STRING
    else:
        match = _TOKEN.match(text, start)
        kind = str(match.lastgroup) if match else ""
    if match is None:
        raise LexError("unterminated literal or unexpected character", start)
    end = match.end()
    if kind == COMMENT and match.group() == b"/*":
        return COMMENT, _comment_end(text, start, end)
    if kind == OPERATOR and end - start > 1:
        return OPERATOR, start + _operator_size(match.group(), start)
    if kind in (STRING, ESCAPE, UNICODE, HEX, BIT):
        backslash = kind == ESCAPE or (kind == STRING and not conforming)
        return kind, _continued_end(text, end, _REST_BACKSLASH if backslash else _REST_PLAIN)
    if kind == NUMBER and _WORD_BYTE.match(text, end):
        raise LexError("trailing junk after numeric literal", start)
    return kind, end


def _comment_end(text: bytes, start: int, end: int) -> int:
    depth = 1
    while depth:
        mark = _COMMENT_MARK.search(text, end)
        if mark is None:
            raise LexError("unterminated comment", start)
        depth += 1 if mark.group() == b"/*" else -1
        if depth > _MAX_COMMENT_DEPTH:
            raise LexError("comments nested too deeply", start)
        end = mark.end()
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


def _continued_end(text: bytes, end: int, rest: re.Pattern[bytes]) -> int:
    """``'a'`` newline ``'b'`` is one literal."""
    while more := _CONTINUED.match(text, end):
        closing = rest.match(text, more.end())
        if closing is None:
            raise LexError("unterminated literal", end)
        end = closing.end()
    return end
