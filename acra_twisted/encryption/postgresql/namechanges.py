"""Names that have to be looked up for a text: of tables that it gives values to, and of all that it
may define, or give other names.

A view of a protected table may have been made since the schema was read.  A text that makes another
view of it, gives it another name, or writes a function that uses it, names nothing that is known to
be protected.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from acra_twisted.encryption.beginnings import goes_on, is_one
from acra_twisted.encryption.postgresql.targets import UNREAD
from acra_twisted.errors import LexError
from acra_twisted.sql import lexer, names, skeleton

#: First words of statements that define something, or give it another name.
_DEFINING: Final = (b"create", b"alter", b"import")
#: First words of those behind which bare names may mean others.
_MOVING: Final = frozenset((b"set", b"reset", b"discard", b"drop"))
_begins: Final = re.compile(rb"\s*+(?:%b)\b" % b"|".join(_DEFINING), re.I).match
#: A comment before a text's first word.
_commented: Final = re.compile(rb"\s*+(?:--|/[*])").match
#: Words before INTO where no table is made.
_BEFORE_INTO: Final = frozenset((b"insert", b"merge"))
#: Words of statements that bring code in a string.
_CODE: Final = frozenset((b"function", b"procedure", b"routine", b"language", b"do", b"call"))
#: Longer texts are not read by their tokens.
_LONG: Final = 64 << 10
_TOKENS: Final = 200_000
_NAMING: Final = (lexer.WORD, lexer.QUOTED, lexer.UNICODE_QUOTED)
#: Words of a text at most, and bytes of the longest that may be a name.
_MOST: Final = 2_000
_LONGEST: Final = 252


class Wanted(NamedTuple):
    """Names that have to be looked up: ``targets`` are given values to, ``words`` may be defined.

    ``is_fresh``: what is known of them does not count, nor where bare names are looked up.
    ``is_several``: a target must be there, or be one of the words, for the statements before it in
    the text may give its name to something else."""

    targets: Sequence[str] = ()
    words: Sequence[str] = ()
    is_fresh: bool = False
    is_several: bool = False

    @property
    def names(self) -> Sequence[str]:
        """All of them."""
        return (*self.targets, *self.words)


NOTHING: Final = Wanted()


def wanted(text: bytes, targets: Sequence[str], conforming: bool | None) -> Wanted:
    """Return the names for a text that gives values to ``targets``.  ``conforming`` is as in
    `lexer.tokens`."""
    is_alone = not goes_on(text) or is_one(skeleton.split(text, b'"') if conforming else None)
    if is_alone and _commented(text) is None:
        return Wanted(targets, words(text, conforming), True) if _begins(text) else Wanted(targets)
    firsts = None if len(text) > _LONG else _firsts(text, conforming)
    if firsts is None:
        return Wanted(targets, (UNREAD,), True, not is_alone)
    if not firsts.isdisjoint(_DEFINING):
        return Wanted(targets, words(text, conforming), True, not is_alone)
    return Wanted(targets, (), not (is_alone or firsts.isdisjoint(_MOVING)), not is_alone)


def may_define(text: bytes) -> bool:
    """Tell whether a text may begin with a statement that defines something."""
    return _begins(text) is not None or _commented(text) is not None


def words(text: bytes, conforming: bool | None) -> Sequence[str]:
    """Return all words of a text that may be names, as the database compares names, each once;
    UNREAD among them if it may name something by none of them.  Words of strings are left out: they
    may be values, which no question may tell the database."""
    try:
        tokens = [] if len(text) > _LONG else lexer.tokens(text, conforming, _TOKENS)
    except LexError:
        tokens = []
    if not tokens or b'""' in text:
        return (UNREAD,)
    found = {text[start:end]: kind for kind, start, end in tokens if kind in _NAMING}
    if len(found) > _MOST or lexer.UNICODE_QUOTED in found.values():
        return (UNREAD,)
    kept = dict.fromkeys(one for raw in found for one in _names(raw.strip(b'"')))
    brings = any(kind in lexer.LITERALS and kind != lexer.NUMBER for kind, _, _ in tokens)
    if brings and not _CODE.isdisjoint(map(bytes.lower, found)):
        kept[UNREAD] = None
    return (UNREAD,) if UNREAD in kept else tuple(kept)


def _names(raw: bytes) -> Iterator[str]:
    """The names that a word may be, with quotes around it or without."""
    if not 0 < len(raw) <= _LONGEST:
        return
    try:
        shown = raw.decode()
    except UnicodeDecodeError:
        yield UNREAD
        return
    kept = names.cut(shown)
    if kept != shown and not shown.isascii():
        yield UNREAD
        return
    yield kept
    yield "".join(one.lower() if one.isascii() else one for one in kept)


def _firsts(text: bytes, conforming: bool | None) -> frozenset[bytes] | None:
    """The first words of the statements of a text, ``create`` for a query that makes a table; None
    if they cannot be read."""
    try:
        tokens = lexer.tokens(text, conforming, _TOKENS)
    except LexError:
        return None
    found = set()
    before = b";"
    for kind, start, end in tokens:
        if kind == lexer.COMMENT:
            continue
        shown = text[start:end].lower()
        if before == b";":
            found.add(shown)
        elif kind == lexer.WORD and shown == b"into" and before not in _BEFORE_INTO:
            found.add(b"create")
        before = shown
    return frozenset(found)
