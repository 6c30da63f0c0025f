"""Statements as denials compare them: what adds nothing to what is denied, or takes nothing from
it, is left out.

A rule that denies ``SELECT ssn FROM secrets`` denies it with a lock, with INTO, with a clause WITH,
with words that only tell the server how to work, and with the schema before the table's name.  A
clause that the rule has itself is compared.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from acra_twisted.sql import tree
from acra_twisted.sql.tree import Node


def own(language: Any, item: Any) -> frozenset[str]:
    """The clauses of a rule that others may add: they are compared, but for those whose words the
    parser is not shown."""
    clauses: Iterable[str] = language.trees.ADDED - {tree.ASIDE}
    return frozenset(
        name
        for node in tree.walk(item)
        if type(node) is Node
        for name in clauses
        if name in node.fields
    )


def bare(language: Any, item: Any, kept: frozenset[str]) -> Any:
    """The tree without clauses that are added, but for those that are kept; itself if it has none.

    A tree is never changed: rules share it.
    """
    dropped = language.trees.ADDED - kept
    if not any(
        type(node) is Node and not dropped.isdisjoint(node.fields) for node in tree.walk(item)
    ):
        return item
    return _without(item, dropped)


def _without(item: Any, dropped: frozenset[str]) -> Any:
    if type(item) is list:
        return [_without(part, dropped) for part in item]
    if type(item) is not Node:
        return item
    fields = {
        name: _without(value, dropped) for name, value in item.fields.items() if name not in dropped
    }
    return Node(item.kind, fields)
