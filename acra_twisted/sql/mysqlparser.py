"""Canonical text of MySQL to sqlglot's expressions, with limits.

sqlglot tries several readings of a call that has the name of a type, each of which tries them anew
for the call inside: a hundred bytes could take days.  So few of these may stand within each other.
Whatever else it reads again and again is bounded by the number of times that it asks its dialect.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

from sqlglot import exp
from sqlglot.dialects.mysql import MySQL
from sqlglot.errors import ErrorLevel
from sqlglot.tokenizer_core import TokenType

from acra_twisted.errors import LexError
from acra_twisted.sql.tree import UnparsableError

_DEEP: Final = "nested too deeply"
#: Calls with names of types within each other.
_MAX_CALLS: Final = 6
#: Questions to the dialect: a statement needs less than three for each of its tokens.
_QUESTIONS: Final = 1_000
_A_TOKEN: Final = 10
_TYPES: Final[Any] = MySQL.parser_class.TYPE_TOKENS
#: Tokens at the end of what a UNION may stand behind: elsewhere it is the name of a type.
_OPERANDS: Final = frozenset(
    (TokenType.R_PAREN, TokenType.VAR, TokenType.IDENTIFIER, TokenType.NUMBER, TokenType.STRING)
    + (TokenType.STAR, TokenType.NULL, TokenType.TRUE, TokenType.FALSE, TokenType.PARAMETER)
)
_COMMANDS: Final[Any] = MySQL.tokenizer_class.COMMANDS
#: Before a query in brackets, of which sqlglot reads the first pair alone.
_EXPLAINING: Final = re.compile(
    r"(?:EXPLAIN|DESCRIBE|DESC)( EXTENDED| FORMAT = [A-Z]+)? (?=\()", re.I
).match
#: A function whose arguments sqlglot copies, each time that it is called.
_COPYING: Final = "SORT_ARRAY"


class _Bounded(MySQL):
    """The dialect of one text: asked too often, it raises LexError."""

    #: How often it may be asked; while it is made nothing is counted that matters.
    left = 1 << 62

    def __getattribute__(self, name: str) -> Any:
        left = object.__getattribute__(self, "left") - 1
        if left < 0:
            raise LexError(_DEEP, 0)
        self.left = left
        return object.__getattribute__(self, name)


_USUAL: Final = MySQL()


def parse(canon: str, is_literal: Callable[[str], object], questions: int = 0) -> list[Any]:
    """Parse canonical text; ``questions`` is how often the dialect may be asked, by default what
    suits the text.

    Raises LexError for a text that would take too long, and UnparsableError where sqlglot cuts it
    otherwise than we do: it has no comment, and no string but those that ``is_literal`` knows by
    their text.  Errors of sqlglot's go through.
    """
    explaining = _EXPLAINING(canon)
    if explaining is None:
        return _parse(canon, is_literal, questions)
    read = _parse(canon[explaining.end() :], is_literal, questions)
    if len(read) != 1 or not isinstance(read[0], exp.Query):
        raise UnparsableError("what is explained is no query")
    return [exp.Describe(this=read[0], style=explaining[1])]


def _parse(canon: str, is_literal: Callable[[str], object], questions: int) -> list[Any]:
    tokens = _USUAL.tokenize(canon)
    # What sqlglot does not analyse is two tokens to it: a word, and the rest as it stands.
    is_analysed = len(tokens) != 2 or tokens[0].token_type not in _COMMANDS
    for token in tokens if is_analysed else ():
        is_string = token.token_type == TokenType.STRING
        if token.comments or is_string and not is_literal(token.text):
            raise UnparsableError("the parser cuts the text otherwise")
    _check_calls(tokens)
    dialect = _Bounded()
    dialect.left = questions or _QUESTIONS + _A_TOKEN * len(tokens)
    return list(dialect.parser(error_level=ErrorLevel.IMMEDIATE).parse(tokens, canon))


def _check_calls(tokens: Sequence[Any]) -> None:
    """Raise LexError where too many calls with names of types are open."""
    opened: list[bool] = []
    calls = 0
    before, name = None, ""
    is_set = False
    for token in tokens:
        kind = token.token_type
        if kind == TokenType.L_PAREN:
            opened.append(before in _TYPES and not is_set or name == _COPYING)
            calls += opened[-1]
            if calls > _MAX_CALLS:
                raise LexError(_DEEP, 0)
        elif kind == TokenType.R_PAREN and opened:
            calls -= opened.pop()
        is_set = kind == TokenType.UNION and before in _OPERANDS
        before, name = kind, token.text.upper()
