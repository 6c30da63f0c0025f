"""Looks through libpg_query's trees for names, whatever the kinds of node are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

#: Tells whether a node, and what is in it, is left out.
Passing = Callable[[dict[str, Any]], bool]


def never(_item: dict[str, Any]) -> bool:
    """Leave nothing out."""
    return False


def dicts(tree: Any, is_passed: Passing = never) -> Iterator[dict[str, Any]]:
    """All dicts of a tree but those that may pass, and what is in these."""
    waiting = [tree]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            if not is_passed(item):
                yield item
                waiting += item.values()
        elif isinstance(item, list):
            waiting += item


def columns(tree: Any, is_passed: Passing = never) -> Iterator[str]:
    """The names of the columns in an expression, ``*`` for all; but for those in expressions that
    may pass."""
    for item in dicts(tree, is_passed):
        for key, part in (("ColumnRef", "fields"), ("A_Indirection", "indirection")):
            fields = item.get(key, {}).get(part, ())
            if fields:
                yield fields[-1].get("String", {}).get("sval", "*")


def tables(tree: Any) -> Iterator[dict[str, Any]]:
    """The fields of the RangeVars in a tree."""
    for item in dicts(tree):
        if "relname" in item:
            yield item


def functions(tree: Any) -> Iterator[str]:
    """The names of the functions that a tree calls, without their schemas."""
    for item in dicts(tree):
        name = item.get("FuncCall", {}).get("funcname", ())
        if name:
            yield name[-1].get("String", {}).get("sval", "")
