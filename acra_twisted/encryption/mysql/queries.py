"""Walks through queries: tells what each of their columns is.

Source: the transparent-encryption reference, sections 5, 6 and 11.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from acra_twisted.encryption import refusals
from acra_twisted.encryption.mysql import comparisons, nodes, values, walking
from acra_twisted.encryption.mysql.analysis import Analysis, unsure
from acra_twisted.encryption.mysql.nodes import Common, Joined, Node, Query, Select, TableFactor
from acra_twisted.encryption.mysql.scopes import Range, Scope, renamed
from acra_twisted.encryption.mysql.values import (
    NOT_SURE,
    OPEN,
    PLAIN,
    Columns,
    Leaf,
    Output,
    Value,
    holds_protected,
    is_protected,
)
from acra_twisted.encryption.plan import ResultColumn
from acra_twisted.encryption.refusals import refused
from acra_twisted.encryption.settings import ColumnSetting
from acra_twisted.sql.mysqlnames import fold

_ORDER: Final = "is what rows are ordered by"
_GROUP: Final = "is what rows are grouped by"


def query(analysis: Analysis, one: Query, outer: Scope) -> Columns:
    """The columns of a query.  Raises StatementRefusedError."""
    scope = with_clause(analysis, one.commons, one.recursive, outer)
    branches = [
        query(analysis, branch, scope)
        if isinstance(branch, Query)
        else select(analysis, branch, scope)
        for branch in one.branches
    ]
    columns = branches[0]
    if len(branches) > 1:
        columns = _united(branches, one.keeps_all)
    behind = Scope((), scope, aliases=columns)
    for item in one.orders:
        _by(analysis, item, columns, behind, refusals.ORDER, _ORDER)
    for item in one.others:
        walking.ordinary(analysis, item, behind)
    return columns


def _united(branches: Sequence[Columns], keeps_all: bool) -> Columns:
    """The columns of a UNION."""
    holds = any(map(holds_protected, branches))
    widths = {len(one) for one in branches}
    if len(widths) > 1 or any(column.rest for one in branches for column in one):
        if not holds:
            return values.exposed(branches[0])
        raise refused(
            refusals.EXPRESSION, None, "is in a UNION whose columns are not known", "List them."
        )
    found: list[Output] = []
    for parts in zip(*branches, strict=True):
        setting: ColumnSetting | None = None
        plain = False
        for part in parts:
            leaf = part.value[0]
            if leaf.kind == values.UNSURE:
                raise unsure(leaf.setting, "a UNION")
            if leaf.setting is None:
                plain = plain or leaf.kind != values.NULL
            elif setting is not None and not values.is_alike(setting, leaf.setting):
                raise refused(refusals.UNALIKE, setting, "is in a UNION with one protected unlike")
            else:
                setting = setting or leaf.setting
        if setting is None:
            # Each value that is stored would be another, and no two rows equal.
            given = [leaf for part in parts for leaf in part.value] if keeps_all else PLAIN
            found.append(Output(parts[0].name, given))
            continue
        if plain:
            raise refused(refusals.UNALIKE, setting, "is in a UNION with what is not protected")
        if not keeps_all:
            raise refused(
                refusals.GROUP, setting, "is in a UNION that takes out equal rows", "Write ALL."
            )
        found.append(Output(parts[0].name, (Leaf(values.PROTECTED, setting),)))
    return found


def with_clause(
    analysis: Analysis, commons: Sequence[Common], recursive: bool, outer: Scope
) -> Scope:
    """The scope of what stands behind WITH.  Raises StatementRefusedError."""
    if not commons:
        return outer
    known: dict[str, Columns] = dict(outer.commons)
    for one in commons:
        name = analysis.protection.compared(one.name)
        if recursive:
            known[name] = OPEN
        columns = values.exposed(query(analysis, one.query, Scope((), outer, dict(known))))
        if recursive and holds_protected(columns):
            raise refused(refusals.EXPRESSION, None, "is in a query that is recursive")
        listed = renamed(columns, one.columns)
        if listed is None and holds_protected(columns):
            raise refused(
                refusals.EXPRESSION, None, "is in a common table expression of unknown columns"
            )
        known[name] = OPEN if listed is None else listed
    return Scope((), outer, known)


# -- tables ---------------------------------------------------------------------------------------


def ranges_of(analysis: Analysis, source: Joined, scope: Scope) -> list[Range]:
    """The tables of a FROM clause; the conditions between them are walked through.  Raises
    StatementRefusedError."""
    found: list[Range] = []
    for factor in source.factors:
        # A table in brackets may see those before it.
        found.append(_range(analysis, factor, Scope(tuple(found), scope)))
    names = [fold(name) for name in source.using]
    for one in found:
        for column in one.columns:
            if is_protected(column.value) and (source.natural or column.name in names):
                raise refused(
                    refusals.COMPARISON,
                    values.setting_of(column.value),
                    "may be compared by USING or NATURAL JOIN",
                    "Write the comparison behind ON.",
                )
    inner = Scope(found, scope)
    for condition in source.conditions:
        walking.ordinary(analysis, condition, inner)
    return found


def _range(analysis: Analysis, factor: TableFactor, scope: Scope) -> Range:
    compared = analysis.protection.compared
    if factor.query is not None:
        columns = values.exposed(analysis.query(factor.query, scope))
        listed = renamed(columns, factor.columns)
        if listed is None:
            if holds_protected(columns):
                raise refused(refusals.EXPRESSION, None, "is in a query of unknown columns")
            listed = OPEN
        return Range(compared(factor.alias), listed)
    table = factor.table
    assert table is not None  # noqa: S101 - it is the one or the other
    name = compared(factor.alias or table.name)
    if not table.database:
        common = scope.commons.get(compared(table.name))
        if common is not None:
            return Range(name, common)
    database = table.database or analysis.database
    found = analysis.protection.find(database, table.name)
    where = None if factor.alias or database is None else compared(database)
    if found is None:
        return Range(name, OPEN, where)
    columns = [
        Output(
            column,
            (Leaf(values.PROTECTED, found.settings[column]),)
            if column in found.settings
            else PLAIN,
            named=True,
        )
        for column in found.columns
    ]
    return Range(name, columns, where, found)


# -- SELECT ---------------------------------------------------------------------------------------


def select(analysis: Analysis, one: Select, outer: Scope) -> Columns:
    """The columns of a SELECT.  Raises StatementRefusedError."""
    ranges = ranges_of(analysis, one.source, outer)
    scope = Scope(ranges, outer)
    whole = bool(one.source.using or one.source.natural)
    columns = outputs(analysis, one.outputs, ranges, scope, whole)
    if one.into and holds_protected(columns):
        raise refused(refusals.EXPRESSION, _first(columns), "is put in a variable by INTO")
    if one.distinct and holds_protected(columns):
        raise refused(
            refusals.GROUP, _first(columns), "is in DISTINCT", "Take equal values out yourself."
        )
    if one.where is not None:
        walking.ordinary(analysis, one.where, scope)
    behind = Scope(ranges, outer, aliases=values.exposed(columns))
    grouped: dict[ColumnSetting, None] = {}
    for item in one.groups:
        setting = _group(analysis, item, columns, behind)
        if setting is not None:
            grouped[setting] = None
    if one.rollup and grouped:
        raise refused(refusals.GROUP, next(iter(grouped)), "is grouped by WITH ROLLUP")
    if one.groups and holds_protected(columns):
        columns = _aggregated(analysis, one.outputs, columns, grouped)
    if one.having is not None:
        walking.ordinary(analysis, one.having, behind)
    for item in one.orders:
        _by(analysis, item, columns, behind, refusals.ORDER, _ORDER)
    for item in one.others:
        walking.ordinary(analysis, item, scope)
    return columns


def _group(analysis: Analysis, item: Node, columns: Columns, scope: Scope) -> ColumnSetting | None:
    """Take an item of GROUP BY; the setting of a protected column that it is."""
    if item.kind == nodes.COLUMN:
        found = walking.value(analysis, item, scope)
        leaf = found[0]
        if len(found) == 1 and leaf.kind == values.PROTECTED and leaf.setting is not None:
            if not any(is_protected(one.value) and _is_other(one, item) for one in columns):
                comparisons.check(leaf.setting)
                comparisons.match(analysis, leaf.setting)
                shown = comparisons.same(leaf.setting, analysis.shown(_named(item, columns, scope)))
                analysis.edit(item, [shown])
                return leaf.setting
    _by(analysis, item, columns, scope, refusals.GROUP, _GROUP)
    return None


def _named(item: Node, columns: Columns, scope: Scope) -> Node:
    """The column that an item of GROUP BY names by its alias; the item itself, if it is one."""
    name = fold(item.names[-1])
    if len(item.names) > 1 or any(one.column(name) is not None for one in scope.ranges):
        return item
    leaves = [one.value[0] for one in columns if one.name == name]
    return next((leaf.node for leaf in leaves if leaf.node is not None), item)


def _is_other(one: Output, item: Node) -> bool:
    """Tell whether an output has the name of a column that is grouped by, and is another: which of
    the two is meant, is the server's to say."""
    return one.name == fold(item.names[-1]) and len(item.names) == 1 and not one.named


