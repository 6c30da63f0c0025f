"""The query at the end of a statement that is not analysed.

Such are CREATE TABLE and CREATE VIEW with words that the parser does not know, ALTER VIEW, and SET
STATEMENT.
"""

from __future__ import annotations

from typing import Final

from acra_twisted.sql import lexer
from acra_twisted.sql.lexer import Token

#: First words of statements that have a query at their end.
_VERBS: Final = frozenset((b"create", b"alter", b"set"))
#: Behind a view's query.
_CHECKS: Final = (
    [b"with", b"check", b"option"],
    [b"with", b"local", b"check", b"option"],
    [b"with", b"cascaded", b"check", b"option"],
)


def last(text: bytes, part: list[Token]) -> list[Token]:
    """The tokens of the query, of those of one statement without comments; none if it has none."""
    words = [
        text[start:end].lower() if kind in (lexer.WORD, lexer.OPERATOR) else b""
        for kind, start, end in part
    ]
    if not words or words[0] not in _VERBS or words[0] == b"set" and words[1:2] != [b"statement"]:
        return []
    end = len(words)
    for check in _CHECKS:
        if words[-len(check) :] == check:
            end -= len(check)
    depth = 0
    for place in range(1, end):
        word = words[place]
        if not depth and _begins(words, place):
            return part[place:end]
        depth += (word == b"(") - (word == b")")
    return []


def _begins(words: list[bytes], place: int) -> bool:
    """Tell whether a query begins here, in brackets or without."""
    while words[place : place + 1] == [b"("]:
        place += 1
    first = words[place : place + 1]
    if first != [b"with"]:
        return first == [b"select"]
    if words[place + 1 : place + 2] == [b"recursive"]:
        place += 1
    # A name, and its columns or its query: WITH of other clauses has other words behind it.
    return words[place + 2 : place + 3] in ([b"as"], [b"("])
