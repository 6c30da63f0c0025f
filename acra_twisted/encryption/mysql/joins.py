"""Reads the tables of a statement: FROM and its joins, whatever stands in place of a table."""

from __future__ import annotations

from collections.abc import Callable

from acra_twisted.encryption.mysql import names
from acra_twisted.encryption.mysql.cursor import Cursor
from acra_twisted.encryption.mysql.nodes import Joined, Node, Query, TableFactor


class Joins:
    """Reads tables; ``one`` reads an expression, ``query`` a query without brackets.  Its methods
    raise UnreadableError for what they do not understand."""

    __slots__ = ("_one", "_query")

    def __init__(self, one: Callable[[Cursor], Node], query: Callable[[Cursor], Query]) -> None:
        self._one = one
        self._query = query

    def tables(self, cursor: Cursor) -> Joined:
        """Read the tables of a FROM clause."""
        found = Joined()
        self._references(cursor, found)
        return found

    def _references(self, cursor: Cursor, found: Joined) -> None:
        self._joined(cursor, found)
        while cursor.takes(","):
            self._joined(cursor, found)

    def _joined(self, cursor: Cursor, found: Joined) -> None:
        self._factor(cursor, found)
        while True:
            natural = cursor.takes("natural")
            cursor.takes("left", "right", "inner", "cross")
            cursor.takes("outer")
            if not cursor.takes("join", "straight_join"):
                if natural:
                    raise cursor.error("NATURAL without JOIN")
                return
            found.natural = found.natural or natural
            self._factor(cursor, found)
            if cursor.takes("on"):
                found.conditions.append(self._one(cursor))
            elif cursor.takes("using"):
                found.using += names.listed(cursor)

    def _factor(self, cursor: Cursor, found: Joined) -> None:
        cursor.enter()
        cursor.takes("lateral")
        if cursor.here == "(":
            self._bracket(cursor, found)
        else:
            table = names.table(cursor)
            if cursor.here == "(":
                raise cursor.error("a function in place of a table")
            if cursor.takes("partition"):
                names.listed(cursor)
            alias = names.alias(cursor)
            found.factors.append(TableFactor(table, None, alias))
            self._hints(cursor)
        cursor.leave()

    def _bracket(self, cursor: Cursor, found: Joined) -> None:
        """A query in place of a table, or tables in brackets."""
        further = 0
        while cursor.behind(further) == "(":
            further += 1
        if cursor.behind(further) not in ("select", "with"):
            cursor.expect("(")
            self._references(cursor, found)
            cursor.expect(")")
            return
        cursor.expect("(")
        query = self._query(cursor)
        cursor.expect(")")
        alias = names.alias(cursor)
        columns = names.listed(cursor) if alias and cursor.here == "(" else []
        found.factors.append(TableFactor(None, query, alias, columns))

    def _hints(self, cursor: Cursor) -> None:
        """USE INDEX and its like."""
        while cursor.here in ("use", "force", "ignore") and cursor.behind() in ("index", "key"):
            cursor.step()
            cursor.step()
            if cursor.takes("for"):
                if not (
                    cursor.takes("join")
                    or cursor.takes_all("order", "by")
                    or cursor.takes_all("group", "by")
                ):
                    raise cursor.error("an index hint")
            cursor.expect("(")
            while not cursor.takes(")"):
                if not (names.is_name(cursor) or cursor.here in (",", "primary")):
                    raise cursor.error("an index hint")
                cursor.step()
