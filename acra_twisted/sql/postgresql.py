"""PostgreSQL statements to trees, by the server's own grammar (pgparse, libpg_query).

Input is UTF-8 within the limits of `languages.bound`: libpg_query stops at NUL and dies of long
operator chains.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pgparse

from acra_twisted.errors import LexError
from acra_twisted.sql import lexer
from acra_twisted.sql.lexer import Token
from acra_twisted.sql.literals import postgresql_value
from acra_twisted.sql.pgreader import Reader
from acra_twisted.sql.tree import Parsed, UnparsableError

#: Tokens of several statements that the parser is given at once.
_PART_TOKENS = 1_000
_STRINGS = frozenset((lexer.STRING, lexer.ESCAPE, lexer.DOLLAR))
_SHORT_TEXT = 4_096
#: A name of a database, schema and table has 192 bytes.
_LONG_LITERAL = 256
_BLANKS = re.compile(rb"\s{16,}")
_NO_NAME = b". "


def parse(text: bytes, tokens: list[Token]) -> list[Parsed]:
    """The statements of a text; an empty list for one without any.

    ``tokens`` are the lexer's, of this very text, which must be UTF-8 and read with
    standard_conforming_strings on.  Raises UnparsableError, and LexError for a tree too deep.

    The parser keeps the interpreter while it works, so a script is given to it in parts: where
    each part is a list of statements, so is the whole, and the grammar knows no other reading.
    """
    parts = list(_parts(text, tokens))
    try:
        first = 0
        found: list[Parsed] = []
        for part in parts:
            found += _parse(text, part, first)
            first += sum(kind in lexer.LITERALS for kind, _, _ in part)
        return found
    except UnparsableError:
        if len(parts) == 1:
            raise
    # A semicolon may also stand inside a statement: BEGIN ATOMIC ...; END.
    return _parse(text, tokens, 0)


def _parts(text: bytes, tokens: list[Token]) -> Iterator[list[Token]]:
    """The tokens of a few statements, and again, until all are told."""
    start = 0
    for place, (_, begin, end) in enumerate(tokens):
        if place - start >= _PART_TOKENS and text[begin:end] == b";":
            yield tokens[start : place + 1]
            start = place + 1
    if start < len(tokens) or not start:
        yield tokens[start:]


def _parse(whole: bytes, tokens: list[Token], first: int) -> list[Parsed]:
    """The statements of a part of a text; ``first`` is the ordinal of its first literal."""
    text, tokens = _shortened(whole, tokens)
    try:
        raw = pgparse.parse(text.decode())
    except pgparse.PGQueryError:
        raise UnparsableError("syntax error") from None
    except RecursionError:
        raise LexError("nested too deeply", 0) from None
    places: dict[int, int] = {}
    signs: dict[int, int] = {}
    previous = ("", 0, 0)
    for token in tokens:
        kind, start, _ = token
        if kind in lexer.LITERALS:
            places[start] = first + len(places)
            if previous[0] == lexer.OPERATOR and text[previous[2] - 1] == 0x2D:
                signs[previous[1]] = signs[previous[2] - 1] = places[start]
        if kind != lexer.COMMENT:
            previous = token
    bounds = [(s.get("stmt_location", 0), s.get("stmt_len", 0)) for s in raw]
    try:
        return [
            Reader(text, places, signs, start, start + size if size else len(text)).read(s["stmt"])
            for s, (start, size) in zip(raw, bounds, strict=True)
        ]
    except RecursionError:
        raise LexError("nested too deeply", 0) from None


def _shortened(text: bytes, tokens: list[Token]) -> tuple[bytes, list[Token]]:
    """The text of the tokens, and where they are in it.

    Comments are left out: the server's own lexer looks at each to the end of a run of them, which
    takes minutes for a megabyte.  A long string is left without its runs of blanks if it may name
    something, or else made one that names nothing.
    """
    if not tokens:
        return b"", tokens
    begin = tokens[0][1]
    has_comments = any(kind == lexer.COMMENT for kind, _, _ in tokens)
    if begin == 0 and tokens[-1][2] <= _SHORT_TEXT and not has_comments:
        return text[: tokens[-1][2]], tokens
    parts: list[bytes] = []
    moved: list[Token] = []
    position = begin
    shift = -begin
    for kind, start, end in tokens:
        if kind == lexer.COMMENT:
            parts += (text[position:start], b" ")
            position = end
            shift += 1 - (end - start)
        elif kind in _STRINGS and end - start > _LONG_LITERAL:
            value = postgresql_value(kind, text[start:end])[1]
            # More than a few letters between blanks: that is soon known of megabytes.
            letters = b"".join(value.split(None, _LONG_LITERAL))
            is_name = len(letters) <= _LONG_LITERAL and b"\0" not in letters
            value = _BLANKS.sub(b" ", value.strip()) if is_name else _NO_NAME
            short = b"'" + value.replace(b"'", b"''") + b"'"
            parts += (text[position:start], short)
            moved.append((lexer.STRING, start + shift, start + shift + len(short)))
            position = end
            shift += len(short) - (end - start)
        else:
            moved.append((kind, start + shift, end + shift))
    parts.append(text[position : tokens[-1][2]])
    return b"".join(parts), moved
