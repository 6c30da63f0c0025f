"""Matching of statements' trees against the trees of patterns.

A match says under which literals it holds: an empty list means always, a list of `Constraint`
means where these literals have these values, None means never.  So a match is worked out once for
all texts of a skeleton.  Source of what a placeholder admits: sql-parsing reference, section 10.1.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from acra_twisted.censor import denials
from acra_twisted.censor.patterns import (
    COLUMN,
    LIST,
    SELECT,
    SELECTS,
    SUBQUERY,
    VALUE,
    WHERE,
    Placeholder,
    Query,
)
from acra_twisted.sql import tree
from acra_twisted.sql.literals import Value
from acra_twisted.sql.tree import Literal, Node, Parsed


class Constraint(NamedTuple):
    """The text's literal number ``ordinal`` must have this value."""

    ordinal: int
    value: Value


Conditions = list[Constraint] | None


class Matcher:
    """Compares one pattern with trees.

    ``guards``: for allow rules.  What a placeholder admits then calls no function that reads what
    the text does not show, and reads no table but those that the pattern names.  %%SUBQUERY%% and
    %%SELECT%% say that any table may be read there.
    """

    def __init__(
        self, language: Any, query: Query, *, guards: bool, functions: bool = False
    ) -> None:
        self._trees = language.trees
        self._statement = query.parsed
        self._tree = query.parsed.tree
        self._kept = denials.own(language, self._tree)
        if not guards:
            self._tree = denials.Bared(language, self._tree).but(self._kept)
        self._values = query.values
        self._open = query.open
        self._guards = guards
        self._functions = functions
        self._any_table = not query.kinds.isdisjoint((SELECT, SUBQUERY))

    def covers(self, statement: Parsed) -> bool:
        """Tell whether a permission by this pattern can cover what the whole statement reaches."""
        mine = self._statement
        for here, there in (
            (mine.opaque, statement.opaque),
            (mine.beyond, statement.beyond),
            (mine.apart, statement.apart),
        ):
            if there and not here:
                return False
        if not (statement.views <= mine.views and statement.unknown <= mine.unknown | mine.unsure):
            return False
        return self._any_table or statement.tables <= mine.tables

    def match(self, candidate: denials.Bared) -> Conditions:
        """Conditions under which the tree is what the rule describes."""
        found: list[Constraint] = []
        compared = candidate.item if self._guards else candidate.but(self._kept)
        return found if self._same(self._tree, compared, found) else None

    # -- structure ----------------------------------------------------------------------------

    def _same(self, mine: Any, other: Any, found: list[Constraint]) -> bool:
        if type(mine) is Literal:
            return self._literal(mine, other, found)
        if type(mine) is Placeholder:
            return self._placeholder(mine.kind, other)
        if type(mine) is Node:
            return self._node(mine, other, found)
        if type(mine) is list:
            return type(other) is list and self._lists(mine, other, found)
        return type(mine) is type(other) and bool(mine == other)

    def _literal(self, mine: Literal, other: Any, found: list[Constraint]) -> bool:
        if self._open.get(mine.ordinal) == VALUE:
            return self._is_value(other)
        if type(other) is not Literal or mine.negative != other.negative:
            return False
        found.append(Constraint(other.ordinal, self._values[mine.ordinal]))
        return True

    def _node(self, mine: Node, other: Any, found: list[Constraint]) -> bool:
        if type(other) is not Node or mine.kind != other.kind:
            return False
        leaves_open: frozenset[str] = frozenset()
        if not self._guards and _has_where(mine):
            leaves_open = self._trees.BEHIND_WHERE
        for name in mine.fields.keys() | other.fields.keys():
            here, there = mine.fields.get(name), other.fields.get(name)
            if name in leaves_open and (here is None or type(here) is str):
                # A clause that the pattern has is compared; a word says that it has none.
                continue
            if type(here) is Placeholder and here.kind == WHERE:
                # As in Acra it stands for no WHERE clause, too.
                if there is not None and not self._admits(there):
                    return False
                continue
            if name == self._trees.SELECT_LIST and self._is_any_list(mine, here):
                if not self._admits_list(there):
                    return False
                continue
            if here is None or there is None or not self._same(here, there, found):
                return False
        return True

    def _lists(self, mine: list[Any], other: list[Any], found: list[Constraint]) -> bool:
        if mine and type(mine[-1]) is Literal and self._open.get(mine[-1].ordinal) == LIST:
            fixed = len(mine) - 1
            if len(other) < len(mine) or not all(self._is_value(v) for v in other[fixed:]):
                return False
            mine, other = mine[:fixed], other[:fixed]
        return len(mine) == len(other) and all(
            self._same(a, b, found) for a, b in zip(mine, other, strict=True)
        )

    # -- placeholders -------------------------------------------------------------------------

    def _placeholder(self, kind: str, other: Any) -> bool:
        if kind == COLUMN:
            return self._trees.is_column(other) and self._admits(other)
        if type(other) is not Node or other.kind not in SELECTS:
            return False
        if kind == SELECT and _is_union(other):
            return False
        return self._admits(other, any_table=True)

    def _is_value(self, node: Any) -> bool:
        if self._trees.is_value(node):
            return True
        return (
            self._functions
            and type(node) is Node
            and self._trees.is_function(node)
            and self._admits(node)
        )

    def _is_any_list(self, node: Node, items: Any) -> bool:
        return (
            node.kind in SELECTS
            and type(items) is list
            and len(items) == 1
            and self._trees.is_star(items[0])
        )

    def _admits_list(self, items: Any) -> bool:
        return not self._guards or all(
            self._admits(item)
            and not any(
                type(part) is Node and part.kind in self._trees.SUBQUERIES
                for part in tree.walk(item)
            )
            for item in items or ()
        )

    def _admits(self, item: Any, any_table: bool = False) -> bool:
        """Tell whether a placeholder may stand for ``item``."""
        if not self._guards:
            return True
        for part in tree.walk(item):
            if type(part) is not Node:
                continue
            if self._trees.is_opaque_call(part):
                return False
            if self._trees.is_writing(part):
                return False
            table = self._trees.relation(part)
            if table is not None and not any_table and table not in self._statement.tables:
                return False
        return True


def _has_where(node: Node) -> bool:
    return any(type(one) is Placeholder and one.kind == WHERE for one in node.fields.values())


def _is_union(node: Node) -> bool:
    return node.kind in ("Union", "Except", "Intersect") or "larg" in node.fields
