"""Names of the tables that a text gives values to, by its words alone.

A view of a protected table may have been made since the schema was read: a text that writes through
it names nothing that is known to be protected.  So names that are new have to be looked up.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from acra_twisted.encryption.beginnings import Heads, goes_on, is_one
from acra_twisted.errors import LexError
from acra_twisted.fast.finding import find
from acra_twisted.sql import lexer, names, skeleton
from acra_twisted.sql.lexer import Token

#: Stands for a name that cannot be read.
UNREAD: Final = ""

_NAME: Final = rb'("[^"\x00]++"|[A-Za-z_][0-9A-Za-z_$]*+)'
_ONLY: Final = rb"(?:only\s++|(?!only\b))"
#: The beginning of a statement whose only target stands there.
_simple: Final = re.compile(
    rb"[ \t\r\n]*+(?:insert\s++into\s++|update\s++"
    + _ONLY
    + rb"|merge\s++into\s++"
    + _ONLY
    + rb"|copy\s++(?!\(|binary\b))"
    + _NAME
    + 2 * (rb"(?:[.]" + _NAME + rb")?")
    + rb"""(?=[\s(;*]|\Z)(?!\s*+[./"-])""",
    re.I,
).match
#: Words of statements that give values to a table.
_WORDS: Final = (b"insert", b"update", b"merge", b"copy")
#: First letters of statements of which one alone gives none.
_OTHERS: Final = b"sSbBrRdD"
#: Words before UPDATE where it is no statement: FOR NO KEY UPDATE, ON UPDATE, DO UPDATE.
_BEFORE_UPDATE: Final = frozenset((b"for", b"key", b"on", b"do", b"then"))
_heads: Final[Heads[str]] = Heads()
#: Longer texts are not read by their tokens.
_LONG: Final = 64 << 10
_NAMING: Final = (lexer.WORD, lexer.QUOTED)
#: Tokens of a text at most.
_TOKENS: Final = 200_000


def of(text: bytes, conforming: bool | None) -> Sequence[str]:
    """The names without their schemas, as the database compares them, each once; UNREAD among them
    for one that cannot be read.  The text is read as UTF-8; ``conforming`` is as in
    `lexer.tokens`."""
    if _begins_otherwise(text) and not goes_on(text):
        return ()
    first = _first(text)
    if first is not None and _is_one(text, conforming):
        return first
    if len(text) > _LONG:
        return (UNREAD,)
    lowered = text.lower()
    if not any(find(lowered, word) >= 0 for word in _WORDS):
        return ()
    try:
        tokens = lexer.tokens(text, conforming, _TOKENS)
    except LexError:
        return (UNREAD,)
    return tuple(dict.fromkeys(_of(text, [one for one in tokens if one[0] != lexer.COMMENT])))


def of_one(text: bytes, conforming: bool | None) -> Sequence[str]:
    """See `of`; the text is known to be one statement (see `unconcerned`), so that a long one is
    not passed over again."""
    if _begins_otherwise(text):
        return ()
    first = _first(text)
    return of(text, conforming) if first is None else first


def _begins_otherwise(text: bytes) -> bool:
    """Tell by the first letter of a text that the statement there gives no values."""
    return len(text) > 0 and text[0] in _OTHERS


def _first(text: bytes) -> Sequence[str] | None:
    """The name that a text begins with, if it is a simple statement at its beginning."""
    known = _heads.get(text)
    if known is not None:
        return known
    found = _simple(text)
    if found is None:
        return None
    last = next(one for one in reversed(found.groups()) if one is not None)
    own = (_name(last),)
    _heads.keep(text, found.end(), own)
    return own


def _is_one(text: bytes, conforming: bool | None) -> bool:
    """Tell whether a text is certainly one statement."""
    return not goes_on(text) or is_one(skeleton.split(text, b'"') if conforming else None)


def _of(text: bytes, tokens: Sequence[Token]) -> Iterator[str]:
    words = [text[start:end].lower() for _, start, end in tokens]
    for at, word in enumerate(words):
        if tokens[at][0] != lexer.WORD or word not in _WORDS:
            continue
        before = words[at - 1] if at else b";"
        behind = words[at + 1] if at + 1 < len(words) else b""
        if word in (b"insert", b"merge"):
            if behind == b"into":
                yield _path(text, tokens, at + 2)
        elif word == b"update":
            if before not in _BEFORE_UPDATE:
                yield _path(text, tokens, at + 1)
        elif before == b";" and behind != b"(":
            yield _path(text, tokens, at + (2 if behind == b"binary" else 1))


def _path(text: bytes, tokens: Sequence[Token], place: int) -> str:
    """The last part of the name at a place."""
    at = place
    if tokens[at : at + 1] and text[tokens[at][1] : tokens[at][2]].lower() == b"only":
        at += 1
    while at < len(tokens) and tokens[at][0] in _NAMING:
        kind, start, end = tokens[at]
        if kind == lexer.QUOTED and text[start : start + 1] != b'"':
            return UNREAD
        found = _name(text[start:end])
        if at + 1 == len(tokens) or text[tokens[at + 1][1] : tokens[at + 1][2]] != b".":
            return found
        at += 2
    return UNREAD


def _name(raw: bytes) -> str:
    """An identifier as the database compares it; UNREAD for one that encodings cut in different
    places, or that is not in UTF-8."""
    try:
        shown = raw.decode()
    except UnicodeDecodeError:
        return UNREAD
    if shown[0] == '"':
        shown = shown[1:-1].replace('""', '"')
    else:
        # Letters beyond ASCII are folded in some encodings alone.
        shown = "".join(one.lower() if one.isascii() else one for one in shown)
    kept = names.cut(shown)
    return kept if shown.isascii() or kept == shown else UNREAD
