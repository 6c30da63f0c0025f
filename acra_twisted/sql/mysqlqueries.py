"""The statement or query inside a statement that is not analysed.

A whole statement stands behind SET STATEMENT ... FOR, and behind an event's DO.  A query stands at
the end of CREATE TABLE and CREATE VIEW with words that the parser does not know, of ALTER VIEW, and
in the body of a trigger, a routine, an event or a block.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from acra_twisted.sql import lexer
from acra_twisted.sql.lexer import Token

#: First words of statements that have a query at their end.
_VERBS: Final = frozenset((b"create", b"alter", b"begin"))
_EVENTS: Final = frozenset((b"create", b"alter"))
#: First words of queries that other statements have, too.
_SHARED: Final = ([b"table"], [b"values"])
_SEQUENCES: Final = ([b"next", b"value"], [b"previous", b"value"])
#: Behind a view's query.
_CHECKS: Final = (
    [b"with", b"check", b"option"],
    [b"with", b"local", b"check", b"option"],
    [b"with", b"cascaded", b"check", b"option"],
)


class Inner(NamedTuple):
    """The tokens of what is inside; none if nothing is.  ``is_whole``: they are all of a statement;
    those of a query in a body may have words behind it that are the body's."""

    tokens: list[Token]
    is_whole: bool


def inner(text: bytes, part: list[Token]) -> Inner:
    """Find what is inside one statement, given by its tokens without comments."""
    words: list[bytes] = []
    for kind, start, end in part:
        # Behind a dot every word is a name.
        is_name = kind not in (lexer.WORD, lexer.OPERATOR) or words[-1:] == [b"."]
        words.append(b"" if is_name else text[start:end].lower())
    begin, by = _carried(words)
    if by == b"for" or (begin and _begins(words, begin)):
        return Inner(part[begin:], True)
    if not begin and (not words or words[0] not in _VERBS):
        return Inner([], False)
    end = len(words)
    for check in _CHECKS:
        if words[-len(check) :] == check:
            end -= len(check)
    depth = 0
    for place in range(begin or 1, end):
        word = words[place]
        if not depth and _begins(words, place):
            return Inner(part[place:end], False)
        depth += (word == b"(") - (word == b")")
    return Inner([], False)


def _carried(words: list[bytes]) -> tuple[int, bytes]:
    """Return the place of the innermost statement behind FOR or DO, and that word; zero and nothing
    if there is none.  Settings and schedules before it may have queries in them."""
    begin, by = 0, b""
    while True:
        if words[begin : begin + 2] == [b"set", b"statement"]:
            wanted = b"for"
        elif words[begin : begin + 1] and words[begin] in _EVENTS:
            wanted = b"do"
        else:
            return begin, by
        found = _behind(words, begin, wanted)
        if not found:
            return begin, by
        begin, by = found, wanted


def _behind(words: list[bytes], begin: int, wanted: bytes) -> int:
    """Return the place behind the first FOR or DO outside brackets; zero if there is none.  A DO
    without a schedule before it is one of a body, and NEXT VALUE has a FOR of its own."""
    depth = 0
    is_seen = wanted == b"for"
    for place in range(begin, len(words)):
        word = words[place]
        depth += (word == b"(") - (word == b")")
        if depth:
            continue
        is_seen = is_seen or words[place - 1 : place + 1] == [b"on", b"schedule"]
        if word == wanted and is_seen and words[max(place - 2, 0) : place] not in _SEQUENCES:
            return place + 1
    return 0


def _begins(words: list[bytes], place: int) -> bool:
    """Tell whether a query begins here, in brackets or without."""
    bare = place
    while words[place : place + 1] == [b"("]:
        place += 1
    first = words[place : place + 1]
    if first in _SHARED:
        return bare < place or _is_query(words, place)
    if first != [b"with"]:
        return first == [b"select"]
    if words[place + 1 : place + 2] == [b"recursive"]:
        place += 1
    # A name, and its columns or its query: WITH of other clauses has other words behind it.
    return words[place + 2 : place + 3] in ([b"as"], [b"("])


def _is_query(words: list[bytes], place: int) -> bool:
    """Tell whether a TABLE or VALUES outside brackets is a query, and no part of another
    statement."""
    if words[place - 1] in (b"as", b"do"):
        return True
    # The first is of CREATE TABLE itself.
    return words[0] == b"create" and b"table" in words[:place]
