"""Reads expressions: a tree of what can hold a column or a value.

Operators that do the same to a protected column, which is nothing, are one kind of node.  A
comparison keeps its sign, since it can be answered.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from acra_twisted.encryption.mysql import names, nodes
from acra_twisted.encryption.mysql.cursor import MAX_DEPTH, Cursor
from acra_twisted.encryption.mysql.functions import QUERIES, Functions
from acra_twisted.encryption.mysql.nodes import Node, Query
from acra_twisted.encryption.mysql.plan import Source
from acra_twisted.encryption.mysql.words import BARE, FUNCTIONS, RESERVED
from acra_twisted.sql import lexer

#: Reads a query that begins here, without brackets.
ReadQuery = Callable[[Cursor], Query]

COMPARISONS: Final = frozenset(("=", "<=>", "<>", "!=", "<", ">", "<=", ">="))
_ARITHMETIC: Final = frozenset(
    ("|", "&", "<<", ">>", "+", "-", "*", "/", "div", "%", "mod", "^", "->", "->>")
)
_STRINGS: Final = (lexer.STRING, lexer.HEX, lexer.BIT)
#: Character sets that a string may name, and whose bytes are read here.
_INTRODUCERS: Final = frozenset(("_utf8mb4", "_utf8mb3", "_utf8", "_binary", "_latin1", "_ascii"))
#: Words that begin a literal before a string.
_TYPED: Final = frozenset(("date", "time", "timestamp"))


class Expressions:
    """Reads expressions; ``read_query`` reads a query in brackets."""

    __slots__ = ("_read_query", "_functions")

    def __init__(self, read_query: ReadQuery) -> None:
        self._read_query = read_query
        self._functions = Functions(self.one, self._simple)

    def one(self, cursor: Cursor) -> Node:
        """Read an expression.  Raises UnreadableError for what is none, or not understood."""
        cursor.enter()
        found = self._any(cursor)
        cursor.leave()
        return found

    def several(self, cursor: Cursor) -> list[Node]:
        """Read expressions with commas between."""
        return self._functions.several(cursor)

    def ordered(self, cursor: Cursor) -> list[Node]:
        """Read the items of ORDER BY or GROUP BY."""
        return self._functions.ordered(cursor)

    # -- operators, those that bind least first ---------------------------------------------------

    def _any(self, cursor: Cursor) -> Node:
        first = self._not(cursor)
        items = [first]
        while cursor.takes("or", "and", "xor", "&&"):
            items.append(self._not(cursor))
        if cursor.here == "||":
            # In some modes it joins strings, and binds otherwise.
            raise cursor.error("|| means OR or CONCAT, by sql_mode")
        return first if len(items) == 1 else _call("and", items)

    def _not(self, cursor: Cursor) -> Node:
        start = cursor.start
        if not cursor.takes("not"):
            return self._compared(cursor)
        cursor.enter()
        item = self._not(cursor)
        cursor.leave()
        return Node(nodes.CALL, start, item.end, [item], "not")

    def _compared(self, cursor: Cursor) -> Node:
        left = self._predicate(cursor)
        for _ in range(MAX_DEPTH):
            sign = cursor.here
            if sign in COMPARISONS:
                cursor.step()
                if cursor.here in ("any", "all", "some") and cursor.behind() == "(":
                    raise cursor.error("a comparison with ANY or ALL")
                right = self._predicate(cursor)
                left = Node(nodes.COMPARE, left.start, right.end, [left, right], sign)
            elif sign == "is":
                left = self._is(cursor, left)
            elif sign == ":=":
                raise cursor.error("a variable is assigned")
            else:
                return left
        raise cursor.error("too many comparisons in a row")

    def _is(self, cursor: Cursor, item: Node) -> Node:
        cursor.step()
        negated = cursor.takes("not")
        if cursor.takes("null"):
            return Node(nodes.IS_NULL, item.start, cursor.done, [item], flag=negated)
        if not cursor.takes("true", "false", "unknown"):
            raise cursor.error("IS with what is not known")
        return Node(nodes.CALL, item.start, cursor.done, [item], "is")

    def _predicate(self, cursor: Cursor) -> Node:
        item = self._arithmetic(cursor)
        negated = cursor.takes("not")
        if cursor.takes("in"):
            found = self._among(cursor, item, negated)
        elif cursor.takes("like"):
            items = [item, self._simple(cursor)]
            if cursor.takes("escape"):
                items.append(self._simple(cursor))
            found = Node(nodes.LIKE, item.start, items[-1].end, items, flag=negated)
        elif cursor.takes("between"):
            low = self._arithmetic(cursor)
            cursor.expect("and")
            cursor.enter()
            found = _call("between", [item, low, self._predicate(cursor)])
            cursor.leave()
        elif cursor.takes("regexp", "rlike"):
            found = _call("regexp", [item, self._arithmetic(cursor)])
        elif not negated and cursor.here == "sounds":
            cursor.step()
            cursor.expect("like")
            found = _call("sounds", [item, self._arithmetic(cursor)])
        elif negated:
            raise cursor.error("NOT before what is not known")
        else:
            found = item
        return found

    def _among(self, cursor: Cursor, item: Node, negated: bool) -> Node:
        start = cursor.start
        cursor.expect("(")
        if cursor.here in QUERIES:
            items = [item, self._subquery(cursor, start)]
        else:
            items = [item, *self.several(cursor)]
            cursor.expect(")")
        return Node(nodes.AMONG, item.start, cursor.done, items, flag=negated)

    def _arithmetic(self, cursor: Cursor) -> Node:
        """Operators between values: what is done to them is the same for all."""
        first = self._simple(cursor)
        items = [first]
        while cursor.here in _ARITHMETIC and cursor.here:
            cursor.step()
            if cursor.here == "interval":
                items.append(self._interval(cursor))
            else:
                items.append(self._simple(cursor))
        return first if len(items) == 1 else _call("+", items)

    def _interval(self, cursor: Cursor) -> Node:
        start = cursor.start
        cursor.expect("interval")
        item = self.one(cursor)
        if cursor.kind != lexer.WORD:
            raise cursor.error("INTERVAL without a unit")
        cursor.step()
        return Node(nodes.CALL, start, cursor.done, [item], "interval")

    def _simple(self, cursor: Cursor) -> Node:
        """A value, and COLLATE behind it."""
        cursor.enter()
        found = self._signed(cursor)
        while cursor.takes("collate"):
            if cursor.kind not in (lexer.WORD, lexer.STRING):
                raise cursor.error("COLLATE without a name")
            word = cursor.here
            cursor.step()
            found = Node(nodes.COLLATE, found.start, cursor.done, [found], word)
        cursor.leave()
        return found

    def _signed(self, cursor: Cursor) -> Node:
        start = cursor.start
        sign = cursor.here
        if sign == "-" and cursor.kind_behind() == lexer.NUMBER:
            cursor.step()
            source = Source(cursor.ordinal, negative=True)
            cursor.step()
            return Node(nodes.VALUE, start, cursor.done, source=source)
        if sign in ("-", "+", "~", "!"):
            cursor.step()
            item = self._simple(cursor)
            return Node(nodes.CALL, start, item.end, [item], sign)
        if sign == "binary" and cursor.behind() != "(":
            cursor.step()
            item = self._simple(cursor)
            return Node(nodes.CAST, start, item.end, [item], "binary")
        if sign == "interval" and cursor.behind() != "(":
            return self._interval(cursor)
        return self._primary(cursor)

    # -- what stands by itself --------------------------------------------------------------------

    def _primary(self, cursor: Cursor) -> Node:
        kind, start, word = cursor.kind, cursor.start, cursor.here
        if kind in lexer.LITERALS:
            return self._literal(cursor, start, "")
        if kind == lexer.PARAMETER:
            cursor.step()
            cursor.parameters += 1
            return Node(nodes.VALUE, start, cursor.done, source=Source(parameter=cursor.parameters))
        if kind == lexer.NULL or (word == "null" and cursor.behind() != "("):
            cursor.step()
            return Node(nodes.NULL, start, cursor.done)
        if kind == lexer.VARIABLE:
            cursor.step()
            return Node(nodes.CALL, start, cursor.done, word="@")
        if word == "(":
            return self._bracket(cursor)
        if kind == lexer.WORD:
            found = self._word(cursor, word)
            if found is not None:
                return found
        return self._column(cursor)

    def _literal(self, cursor: Cursor, start: int, introducer: str) -> Node:
        ordinal, strings = cursor.ordinal, 1
        string = cursor.kind == lexer.STRING
        cursor.step()
        while string and cursor.kind == lexer.STRING:
            cursor.step()
            strings += 1
        source = Source(ordinal, strings, introducer=introducer)
        return Node(nodes.VALUE, start, cursor.done, source=source)

    def _bracket(self, cursor: Cursor) -> Node:
        start = cursor.start
        cursor.expect("(")
        if cursor.here in QUERIES or (cursor.here == "(" and _leads_to_query(cursor)):
            return self._subquery(cursor, start)
        items = self.several(cursor)
        cursor.expect(")")
        return Node(nodes.ROW, start, cursor.done, items)

    def _subquery(self, cursor: Cursor, start: int) -> Node:
        """A query whose bracket has been read."""
        cursor.enter()
        query = self._read_query(cursor)
        cursor.leave()
        cursor.expect(")")
        return Node(nodes.SUBQUERY, start, cursor.done, query=query)

    def _word(self, cursor: Cursor, word: str) -> Node | None:
        """Read what begins with a word that is not a column's name; None for one that may be."""
        start, behind, kind = cursor.start, cursor.behind(), cursor.kind_behind()
        if word in ("true", "false"):
            cursor.step()
            return Node(nodes.VALUE, start, cursor.done, source=Source(word=word.encode()))
        if word == "case":
            return self._functions.case(cursor)
        if word == "exists":
            cursor.step()
            place = cursor.start
            cursor.expect("(")
            return Node(nodes.CALL, start, cursor.done, [self._subquery(cursor, place)], "exists")
        if word == "default" and behind != "(":
            cursor.step()
            return Node(nodes.DEFAULT, start, cursor.done)
        if word in _INTRODUCERS and kind in _STRINGS:
            cursor.step()
            return self._literal(cursor, start, word[1:])
        if word[:1] == "_" and kind in _STRINGS:
            raise cursor.error("a string in a character set that is not read here")
        if word in _TYPED and kind == lexer.STRING:
            cursor.step()
            return self._literal(cursor, start, word)
        if word in ("cast", "convert") and behind == "(":
            return self._functions.cast(cursor, word)
        if word in BARE and behind != "(":
            cursor.step()
            return Node(nodes.CALL, start, cursor.done, word=word)
        if behind == "(" and (word not in RESERVED or word in FUNCTIONS):
            return self._functions.call(cursor, word)
        return None

    def _column(self, cursor: Cursor) -> Node:
        start = cursor.start
        found = names.path(cursor)
        if cursor.here == "." and cursor.behind() == "*":
            cursor.step()
            cursor.step()
            return Node(nodes.STAR, start, cursor.done, names=[*found, "*"])
        if cursor.here == "(":
            # No function of the language: its name is in quotes, or has a database or a package.
            return self._functions.arguments(cursor, start, "", found)
        return Node(nodes.COLUMN, start, cursor.done, names=found)


def _call(word: str, items: list[Node]) -> Node:
    return Node(nodes.CALL, items[0].start, items[-1].end, items, word)


def _leads_to_query(cursor: Cursor) -> bool:
    """Tell whether brackets lead to a query, as in ``((SELECT ...) UNION ...)``."""
    further = 1
    while cursor.behind(further) == "(":
        further += 1
    return cursor.behind(further) in QUERIES
