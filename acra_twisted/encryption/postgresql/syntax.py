"""The text of statements with its tokens, and its tree with positions.

The tree is libpg_query's own: a dict a node, ``{"ColumnRef": {..., "location": 7}}``.  Locations
are byte offsets in the text; one of 0 is left out.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from operator import itemgetter
from typing import Any, Final, NamedTuple

import pgparse

from acra_twisted.errors import LexError
from acra_twisted.sql import lexer
from acra_twisted.sql.lexer import Token
from acra_twisted.sql.tree import UnparsableError

#: The fields of a node.
Fields = dict[str, Any]

_TEXTS: Final = frozenset((lexer.STRING, lexer.ESCAPE, lexer.DOLLAR))
#: A longer one names nothing.
_LONG: Final = 256
_SECOND_WORDS: Final = {
    b"character": (b"varying",),
    b"char": (b"varying",),
    b"nchar": (b"varying",),
    b"double": (b"precision",),
}
_NAMES: Final = frozenset((lexer.WORD, lexer.QUOTED))
_first: Final = itemgetter(0)
_second: Final = itemgetter(1)
_WORD_END: Final = re.compile(rb"[A-Za-z0-9_$\x80-\xff'\"]")


class Statement(NamedTuple):
    """One statement of a text, which is ``text[start:end]`` with what divides it from the next."""

    kind: str
    fields: Fields
    start: int
    end: int


class Text:
    """A text in UTF-8, and where its tokens stand.  ``tokens`` are without comments."""

    __slots__ = ("text", "tokens", "literals", "_places", "_ordinals")

    def __init__(self, text: bytes, tokens: Sequence[Token]) -> None:
        self.text = text
        self.tokens = [token for token in tokens if token[0] != lexer.COMMENT]
        self._places = {token[1]: place for place, token in enumerate(self.tokens)}
        #: Offsets of the literals, each ``(start, end)``.
        self.literals = [(t[1], t[2]) for t in self.tokens if t[0] in lexer.LITERALS]
        self._ordinals = {start: number for number, (start, _) in enumerate(self.literals)}

    def tokens_of(self, statement: Statement) -> Sequence[Token]:
        """The tokens of one of its statements."""
        first = bisect_left(self.tokens, statement.start, key=_second)
        return self.tokens[first : bisect_left(self.tokens, statement.end, first, key=_second)]

    def literals_of(self, statement: Statement) -> range:
        """The numbers of the literals of one of its statements."""
        first = bisect_left(self.literals, statement.start, key=_first)
        return range(first, bisect_left(self.literals, statement.end, first, key=_first))

    def at(self, start: int) -> Token | None:
        """The token that begins at an offset."""
        place = self._places.get(start)
        return None if place is None else self.tokens[place]

    def place(self, start: int) -> int:
        """The number of the token that begins at an offset; -1 if none does."""
        return self._places.get(start, -1)

    def ordinal(self, start: int) -> int:
        """The number of the literal that begins at an offset; -1 if none does."""
        return self._ordinals.get(start, -1)

    def literal(self, location: int) -> tuple[int, bool]:
        """The offset at which the literal of an A_Const begins, -1 if the grammar made the
        constant itself; and whether a minus sign before it belongs to it."""
        if location in self._ordinals:
            return location, False
        token = self.at(location)
        if token is not None and self.text[token[1] : token[2]] == b"-":
            place = self._places[location] + 1
            if place < len(self.tokens) and self.tokens[place][0] in lexer.LITERALS:
                return self.tokens[place][1], True
        return -1, False

    def sign(self, start: int) -> int:
        """The offset at which the sign before a literal begins."""
        return self.tokens[self._places[start] - 1][1]

    def shown(self, place: int) -> bytes:
        """The text of a token by its number, in small letters; empty beyond the last."""
        if not 0 <= place < len(self.tokens):
            return b""
        _, start, end = self.tokens[place]
        return self.text[start:end].lower()

    def closing(self, place: int) -> int:
        """The number of the token that closes the bracket with the number ``place``; -1 if none
        does."""
        depth = 0
        for number in range(place, len(self.tokens)):
            sign = self.shown(number)
            if sign in (b"(", b"["):
                depth += 1
            elif sign in (b")", b"]"):
                depth -= 1
                if not depth:
                    return number
        return -1

    def type_span(self, location: int) -> tuple[int, int] | None:
        """The span of a type's name with its modifiers; None if it is of a form that is not
        known."""
        places = self.type_places(location)
        return places and (self.tokens[places[0]][1], self.tokens[places[1]][2])

    def type_places(self, location: int, array: bool = False) -> tuple[int, int] | None:
        """The numbers of the first and the last token of a type's name with its modifiers, or with
        the brackets of an array; None if it is of a form that is not known."""
        first = place = self.place(location)
        if place < 0 or self.tokens[place][0] not in _NAMES:
            return None
        if self.shown(place) == b"national":
            place += 1
        if self.shown(place + 1) in _SECOND_WORDS.get(self.shown(place), ()):
            place += 1
        while self.shown(place + 1) == b"." and self.tokens[place + 2][0] in _NAMES:
            place += 2
        if self.shown(place + 1) == b"(":
            place = self.closing(place + 1)
        if place >= 0 and (self.shown(place + 2), self.shown(place + 3)) == (b"time", b"zone"):
            # `timestamp with time zone`, or without.
            place += 3
        if array and place >= 0 and self.shown(place + 1) == b"[":
            place = self.closing(place + 1)
        elif array:
            return None
        if place < 0 or self.shown(place + 1) in (b"[", b"%", b"array"):
            return None
        return first, place

    def call_span(self, location: int) -> tuple[int, int] | None:
        """The span of a function's call; None if it has no brackets."""
        place = self.place(location)
        if place < 0:
            return None
        while self.shown(place + 1) == b".":
            place += 2
        closing = self.closing(place + 1) if self.shown(place + 1) == b"(" else -1
        return None if closing < 0 else (location, self.tokens[closing][2])


