"""The sentence that each view begins with.

Rules of views make it: each has an id, a threshold and its words.  They state facts and counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

#: What a sentence is about: the database, something bad, slow ones, good news, nothing of these.
DATABASE, BAD, SLOW, GOOD, PLAIN = "db", "bad", "slow", "good", ""
#: Sentences of a view at most.
JOINED: Final = 2


class Piece(NamedTuple):
    """A part of a sentence; ``strong``, or a link to ``href``, or neither."""

    text: str
    href: str = ""
    strong: bool = False


class Sentence(NamedTuple):
    """One or more sentences by the rule of an id."""

    rule: str
    kind: str
    pieces: tuple[Piece, ...]

    @property
    def text(self) -> str:
        """The whole as plain text."""
        return "".join(piece.text for piece in self.pieces)


class Answer(NamedTuple):
    """The sentences of a view, the weightiest first; it has one at least."""

    sentences: tuple[Sentence, ...]

    @property
    def kind(self) -> str:
        """The kind of the first one."""
        return self.sentences[0].kind

    @property
    def pieces(self) -> list[Piece]:
        """The parts of all, with blanks between."""
        found: list[Piece] = []
        for sentence in self.sentences:
            if found:
                found.append(Piece(" "))
            found += sentence.pieces
        return found

    def as_json(self) -> dict[str, Any]:
        """The text, and the ids of the rules."""
        return {
            "text": "".join(piece.text for piece in self.pieces),
            "rules": [sentence.rule for sentence in self.sentences],
        }


def sentence(rule: str, kind: str, *pieces: str | Piece) -> Sentence:
    """Make a sentence of texts and pieces."""
    whole = [Piece(one) if isinstance(one, str) else one for one in pieces]
    return Sentence(rule, kind, tuple(whole))


def answer(said: Sequence[Sentence | None], otherwise: Sentence) -> Answer:
    """Join the first of those that have anything to say; ``otherwise`` if none has."""
    found = [one for one in said if one is not None][:JOINED]
    return Answer(tuple(found or [otherwise]))


def strong(text: str) -> Piece:
    """Text that the eye should find."""
    return Piece(text, strong=True)


def link(text: str, href: str) -> Piece:
    """Text that leads somewhere."""
    return Piece(text, href)