def _aggregated(
    analysis: Analysis,
    given: Sequence[nodes.Output],
    columns: Columns,
    grouped: Mapping[ColumnSetting, None],
) -> Columns:
    """Have one of the stored values of a group stand for all; the columns then."""
    if len(given) != len(columns) or any(one.rest for one in columns):
        raise refused(refusals.GROUP, _first(columns), "is in * of a query with GROUP BY")
    found: list[Output] = []
    for output, column in zip(given, columns, strict=True):
        setting = values.setting_of(column.value)
        found.append(column._replace(named=column.named and setting is None))
        if setting is None:
            continue
        if setting not in grouped or output.value.kind != nodes.COLUMN:
            raise refused(
                refusals.GROUP,
                setting,
                "is in a query with GROUP BY that does not group by it",
            )
        shown = b"MIN(%b)" % analysis.shown(output.value)
        if not output.alias:
            name = output.value.names[-1].replace("`", "``").encode()
            shown += b" AS `%b`" % name
        analysis.edit(output.value, [shown])
    return found


def outputs(
    analysis: Analysis,
    items: Sequence[nodes.Output],
    ranges: Sequence[Range],
    scope: Scope,
    is_merged: bool = False,
) -> Columns:
    """The columns of a SELECT list or of RETURNING.  ``is_merged``: JOIN has made some columns
    one.  Raises StatementRefusedError."""
    found: list[Output] = []
    for item in items:
        node = item.value
        if node.kind == nodes.STAR:
            found += _star(analysis, node, ranges, is_merged)
            continue
        value = walking.value(analysis, node, scope)
        name = item.alias or (node.names[-1] if node.kind == nodes.COLUMN else "")
        named = node.kind == nodes.COLUMN and _is_direct(analysis, node, scope)
        found.append(Output(fold(name), _shown(value), named=named))
    return found


