"""Reads SELECT, INSERT, REPLACE, UPDATE and DELETE of MySQL and MariaDB to their trees.

It takes a part of the grammar, and refuses the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from acra_twisted.encryption.mysql import names, nodes
from acra_twisted.encryption.mysql.cursor import Cursor
from acra_twisted.encryption.mysql.expressions import Expressions
from acra_twisted.encryption.mysql.joins import Joins
from acra_twisted.encryption.mysql.nodes import (
    Assignment,
    Common,
    Delete,
    Insert,
    Joined,
    Node,
    Output,
    Query,
    Select,
    Statement,
    TableFactor,
    Update,
)
from acra_twisted.sql import lexer

_MODIFIERS: Final = (
    *("all", "high_priority", "straight_join", "sql_small_result", "sql_big_result"),
    *("sql_buffer_result", "sql_cache", "sql_no_cache", "sql_calc_found_rows"),
)
_DISTINCT: Final = ("distinct", "distinctrow")
_SETS: Final = ("union", "intersect", "except", "minus")


class Reader:
    """Reads statements.  Its methods raise UnreadableError for what they do not understand."""

    __slots__ = ("_expressions", "_joins")

    def __init__(self) -> None:
        self._expressions = Expressions(self.query)
        self._joins = Joins(self._expressions.one, self.query)

    def statement(self, cursor: Cursor) -> Statement:
        """Read a whole statement."""
        found = self._statement(cursor)
        if cursor.kind != "end":
            raise cursor.error("something behind it that is not understood")
        return found

    def _statement(self, cursor: Cursor) -> Statement:
        commons: list[Common] = []
        recursive = False
        if cursor.here == "with" and self._behind_commons(cursor) in ("update", "delete"):
            recursive, commons = self._with(cursor)
        verb = cursor.here
        if verb in ("insert", "replace"):
            return self._insert(cursor)
        if verb == "update":
            update = self._update(cursor)
            update.commons, update.recursive = commons, recursive
            return update
        if verb == "delete":
            delete = self._delete(cursor)
            delete.commons, delete.recursive = commons, recursive
            return delete
        return self.query(cursor)

    def _behind_commons(self, cursor: Cursor) -> str:
        """The word behind the expressions of WITH."""
        depth = further = 0
        while cursor.kind_behind(further) not in ("", "end"):
            word = cursor.behind(further)
            depth += (word == "(") - (word == ")")
            if not depth and word in ("select", "update", "delete", "values", "table"):
                return word
            further += 1
        return ""

    # -- queries ----------------------------------------------------------------------------------

    def query(self, cursor: Cursor) -> Query:
        """Read a query, with its WITH and its UNIONs."""
        cursor.enter()
        found = Query()
        if cursor.here == "with":
            found.recursive, found.commons = self._with(cursor)
        found.branches.append(self._branch(cursor))
        while cursor.here in _SETS:
            kind = cursor.here
            cursor.step()
            every = cursor.takes("all")
            cursor.takes("distinct")
            found.keeps_all = found.keeps_all and every and kind == "union"
            found.branches.append(self._branch(cursor))
        last = found.branches[-1]
        if len(found.branches) > 1 and isinstance(last, Select):
            # The clauses at the end are those of the whole.
            found.orders, last.orders = last.orders, []
        elif not isinstance(last, Select):
            self._end(cursor, found.orders, found.others)
        cursor.leave()
        return found

    def _with(self, cursor: Cursor) -> tuple[bool, list[Common]]:
        cursor.expect("with")
        recursive = cursor.takes("recursive")
        found: list[Common] = []
        while True:
            name = names.name(cursor)
            columns = names.listed(cursor) if cursor.here == "(" else []
            cursor.expect("as")
            cursor.expect("(")
            found.append(Common(name, columns, self.query(cursor)))
            cursor.expect(")")
            if not cursor.takes(","):
                return recursive, found

    def _branch(self, cursor: Cursor) -> Select | Query:
        if cursor.takes("("):
            inner = self.query(cursor)
            cursor.expect(")")
            return inner
        return self._select(cursor)

    def _select(self, cursor: Cursor) -> Select:
        found = Select()
        cursor.expect("select")
        while cursor.here in _MODIFIERS or cursor.here in _DISTINCT:
            if cursor.here in _DISTINCT:
                if found.distinct is not None:
                    raise cursor.error("DISTINCT twice")
                found.distinct = (cursor.start, cursor.tokens[cursor.at][2])
            cursor.step()
        found.outputs = self.outputs(cursor)
        self._into(cursor, found)
        if cursor.takes("from"):
            if cursor.here == "dual":
                cursor.step()
            else:
                found.source = self._joins.tables(cursor)
        if cursor.takes("where"):
            found.where = self._expressions.one(cursor)
        found.filtered = cursor.done
        if cursor.takes_all("group", "by"):
            found.groups = self._expressions.ordered(cursor)
            found.rollup = cursor.takes_all("with", "rollup")
        if cursor.takes("having"):
            found.having = self._expressions.one(cursor)
        if cursor.here == "window":
            raise cursor.error("a named window")
        self._end(cursor, found.orders, found.others)
        self._into(cursor, found)
        self._locks(cursor)
        self._into(cursor, found)
        return found

    def _into(self, cursor: Cursor, select: Select) -> None:
        if not cursor.takes("into"):
            return
        select.into = True
        if cursor.takes("outfile", "dumpfile"):
            raise cursor.error("the server writes a file")
        while cursor.kind == lexer.VARIABLE or cursor.here == ",":
            cursor.step()

    def _locks(self, cursor: Cursor) -> None:
        while True:
            if cursor.takes_all("lock", "in", "share", "mode"):
                continue
            if cursor.here != "for" or cursor.behind() not in ("update", "share"):
                return
            cursor.step()
            cursor.step()
            if cursor.takes("of"):
                names.name(cursor)
                while cursor.takes(","):
                    names.name(cursor)
            cursor.takes("nowait")
            cursor.takes_all("skip", "locked")

    def _end(self, cursor: Cursor, orders: list[Node], others: list[Node]) -> None:
        """ORDER BY and LIMIT."""
        if cursor.takes_all("order", "by"):
            orders += self._expressions.ordered(cursor)
        if cursor.takes("limit"):
            others.append(self._expressions.one(cursor))
            if cursor.takes(",", "offset"):
                others.append(self._expressions.one(cursor))

    def outputs(self, cursor: Cursor) -> list[Output]:
        """Read the items of a SELECT list."""
        found: list[Output] = []
        while True:
            if cursor.here == "*":
                place = cursor.start
                cursor.step()
                found.append(Output(Node(nodes.STAR, place, place + 1, names=["*"]), ""))
            else:
                value = self._expressions.one(cursor)
                found.append(Output(value, names.alias(cursor, strings=True)))
            if not cursor.takes(","):
                return found

    # -- statements that write --------------------------------------------------------------------

    def _insert(self, cursor: Cursor) -> Insert:
        cursor.step()
        while cursor.takes("low_priority", "delayed", "high_priority", "ignore"):
            pass
        cursor.takes("into")
        found = Insert(names.table(cursor))
        if cursor.takes("partition"):
            names.listed(cursor)
        found.listed = cursor.done
        if cursor.here == "(" and not self._is_query(cursor):
            found.columns = self._columns(cursor)
        if cursor.takes("set"):
            assigned = self.assignments(cursor)
            found.columns = [one.names[-1] for one in assigned]
            found.rows = [[one.value for one in assigned]]
        elif cursor.takes("values", "value"):
            self._rows(cursor, found)
        else:
            found.query = self.query(cursor)
        if cursor.takes("as"):
            found.alias = names.name(cursor)
            found.alias_columns = names.listed(cursor) if cursor.here == "(" else ()
        if cursor.takes("on"):
            for word in ("duplicate", "key", "update"):
                cursor.expect(word)
            found.updates = self.assignments(cursor)
        if cursor.takes("returning"):
            found.returning = self.outputs(cursor)
        return found

    def _is_query(self, cursor: Cursor) -> bool:
        further = 0
        while cursor.behind(further) == "(":
            further += 1
        return cursor.behind(further) in ("select", "with")

    def _columns(self, cursor: Cursor) -> list[str]:
        """The columns of INSERT, each with its table's name or without."""
        cursor.expect("(")
        found: list[str] = []
        while not cursor.takes(")"):
            found.append(names.path(cursor)[-1])
            if cursor.here != ")":
                cursor.expect(",")
        return found

    def _rows(self, cursor: Cursor, found: Insert) -> None:
        while True:
            cursor.expect("(")
            row: list[Node] = []
            if cursor.here != ")":
                row = self._expressions.several(cursor)
            cursor.expect(")")
            found.rows.append(row)
            if not cursor.takes(","):
                return

    def assignments(self, cursor: Cursor) -> list[Assignment]:
        """Read columns with their values, as behind SET."""
        found: list[Assignment] = []
        while True:
            column = names.path(cursor)
            if not cursor.takes("=", ":="):
                raise cursor.error("= is missing")
            found.append(Assignment(column, self._expressions.one(cursor)))
            if not cursor.takes(","):
                return found

    def _update(self, cursor: Cursor) -> Update:
        found = Update()
        cursor.step()
        while cursor.takes("low_priority", "ignore"):
            pass
        found.source = self._joins.tables(cursor)
        cursor.expect("set")
        found.assignments = self.assignments(cursor)
        if cursor.takes("where"):
            found.where = self._expressions.one(cursor)
        self._end(cursor, found.orders, found.others)
        return found

    def _delete(self, cursor: Cursor) -> Delete:
        found = Delete()
        cursor.step()
        while cursor.takes("low_priority", "quick", "ignore"):
            pass
        if cursor.takes("from"):
            targets = self._targets(cursor, found)
            if cursor.takes("using"):
                found.source = self._joins.tables(cursor)
            elif len(targets) > 1:
                raise cursor.error("DELETE FROM several tables without USING")
        else:
            self._targets(cursor, found)
            cursor.expect("from")
            found.source = self._joins.tables(cursor)
        if cursor.takes("where"):
            found.where = self._expressions.one(cursor)
        self._end(cursor, found.orders, found.others)
        if cursor.takes("returning"):
            found.returning = self.outputs(cursor)
        return found

    def _targets(self, cursor: Cursor, found: Delete) -> Sequence[TableFactor]:
        """The tables whose rows are deleted: the source, if nothing else is."""
        source = Joined()
        while True:
            table = names.table(cursor)
            if cursor.takes("."):
                cursor.expect("*")
            if cursor.takes("partition"):
                names.listed(cursor)
            source.factors.append(TableFactor(table, None, names.alias(cursor)))
            if not cursor.takes(","):
                break
        found.source = source
        return source.factors
