"""MySQL and MariaDB SQL text to tokens, with the kinds of `lexer`.

Comments that all servers run are read as the text that they hold, between marks that are comments;
those that some run are refused unless somebody chooses (`mysqlversions`).  ``--`` before a byte
above 127 is two minus signs, though a comment in some character sets: `check_letters` and
`check_dashes` refuse those that may be one.  ``ansi_quotes`` and ``no_backslash`` are the sql_mode
flags ANSI_QUOTES and NO_BACKSLASH_ESCAPES.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from acra_twisted.errors import LexError, TooCostlyError
from acra_twisted.sql.lexer import (
    BIT,
    COMMENT,
    HEX,
    HINT,
    MAX_TOKENS,
    NUMBER,
    OPERATOR,
    QUOTED,
    STRING,
    VARIABLE,
    WORD,
    Token,
)
from acra_twisted.sql.mysqlversions import has_any, is_run, mark_at, skipped_end


def _pattern(ansi_quotes: bool, no_backslash: bool) -> re.Pattern[bytes]:
    def body(quote: bytes) -> bytes:
        plain = rb"(?:[^%b]++|%b%b|(?!))*+" if no_backslash else rb"(?:[^%b\\]++|\\.|%b%b|(?!))*+"
        return plain % ((quote,) * 3)

    one, two = b"'" + body(b"'") + b"'", b'"' + body(b'"') + b'"'
    name = b"`(?:[^`]++|``|(?!))*+`"
    if ansi_quotes:
        # No backslash escapes anything in a name.
        two = b'"(?:[^"]++|""|(?!))*+"'
    string = one if ansi_quotes else one + b"|" + two
    quoted = name + b"|" + two if ansi_quotes else name
    return re.compile(
        rb"""
        (?P<w>[ \t\n\r\f\v]++)
       |(?P<c>/\*|--(?=[\x00-\x20\x7f]|\Z)[^\n]*+|\#[^\n]*+)
       |(?P<x>[xX]'[0-9A-Fa-f]*+'|0x[0-9A-Fa-f]++(?![0-9A-Za-z_$\x80-\xff]))
       |(?P<b>[bB]'[01]*+'|0b[01]++(?![0-9A-Za-z_$\x80-\xff]))
       |(?P<s>[nN]?"""
        + one
        + b"|"
        + string
        + rb""")
       |(?P<q>"""
        + quoted
        + rb""")
       |(?P<v>@@?(?:[0-9A-Za-z_.$\x80-\xff]++|"""
        + name
        + b"|"
        + one
        + b"|"
        + two
        + rb""")?)
       |(?P<n>(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)[eE][+-]?[0-9]++
             |[0-9]++\.[0-9]*+|\.[0-9]++|[0-9]++(?![0-9A-Za-z_$\x80-\xff]))
       |(?P<i>[0-9A-Za-z_$\x80-\xff]++)
       |(?P<p>\?)
       |(?P<k>\\N)
       |(?P<o><=>|->>|->|<<|>>|<=|>=|<>|!=|:=|&&|\|\||[-+*/%^&|~!<>=(),;:.{}\[\]])
        """,
        re.X | re.S,
    )


_PATTERNS = {(a, b): _pattern(a, b) for a in (False, True) for b in (False, True)}
_IDENTIFIER = re.compile(rb"[0-9A-Za-z_$\x80-\xff]++")
#: A hint that ends where a comment would: MySQL reads strings and quoted names in it.
_HINT = re.compile(
    rb"""/\*\+(?:[^'"`*]++|\*(?!/)|'[^'"`*\\]*+'|"[^'"`*\\]*+"|`[^'"`*\\]*+`|(?!))*+\*/"""
).match
_NOTHING_CHOSEN: Final[Mapping[bytes, bool]] = {}


def tokens(
    text: bytes,
    ansi_quotes: bool = False,
    no_backslash: bool = False,
    limit: int = MAX_TOKENS,
    chosen: Mapping[bytes, bool] = _NOTHING_CHOSEN,
) -> list[Token]:
    """Split a whole text.  White space is left out, comments are kept.

    ``chosen`` says of comments that some servers run whether this one does: see `mysqlversions`.
    Raises LexError, and TooCostlyError for more tokens than ``limit``.
    """
    match = _PATTERNS[ansi_quotes, no_backslash].match
    found: list[Token] = []
    position, size, previous = 0, len(text), ""
    # In the text of a comment that is run; behind a semicolon in it, where another statement may
    # begin for which no comment is open.
    inside = unsure = False
    while position < size:
        token = match(text, position)
        if token is None:
            raise LexError("unterminated literal or unexpected character", position)
        kind, end = str(token.lastgroup), token.end()
        if kind == COMMENT and text.startswith(b"/*", position):
            mark = mark_at(text, position)
            if mark is None:
                kind, end = _comment(text, position)
            elif is_run(mark, position, chosen):
                end, inside, unsure = mark.end, True, False
            else:
                end = skipped_end(text, position)
        elif inside and kind == OPERATOR:
            if text.startswith(b"*/", position):
                if unsure and text.startswith(b"*", position + 2):
                    raise LexError("a comment that may have ended before", position)
                kind, end, inside = COMMENT, position + 2, False
            elif text.startswith(b";", position):
                unsure = True
        elif kind in (NUMBER, HEX, BIT) and found and found[-1][2] == position:
            kind, end = _after_name(text, position, kind, end, previous)
        if kind != "w":
            found.append((kind, position, end))
            if len(found) > limit:
                raise TooCostlyError("too many tokens", position)
            previous = "." if text[position:end] == b"." else kind
        position = end
    if inside:
        raise LexError("unterminated comment", size)
    if b"\0" in text:
        _check_nuls(text, found)
    return found


def _check_nuls(text: bytes, tokens: list[Token]) -> None:
    """Raise LexError for a NUL outside a string: in a comment or a name a server may stop there."""
    position = 0
    for kind, start, end in tokens:
        if kind == STRING:
            nul = text.find(b"\0", position, start)
            if nul >= 0:
                raise LexError("NUL", nul)
            position = end
    nul = text.find(b"\0", position)
    if nul >= 0:
        raise LexError("NUL", nul)


def check_letters(text: bytes, tokens: list[Token], certain: bool) -> None:
    """Raise LexError for a character above 127 outside quotes that may be a blank to the server,
    or begin a comment behind two minus signs.

    ``text`` is UTF-8, whatever the client has sent.  ``certain``: its characters are known, so that
    letters may pass; no server takes one for a blank.
    """
    for kind, start, end in tokens:
        part = text[start:end]
        if kind not in (WORD, VARIABLE) or part.isascii():
            continue
        for sign in part.decode("utf-8", "replace"):
            if not sign.isascii() and not (certain and sign.isalpha()):
                raise LexError("a character outside quotes that may be a blank", start)


def check_dashes(text: bytes, tokens: list[Token]) -> None:
    """Raise LexError for two minus signs that begin a comment in some character set: those before
    a byte above 127."""
    for kind, start, _ in tokens:
        if kind == WORD and text[start] >= 0x80 and text[max(0, start - 2) : start] == b"--":
            raise LexError("a comment in some character sets", start - 2)


def _comment(text: bytes, start: int) -> tuple[str, int]:
    """They do not nest here."""
    end = text.find(b"*/", start + 2) + 2
    if end < 2:
        raise LexError("unterminated comment", start)
    hint = text.startswith(b"/*+", start)
    if hint and has_any(text[start + 2 : end]):
        raise LexError("executable comment inside an optimizer hint", start)
    if hint and _HINT(text, start) is None:
        raise LexError("quotes inside an optimizer hint that may hide where it ends", start)
    return (HINT if hint else COMMENT), end


def _after_name(text: bytes, start: int, kind: str, end: int, previous: str) -> tuple[str, int]:
    """``t.1a`` without blanks: behind a name and a dot a digit begins an identifier."""
    dot = text[start] == 0x2E
    if dot and previous in (WORD, QUOTED):
        return OPERATOR, start + 1
    name = _IDENTIFIER.match(text, start)
    if previous == "." and text[start + 1 : start + 2] != b"'" and name is not None:
        return WORD, name.end()
    return kind, end