def _is_direct(analysis: Analysis, node: Node, scope: Scope) -> bool:
    """Tell whether the server gives a column's table and name."""
    compared = analysis.protection.compared
    if len(node.names) > 1:
        found = scope.range(compared(node.names[-2]))
        return found is not None and found.table is not None
    name = fold(node.names[0])
    return any(one.table is not None and name in one.table.columns for one in scope.ranges)


def _shown(value: Value) -> Value:
    """Tell what a column of a result is.  Raises StatementRefusedError for one that may be
    protected or not, row by row."""
    if not is_protected(value):
        return value if len(value) == 1 else PLAIN
    leaves = [leaf for leaf in value if leaf.kind != values.NULL]
    first = leaves[0].setting or values.setting_of(value)
    for leaf in leaves:
        if leaf.kind == values.UNSURE:
            raise unsure(first, "a result")
        if first is None or leaf.setting is None or not values.is_alike(first, leaf.setting):
            raise refused(
                refusals.EXPRESSION, first, "is in an expression that may be something else"
            )
    return (leaves[0],)


def _star(
    analysis: Analysis, node: Node, ranges: Sequence[Range], is_merged: bool
) -> Sequence[Output]:
    compared = analysis.protection.compared
    chosen = list(ranges)
    if len(node.names) > 1:
        name = compared(node.names[-2])
        database = compared(node.names[-3]) if len(node.names) > 2 else ""
        chosen = [
            one for one in ranges if one.name == name and (not database or one.database == database)
        ]
        if not chosen:
            return [Output("", NOT_SURE, True)]
    is_merged = is_merged and len(node.names) == 1
    holds = any(holds_protected(one.columns) for one in chosen)
    if is_merged or any(one.is_open for one in chosen):
        named = all(one.table is not None or not holds_protected(one.columns) for one in chosen)
        return [Output("", NOT_SURE if holds else PLAIN, True, named)]
    found: list[Output] = []
    for one in chosen:
        table = one.table
        found += [
            column
            for column in one.columns
            if table is None or not table.columns[column.name].invisible
        ]
    return found


def _by(
    analysis: Analysis, item: Node, columns: Columns, scope: Scope, reason: str, text: str
) -> None:
    """Take an item of ORDER BY or GROUP BY.  Raises StatementRefusedError for a protected one."""
    if nodes.unsigned(item).kind == nodes.VALUE:
        # The number of a column.
        if holds_protected(columns):
            hint = "Name the column in place of its number."
            raise refused(reason, _first(columns), f"may be {text.removeprefix('is ')}", hint)
        return
    if item.kind == nodes.COLUMN:
        found = walking.value(analysis, item, scope)
        if any(leaf.kind == values.UNSURE for leaf in found):
            raise unsure(values.setting_of(found), "ORDER BY")
        if is_protected(found):
            raise refused(reason, values.setting_of(found), text)
        return
    walking.ordinary(analysis, item, scope)


def _first(columns: Columns) -> ColumnSetting | None:
    """One of the protected columns, for messages."""
    found = (values.setting_of(one.value) for one in columns)
    return next((one for one in found if one is not None), None)


def results(columns: Columns) -> Sequence[ResultColumn] | None:
    """The columns of a result as its reader needs them; None if nothing in it is protected.  Raises
    StatementRefusedError where nobody can tell which they are."""
    if not holds_protected(columns):
        return None
    found: list[ResultColumn] = []
    for one in columns:
        if one.rest:
            if is_protected(one.value) and not one.named:
                raise refused(
                    refusals.EXPRESSION, None, "is in * of unknown columns", "Name the columns."
                )
            found.append(ResultColumn(None, True, one.named))
        else:
            found.append(ResultColumn(values.setting_of(one.value), False, one.named))
    rests = sum(one.rest for one in found)
    if rests and any(one.setting is not None and not one.named for one in found):
        raise refused(
            refusals.EXPRESSION, None, "is beside * of unknown columns", "Name the columns."
        )
    return found
