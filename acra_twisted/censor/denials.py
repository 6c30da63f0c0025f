"""Statements as denials compare them: what adds nothing to what is denied, or takes nothing from
it, is left out.

A rule that denies ``SELECT ssn FROM secrets`` denies it with a lock, with INTO, with a clause WITH,
with words that only tell the server how to work, and with the schema before the table's name.  A
clause that the rule has itself is compared.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from acra_twisted.sql import tree
from acra_twisted.sql.tree import Node, Parsed


class Bared:
    """A tree, and what is left of it without clauses that are added: it is looked through once for
    all the rules that ask.  The tree is never changed: rules share it."""

    def __init__(self, language: Any, item: Any) -> None:
        self.item = item
        self._added: frozenset[str] = language.trees.ADDED
        self._present: frozenset[str] | None = None
        self._left: dict[frozenset[str], Any] = {frozenset(): item}

    def present(self) -> frozenset[str]:
        """The clauses that the tree has and that may be added."""
        if self._present is None:
            found: set[str] = set()
            for node in tree.walk(self.item):
                if type(node) is Node and not self._added.isdisjoint(node.fields):
                    found.update(self._added.intersection(node.fields))
            self._present = frozenset(found)
        return self._present

    def but(self, kept: frozenset[str]) -> Any:
        """The tree without these clauses, but for those that are kept; itself if it has none, and
        the same one each time that the same are left out."""
        dropped = self.present() - kept
        if dropped not in self._left:
            self._left[dropped] = _without(self.item, dropped)
        return self._left[dropped]

    def each(self, several: Iterable[frozenset[str]]) -> list[Any]:
        """The trees that are left for each of several to be kept, none twice."""
        return list({id(one): one for one in map(self.but, several)}.values())


class Candidate(NamedTuple):
    """A statement, or one inside it, that a rule is compared with."""

    kind: str
    bared: Bared
    subquery: bool


def candidates(language: Any, parsed: Parsed, nested: bool) -> list[Candidate]:
    """The statement, and if wanted those inside it."""
    parts = [(parsed.kind, parsed.tree, False), *(parsed.nested if nested else ())]
    return [Candidate(kind, Bared(language, item), inside) for kind, item, inside in parts]


def own(language: Any, item: Any) -> frozenset[str]:
    """The clauses of a rule that others may add: they are compared, but for those whose words the
    parser is not shown."""
    return Bared(language, item).present() - {tree.ASIDE}


def _without(item: Any, dropped: frozenset[str]) -> Any:
    if type(item) is list:
        return [_without(part, dropped) for part in item]
    if type(item) is not Node:
        return item
    fields = {
        name: _without(value, dropped) for name, value in item.fields.items() if name not in dropped
    }
    return Node(item.kind, fields)
