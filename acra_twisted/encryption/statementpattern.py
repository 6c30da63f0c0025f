"""Statements as a configuration writes them, compared with those of clients token by token."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from acra_twisted.encryption.settings import Bypass
from acra_twisted.errors import ConfigError, LexError
from acra_twisted.sql import lexer, mysqllexer
from acra_twisted.sql.lexer import LITERALS, Token

# It has the parser, which takes time to import; the configuration is read at every start.
if TYPE_CHECKING:
    from acra_twisted.sql.languages import Mode

#: The names of the databases, as in `sql.languages`.
LANGUAGE: Final = "postgresql"
MYSQL: Final = "mysql"
#: The same to the names that configurations of columns give them.
DATABASES: Final = {LANGUAGE: "PostgreSQL", MYSQL: "MySQL"}
_ANY: Final = b"?"
#: Kinds of tokens that a question mark is, in one database or the other.
_MARKS: Final = frozenset((lexer.OPERATOR, lexer.PARAMETER))
#: The only statements in which a question mark stands for a value: literals of others are code.
_WITH_VALUES: Final = frozenset(
    (b"select", b"insert", b"update", b"delete", b"merge", b"values", b"with")
)
#: They act in the session later, or do what was said earlier.
_DEFERRED: Final = frozenset((b"prepare", b"execute"))
#: Tokens of a pattern, and tokens that a text may have for each of them, with its comments.
_MOST: Final = 5_000
_COMMENTS: Final = 100


class StatementPattern:
    """One statement.  A question mark that stands alone is any one literal or parameter; all else
    is as written, but for white space, comments, and the case of words without quotes.

    ``language`` is the one of the databases that it is written in.

    Raises ValueError with the reason for a text that cannot be a pattern.
    """

    __slots__ = ("_tokens", "_language")

    def __init__(self, text: bytes, language: str = LANGUAGE) -> None:
        self._language = language
        try:
            found = _without_end(_read(text, _MOST, language))
        except LexError as error:
            raise ValueError(error.why) from None
        if not found:
            raise ValueError("expected a statement")
        first = found[0][1]
        if (lexer.OPERATOR, b";") in found:
            raise ValueError("expected one statement")
        if first in _DEFERRED:
            raise ValueError("PREPARE and EXECUTE have no bypass; name the statement itself")
        for kind, raw in found:
            if kind in _MARKS and _ANY in raw:
                if raw != _ANY:
                    raise ValueError("a question mark stands alone, between blanks")
                if first not in _WITH_VALUES:
                    raise ValueError("a question mark has no place in such a statement")
        self._tokens = found

    def matches(self, text: bytes, mode: Mode) -> bool:
        """Tell whether a client's text, which the database reads in ``mode``, is this statement.

        False for a text that the database may read in another way than it is read here."""
        if b"\\" in text and (mode.backslash is not False or self._language == MYSQL):
            return False
        if b'"' in text and self._language == MYSQL:
            return False
        if not text.isascii() and mode.encoding != "utf-8":
            return False
        own = self._tokens
        try:
            given = _without_end(_read(text, len(own) + _COMMENTS, self._language))
        except LexError:
            return False
        return len(given) == len(own) and all(map(_fits, own, given))


def pattern_of(bypass: Bypass, language: str = LANGUAGE) -> StatementPattern:
    """Return the pattern of a bypass's statement.  Raises ConfigError."""
    try:
        return StatementPattern(bypass.statement.encode(), language)
    except ValueError as error:
        told = f"bypass {bypass.name!r} (line {bypass.line}): statement: {error}"
        raise ConfigError(told) from None


def _fits(own: tuple[str, bytes], given: tuple[str, bytes]) -> bool:
    if own[0] in _MARKS and own[1] == _ANY:
        return given[0] in LITERALS or given[0] == lexer.PARAMETER
    return own == given


def _read(text: bytes, limit: int, language: str) -> list[tuple[str, bytes]]:
    """The kinds and texts of the tokens but for comments.  Raises LexError."""
    if language == MYSQL:
        return list(_folded(text, mysqllexer.tokens(text, limit=limit)))
    return list(_folded(text, lexer.tokens(text, True, limit)))


def _folded(text: bytes, tokens: Sequence[Token]) -> Iterator[tuple[str, bytes]]:
    for kind, start, end in tokens:
        if kind != lexer.COMMENT:
            raw = text[start:end]
            yield kind, raw.lower() if kind == lexer.WORD else raw


def _without_end(tokens: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """The tokens without semicolons at the end."""
    while tokens and tokens[-1] == (lexer.OPERATOR, b";"):
        tokens.pop()
    return tokens