def parse(
    text: bytes, tokens: Sequence[Token], unread: Sequence[tuple[int, int]] = ()
) -> list[Statement]:
    """The statements of a text, with every location as in the text.

    ``tokens`` are the lexer's of this very text, comments included; the text must be UTF-8 and read
    with standard_conforming_strings on.  What stands in the spans ``unread`` is left out.  Raises
    UnparsableError, and LexError for a tree too deep.
    """
    spans = [(start, end, b"") for start, end in unread]
    for kind, start, end in tokens:
        # Runs of comments take the server's lexer long, and so do long strings its parser.
        if kind == lexer.COMMENT:
            spans.append((start, end, b""))
        elif kind in _TEXTS and end - start > _LONG:
            spans.append((start, end, b"'"))
    try:
        raw = pgparse.parse(_blanked(text, spans).decode())
    except pgparse.PGQueryError:
        raise UnparsableError("syntax error") from None
    except RecursionError:
        raise LexError("nested too deeply", 0) from None
    starts = [0, *(one.get("stmt_location", 0) for one in raw[1:]), len(text)]
    found = []
    for number, one in enumerate(raw):
        kind, fields = node(one["stmt"])
        found.append(Statement(kind, fields, starts[number], starts[number + 1]))
    return found


def _blanked(text: bytes, spans: list[tuple[int, int, bytes]]) -> bytes:
    """The text with blanks in the place of spans, or with a string of blanks for those with a
    quote."""
    parts: list[bytes] = []
    position = 0
    for start, end, quote in sorted(spans):
        if start < position:
            continue
        parts += (text[position:start], quote + b" " * (end - start - 2 * len(quote)) + quote)
        position = end
    parts.append(text[position:])
    return b"".join(parts)


def node(item: Any) -> tuple[str, Fields]:
    """Kind and fields of a node; an empty kind for what is none."""
    if type(item) is dict and len(item) == 1:
        kind, fields = next(iter(item.items()))
        if kind[:1].isupper() and type(fields) is dict:
            return kind, fields
    return "", {}


def strings(items: Any) -> list[str]:
    """The names of a list of String nodes; a star is ``*``."""
    found = []
    for item in items or ():
        kind, fields = node(item)
        if kind == "String":
            found.append(fields.get("sval", ""))
        elif kind == "A_Star":
            found.append("*")
    return found


def is_star(item: Any) -> bool:
    """Tell whether an item of a list is ``*``, ``a.*`` or ``(expression).*``: it stands for as many
    columns as the database finds there."""
    kind, fields = node(item)
    key = {"ColumnRef": "fields", "A_Indirection": "indirection"}.get(kind, "")
    return any(node(one)[0] == "A_Star" for one in fields.get(key, [])[-1:])


def is_glued(text: bytes, position: int) -> bool:
    """Tell whether a word that ends before ``position`` would run into what stands there."""
    return _WORD_END.match(text, position) is not None
