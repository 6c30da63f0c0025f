"""Reads functions, CASE, CAST and windows, whatever stands between their arguments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from acra_twisted.encryption.mysql import names, nodes
from acra_twisted.encryption.mysql.cursor import Cursor
from acra_twisted.encryption.mysql.nodes import Node
from acra_twisted.encryption.mysql.words import TYPES
from acra_twisted.sql import lexer

#: Words that a query begins with.
QUERIES: Final = frozenset(("select", "with"))
#: Words behind which an argument of a function stands, as commas do.
_BETWEEN: Final = frozenset((",", "from", "for", "separator"))
#: Words that stand before one, or instead of one.
_BEFORE: Final = frozenset(("distinct", "all", "both", "leading", "trailing"))


#: Functions whose first argument may be a unit of time, which is no column.
_TIMED: Final = frozenset(("timestampdiff", "timestampadd", "extract", "get_format"))
#: Words of MATCH ... AGAINST behind what is looked for, and of a window's frame.
_SEARCHING: Final = ("in", "natural", "language", "boolean", "mode", "with", "query", "expansion")
_FRAMING: Final = (
    *("rows", "range", "between", "unbounded", "preceding", "following", "current", "row", "and"),
)


class Functions:
    """Reads what has arguments; ``one`` reads an expression, ``simple`` one without operators."""

    __slots__ = ("_one", "_simple")

    def __init__(self, one: Callable[[Cursor], Node], simple: Callable[[Cursor], Node]) -> None:
        self._one = one
        self._simple = simple

    def several(self, cursor: Cursor) -> list[Node]:
        """Read expressions with commas between."""
        found = [self._one(cursor)]
        while cursor.takes(","):
            found.append(self._one(cursor))
        return found

    def ordered(self, cursor: Cursor) -> list[Node]:
        """Read the items of ORDER BY or GROUP BY."""
        found: list[Node] = []
        while True:
            found.append(self._one(cursor))
            cursor.takes("asc", "desc")
            if not cursor.takes(","):
                return found

    def case(self, cursor: Cursor) -> Node:
        start = cursor.start
        cursor.expect("case")
        operand = cursor.here != "when"
        items = [self._one(cursor)] if operand else []
        while cursor.takes("when"):
            items.append(self._one(cursor))
            cursor.expect("then")
            items.append(self._one(cursor))
        if cursor.takes("else"):
            items.append(self._one(cursor))
        cursor.expect("end")
        return Node(nodes.CASE, start, cursor.done, items, flag=operand)

    def cast(self, cursor: Cursor, word: str) -> Node:
        start = cursor.start
        cursor.step()
        cursor.expect("(")
        item = self._one(cursor)
        if word == "convert" and cursor.takes("using"):
            kind = f"using {cursor.here}"
            if cursor.kind != lexer.WORD:
                raise cursor.error("CONVERT without a character set")
            cursor.step()
        else:
            cursor.expect("as" if word == "cast" else ",")
            kind = self._type(cursor)
        cursor.expect(")")
        return Node(nodes.CAST, start, cursor.done, [item], kind)

    def _type(self, cursor: Cursor) -> str:
        """The words of a type, with ``(`` for a length: a cast to it may cut."""
        words = []
        while cursor.here != ")":
            if cursor.takes("("):
                while cursor.kind == lexer.NUMBER or cursor.here == ",":
                    cursor.step()
                cursor.expect(")")
                words.append("(")
            elif cursor.here in TYPES:
                words.append(cursor.here)
                cursor.step()
            else:
                raise cursor.error("a type that is not known")
        return " ".join(words)

    def call(self, cursor: Cursor, word: str) -> Node:
        start = cursor.start
        cursor.step()
        return self.arguments(cursor, start, word)

    def arguments(self, cursor: Cursor, start: int, word: str, named: Sequence[str] = ()) -> Node:
        """The arguments of a function, whatever stands between them.  ``named`` is the path of a
        routine, which has no word."""
        items: list[Node] = []
        distinct = False
        cursor.expect("(")
        if word in _TIMED and cursor.kind == lexer.WORD and cursor.behind() in (",", "from"):
            cursor.step()
            cursor.step()
        while not cursor.takes(")"):
            if cursor.here in _BEFORE:
                distinct = distinct or cursor.here == "distinct"
                cursor.step()
            elif cursor.here == "*" and cursor.behind() == ")":
                items.append(Node(nodes.STAR, cursor.start, cursor.start + 1, names=["*"]))
                cursor.step()
            elif cursor.here in QUERIES:
                raise cursor.error("a query right in the brackets of a function")
            elif cursor.here == "from":
                cursor.step()
            else:
                items.append(self._one(cursor))
                self._behind_argument(cursor, items)
        if word == "match":
            self._against(cursor, items)
        found = Node(nodes.CALL, start, cursor.done, items, word, named, flag=distinct)
        return self._over(cursor, found)

    def _behind_argument(self, cursor: Cursor, items: list[Node]) -> None:
        if cursor.here in _BETWEEN:
            cursor.step()
        elif cursor.takes_all("order", "by"):
            items += self.ordered(cursor)
            if cursor.takes("separator"):
                items.append(self._one(cursor))
        elif cursor.takes("using"):
            names.name(cursor)
        elif cursor.here != ")":
            raise cursor.error("an argument of a function that is not understood")

    def _against(self, cursor: Cursor, items: list[Node]) -> None:
        cursor.expect("against")
        cursor.expect("(")
        items.append(self._simple(cursor))
        while cursor.takes(*_SEARCHING):
            pass
        cursor.expect(")")

    def _over(self, cursor: Cursor, call: Node) -> Node:
        """The window of a function."""
        if not cursor.takes("over"):
            return call
        items = [call]
        if cursor.takes("("):
            if cursor.takes_all("partition", "by"):
                items += self.several(cursor)
            if cursor.takes_all("order", "by"):
                items += self.ordered(cursor)
            while cursor.kind == lexer.NUMBER or cursor.here in _FRAMING:
                cursor.step()
            cursor.expect(")")
        else:
            names.name(cursor)
        return Node(nodes.CALL, call.start, cursor.done, items, "over")
