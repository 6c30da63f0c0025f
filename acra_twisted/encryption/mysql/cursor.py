"""Steps through the tokens of a statement.

What a reader does not know is an error: nothing is passed over.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from acra_twisted.errors import AcraError
from acra_twisted.sql import lexer
from acra_twisted.sql.lexer import Token

#: Brackets, subqueries and signs before a value that may be in each other.
MAX_DEPTH: Final = 40


class UnreadableError(AcraError):
    """A statement that is not wholly understood.  The text says what, and never has a value."""


class Cursor:
    """The tokens of one statement, without comments.

    ``ordinals`` gives the number of a literal by its place in the text; the end of the statement is
    a token of its own, ``end``.  ``deciding`` are the numbers of literals that are read like names:
    with others the statement would mean something else.
    """

    __slots__ = ("text", "tokens", "at", "depth", "parameters", "deciding", "_ordinals", "_lowered")

    def __init__(
        self, text: bytes, tokens: Sequence[Token], ordinals: dict[int, int], parameters: int = 0
    ) -> None:
        end = tokens[-1][2] if tokens else 0
        self.text = text
        self.tokens = [*tokens, ("end", end, end)]
        self.at = 0
        self.depth = 0
        self.parameters = parameters
        self.deciding: set[int] = set()
        self._ordinals = ordinals
        self._lowered = [
            text[start:end].decode("utf-8", "replace").lower()
            if kind in (lexer.WORD, lexer.OPERATOR)
            else ""
            for kind, start, end in self.tokens
        ]

    @property
    def kind(self) -> str:
        """The kind of the token here."""
        return self.tokens[self.at][0]

    @property
    def start(self) -> int:
        """The place of the token here."""
        return self.tokens[self.at][1]

    @property
    def done(self) -> int:
        """The end of the token before."""
        return self.tokens[self.at - 1][2] if self.at else 0

    @property
    def ordinal(self) -> int:
        """The number of the literal here."""
        return self._ordinals[self.tokens[self.at][1]]

    @property
    def here(self) -> str:
        """The word or sign here, in small letters; "" for anything else, such as a name in
        quotes."""
        return self._lowered[self.at]

    def behind(self, further: int = 1) -> str:
        """Return the word or sign so many tokens further on; "" for anything else."""
        place = self.at + further
        return self._lowered[place] if place < len(self._lowered) else ""

    def kind_behind(self, further: int = 1) -> str:
        """Return the kind of a token further on; "" behind the end."""
        place = self.at + further
        return self.tokens[place][0] if place < len(self.tokens) else ""

    def step(self) -> None:
        """Go on by a token."""
        if self.at < len(self.tokens) - 1:
            self.at += 1

    def takes(self, *words: str) -> bool:
        """Step over one of some words or signs, if one is here."""
        if self._lowered[self.at] in words and self._lowered[self.at]:
            self.at += 1
            return True
        return False

    def takes_all(self, *words: str) -> bool:
        """Step over some words in a row, if they are here."""
        for further, word in enumerate(words):
            if self.behind(further) != word:
                return False
        self.at += len(words)
        return True

    def expect(self, word: str) -> None:
        """Step over a word or sign.  Raises UnreadableError if it is not here."""
        if not self.takes(word):
            raise self.error(f"{word.upper()} is missing")

    def error(self, text: str) -> UnreadableError:
        """Return the error of what is here."""
        return UnreadableError(text)

    def enter(self) -> None:
        """Note that something begins that may hold its like.  Raises UnreadableError."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.error("it is nested too deeply")

    def leave(self) -> None:
        """Note that it has ended."""
        self.depth -= 1
