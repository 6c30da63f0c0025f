"""Tables and routines that a text gives values to, or may give other names, by its words alone.

A view of a protected table may have been made since the schema was read: a text that writes through
it, or makes another view of it, names nothing that is known to be protected.  So names that are new
have to be looked up.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from acra_twisted.encryption.beginnings import Heads, goes_on, is_one
from acra_twisted.sql import lexer, mysqltokens, skeleton
from acra_twisted.sql.lexer import Token
from acra_twisted.sql.pieces import pieces

_NAME: Final = rb"(`[^`\x00]++`|[A-Za-z_$][0-9A-Za-z_$]*+)"
_PATH: Final = _NAME + rb"(?:[.]" + _NAME + rb")?(?=[\s(;]|\Z)(?!\s*+[./#-])"
#: None of these is a name without quotes.
_NO_MODIFIER: Final = rb"(?!(?:low_priority|delayed|high_priority|ignore|into|set)\b)"
#: The beginning of a statement whose only target stands there.
_simple: Final = re.compile(
    rb"[ \t\r\n]*+(?:(?:insert|replace)\s++"
    rb"(?:(?:low_priority|delayed|high_priority|ignore)\s++|(?!))*+(?:into\s++|(?!into\s))"
    + _NO_MODIFIER
    + _PATH
    + rb"|update\s++(?:(?:low_priority|ignore)\s++|(?!))*+"
    + _NO_MODIFIER
    + _PATH
    + rb"\s++set\b|call\s++"
    + _PATH
    + rb")",
    re.I,
).match
#: Words of statements that give values to something.
_WORDS: Final = (b"insert", b"replace", b"update", b"call", b"load", b"create", b"alter", b"rename")
#: Words of statements that define something, or give it another name, and of what may stand for a
#: protected table then, or use one.
_DEFINING: Final = frozenset(("create", "alter", "rename"))
_DEFINED: Final = frozenset(
    ("view", "rename", "procedure", "function", "trigger", "event", "package")
)
#: Words of definitions that name nothing.
_NAMELESS: Final = _DEFINING | frozenset(
    ("view", "table", "as", "select", "from", "where", "and", "or", "replace", "to", "on", "begin")
    + ("end", "insert", "into", "values", "update", "set", "if", "not", "exists", "in", "join")
)
#: Names in a definition at most.
_NAMES: Final = 100
_gives: Final = re.compile(
    rb"(?<![A-Za-z_$])(?:" + b"|".join(_WORDS) + rb")(?![0-9A-Za-z_$])", re.I
).search
_begins: Final = re.compile(rb"\s*+(?:insert|replace|update|call)\b", re.I).match
_MODIFIERS: Final = frozenset(("low_priority", "delayed", "high_priority", "ignore", "into"))
#: Words before UPDATE where it is no statement.
_BEFORE_UPDATE: Final = frozenset(("for", "key", "on"))
_JOINING: Final = frozenset((",", "join", "straight_join"))
_NAMING: Final = (lexer.WORD, lexer.QUOTED)


class Target(NamedTuple):
    """A table or a routine as a text names it; ``database`` is "" where it names none.  Without a
    name it is one that cannot be read."""

    database: str
    name: str

    def within(self, database: str) -> Target:
        """Return the same, in a database if it names none; what cannot be read stays as it is."""
        return self if self.database or not self.name else Target(database, self.name)


UNREAD: Final = Target("", "")
_heads: Final[Heads[Target]] = Heads()


def gives(text: bytes) -> bool:
    """Tell whether a text may give values to something; it may say yes of one that does not."""
    lowered = text.lower()
    # Looking for bytes takes a small part of the time that a pattern takes.
    if not any(word in lowered for word in _WORDS):
        return False
    return any(_gives(piece) is not None for piece in pieces(text))


def begins_giving(text: bytes) -> bool:
    """Tell whether a text begins as most do that give values; it may say no of others."""
    return _begins(text) is not None


def simple(text: bytes) -> Sequence[Target] | None:
    """The target of a text that is one simple statement; None where only its tokens can tell."""
    if goes_on(text) and not _is_one(text):
        return None
    if text[:3].lower() == b"sel":
        return ()
    known = _heads.get(text)
    if known is not None:
        return known
    found = _simple(text)
    if found is None:
        return None
    names = [one for one in found.groups() if one is not None]
    shown = [one.strip(b"`").decode("utf-8", "replace") for one in names]
    made = (Target(shown[0] if len(shown) > 1 else "", shown[-1]),)
    _heads.keep(text, found.end(), made)
    return made


def _is_one(text: bytes) -> bool:
    """Tell whether a text with semicolons is one statement in every mode."""
    return is_one(None if b'"' in text or b"\\" in text else skeleton.split(text, b"`"))


def of_statements(
    text: bytes,
    statements: Sequence[Sequence[Token]],
    inner: Callable[[Token], Sequence[Target]],
) -> Sequence[Target]:
    """The targets of statements by their tokens, each once.  ``inner`` gives those of a string
    that is run."""
    found: dict[Target, None] = {}
    for part in statements:
        words = [mysqltokens.word(text, token) for token in part]
        if words[0] == "use" and len(statements) > 1:
            # Names behind it mean others.
            found[UNREAD] = None
        found.update(dict.fromkeys(_of(text, part, words)))
        if not _DEFINING.isdisjoint(words) and not _DEFINED.isdisjoint(words):
            found.update(dict.fromkeys(_named(text, part, words)))
        if "prepare" in words or "immediate" in words:
            for token in part:
                if token[0] == lexer.STRING:
                    found.update(dict.fromkeys(inner(token)))
    return tuple(found)


def _of(text: bytes, part: Sequence[Token], words: Sequence[str]) -> Iterator[Target]:
    for at, word in enumerate(words):
        if part[at][0] != lexer.WORD:
            continue
        behind = words[at + 1] if at + 1 < len(words) else ""
        if word in ("insert", "replace") and behind != "(":
            place = at + 1
            while place < len(words) and words[place] in _MODIFIERS:
                place += 1
            yield _path(text, part, place)
        elif word == "update" and (
            not at or words[at - 1] not in _BEFORE_UPDATE or _is_set_for(words, at)
        ):
            yield from _updated(text, part, words, at + 1)
        elif word == "into" and behind == "table":
            yield _path(text, part, at + 2)
        elif word == "call":
            yield _path(text, part, at + 1)


def _is_set_for(words: Sequence[str], at: int) -> bool:
    """Tell whether SET STATEMENT stands before the UPDATE at a place, which is no lock then."""
    return words[at - 1] == "for" and "statement" in words[:at] and "set" in words[at:]


def _named(text: bytes, part: Sequence[Token], words: Sequence[str]) -> Sequence[Target]:
    """All names in a definition: it may have a new view in it, whose own name is another then."""
    found = {
        _path(text, part, at)
        for at, word in enumerate(words)
        if part[at][0] in _NAMING and (not at or words[at - 1] != ".") and word not in _NAMELESS
    }
    return list(found) if len(found) <= _NAMES else [UNREAD]


def _updated(
    text: bytes, part: Sequence[Token], words: Sequence[str], place: int
) -> Iterator[Target]:
    """The tables of UPDATE: those of a query in place of one, too."""
    is_due = True
    for at in range(place, len(words)):
        word = words[at]
        if word == "set" and part[at][0] == lexer.WORD:
            return
        if is_due and word != "(" and word not in _MODIFIERS:
            yield _path(text, part, at)
            is_due = False
        is_due = is_due or word in _JOINING


def _path(text: bytes, part: Sequence[Token], place: int) -> Target:
    """The name at a place."""
    names: list[str] = []
    for at in range(place, len(part), 2):
        kind, start, end = part[at]
        if kind not in _NAMING:
            break
        shown = text[start:end].decode("utf-8", "replace")
        if kind == lexer.QUOTED:
            shown = shown[1:-1].replace(shown[0] * 2, shown[0])
        names.append(shown)
        if at + 1 >= len(part) or mysqltokens.word(text, part[at + 1]) != ".":
            break
    if not names or len(names) > 2:
        return UNREAD
    return Target(names[0] if len(names) > 1 else "", names[-1])
