"""Walks through expressions: tells what each can be, and refuses what is done to a protected column
beyond what its stored values can answer."""

from __future__ import annotations

from typing import Final

from acra_twisted.encryption import refusals
from acra_twisted.encryption.mysql import comparisons, nodes, values
from acra_twisted.encryption.mysql.analysis import Analysis, unsure
from acra_twisted.encryption.mysql.nodes import Node
from acra_twisted.encryption.mysql.scopes import Scope
from acra_twisted.encryption.mysql.values import PLAIN, Leaf, Value
from acra_twisted.encryption.refusals import refused
from acra_twisted.sql.mysqlnames import fold

#: Functions whose value is one of their arguments.
_CHOOSING: Final = frozenset(("coalesce", "ifnull", "nvl"))
#: Functions that name the row that INSERT has not inserted.
_INSERTED: Final = frozenset(("values", "value"))
_AGGREGATES: Final = frozenset(
    ("min", "max", "sum", "avg", "count", "group_concat", "json_arrayagg", "json_objectagg", "over")
    + ("std", "stddev", "variance", "bit_and", "bit_or", "bit_xor", "any_value")
)
_ORDERING: Final = frozenset(("between", "greatest", "least", "strcmp"))
_PATTERNS: Final = frozenset(("regexp", "sounds", "match", "instr", "locate", "regexp_like"))


def value(analysis: Analysis, node: Node, scope: Scope) -> Value:
    """Tell what an expression can be.  Raises StatementRefusedError."""
    kind = node.kind
    if kind == nodes.VALUE:
        return (Leaf(values.GIVEN, None, node, node.source),)
    if kind == nodes.COLUMN:
        found = analysis.column(node.names, scope)
        return [leaf._replace(node=node) for leaf in found]
    if kind == nodes.NULL:
        return (Leaf(values.NULL),)
    if kind == nodes.DEFAULT:
        return (Leaf(values.DEFAULT),)
    if kind == nodes.ROW and len(node.items) == 1:
        return value(analysis, node.items[0], scope)
    if kind in (nodes.CAST, nodes.COLLATE):
        return _cast(analysis, node, scope)
    if kind == nodes.CASE:
        return _case(analysis, node, scope)
    if kind == nodes.SUBQUERY and node.query is not None:
        columns = values.exposed(analysis.query(node.query, scope))
        if len(columns) == 1 and not columns[0].rest:
            return columns[0].value
        if values.holds_protected(columns):
            raise refused(refusals.EXPRESSION, None, "is in a subquery of several columns")
        return PLAIN
    if kind == nodes.CALL:
        return _call(analysis, node, scope)
    ordinary(analysis, node, scope)
    return PLAIN


def _cast(analysis: Analysis, node: Node, scope: Scope) -> Value:
    inner = value(analysis, node.items[0], scope)
    if len(inner) == 1 and inner[0].kind == values.GIVEN:
        cast = f"collate {node.word}" if node.kind == nodes.COLLATE else node.word
        return (inner[0]._replace(node=node, casts=(*inner[0].casts, cast)),)
    _refuse(inner, refusals.EXPRESSION, "is cast to another type")
    return PLAIN


def _case(analysis: Analysis, node: Node, scope: Scope) -> Value:
    """CASE can be any of its values."""
    items = list(node.items)
    if node.flag:
        ordinary(analysis, items.pop(0), scope)
    found: list[Leaf] = []
    while len(items) > 1:
        ordinary(analysis, items.pop(0), scope)
        found += value(analysis, items.pop(0), scope)
    found += value(analysis, items[0], scope) if items else (Leaf(values.NULL),)
    return found


def _call(analysis: Analysis, node: Node, scope: Scope) -> Value:
    items = node.items
    if node.word == "if" and len(items) == 3:
        ordinary(analysis, items[0], scope)
        return [*value(analysis, items[1], scope), *value(analysis, items[2], scope)]
    if node.word in _CHOOSING:
        return [leaf for item in items for leaf in value(analysis, item, scope)]
    if node.word in _INSERTED and len(items) == 1 and items[0].kind == nodes.COLUMN:
        found = value(analysis, items[0], scope)
        return [Leaf(leaf.kind, leaf.setting, misfit=leaf.misfit) for leaf in found]
    ordinary(analysis, node, scope)
    return PLAIN


def ordinary(analysis: Analysis, node: Node, scope: Scope) -> None:
    """Walk through an expression whose value is worked out by the database.  Raises
    StatementRefusedError for a protected column in it."""
    # The first of two names may be that of a package.
    called = node.names[-2:] or (node.word,)
    routines = analysis.protection.routines
    if node.kind == nodes.CALL and any(fold(name) in routines for name in called):
        raise refused(
            refusals.OPAQUE_CODE,
            None,
            "may be written by a function of the database",
            "trusted_functions names functions that may be called.",
        )
    take = comparisons.TAKEN.get(node.kind)
    if take is not None:
        take(analysis, node, scope, value)
    elif node.kind == nodes.CALL and node.word == "exists":
        for item in node.items:
            if item.query is not None:
                analysis.query(item.query, scope)
    elif node.kind == nodes.CALL and node.word in ("count", "isnull"):
        _count(analysis, node, scope)
    elif node.kind in (nodes.COLUMN, nodes.SUBQUERY):
        _refuse(value(analysis, node, scope), refusals.EXPRESSION, "is in an expression")
    else:
        reason, text = _judged(node)
        for item in node.items:
            if item.kind != nodes.STAR:
                _refuse(value(analysis, item, scope), reason, text)


def _judged(node: Node) -> tuple[str, str]:
    """Why a protected column may not stand in a function or behind an operator."""
    if node.word in _AGGREGATES:
        return refusals.AGGREGATE, f"is in {node.word.upper()}"
    if node.word in _ORDERING:
        return refusals.ORDER, f"is compared by {node.word.upper()}"
    if node.word in _PATTERNS:
        return refusals.PATTERN, "is compared with a pattern"
    return refusals.EXPRESSION, "is in an expression"


def _count(analysis: Analysis, node: Node, scope: Scope) -> None:
    """COUNT and ISNULL tell NULL from all others; COUNT(DISTINCT ...) needs equal values."""
    for item in node.items:
        if item.kind == nodes.STAR:
            continue
        found = value(analysis, item, scope)
        if not values.is_protected(found):
            continue
        leaf = found[0]
        if len(found) != 1 or leaf.setting is None or leaf.node is None:
            _refuse(found, refusals.AGGREGATE, "is counted in an expression")
        elif node.flag:
            comparisons.check(leaf.setting, leaf.misfit)
            comparisons.match(analysis, leaf.setting)
            shown = comparisons.same(leaf.setting, analysis.shown(leaf.node))
            analysis.edit(leaf.node, [shown])


def _refuse(found: Value, reason: str, text: str) -> None:
    """Raise StatementRefusedError if a value may be what a protected column stores."""
    if any(leaf.kind == values.UNSURE for leaf in found):
        raise unsure(values.setting_of(found), "an expression")
    if values.is_protected(found):
        raise refused(reason, values.setting_of(found), text)
