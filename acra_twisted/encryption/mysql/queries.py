"""Walks through queries: tells what each of their columns is.

Source: the transparent-encryption reference, sections 5, 6 and 11.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from acra_twisted.encryption import refusals
from acra_twisted.encryption.mysql import comparisons, grouping, nodes, scopes, values, walking
from acra_twisted.encryption.mysql.analysis import Analysis, unsure
from acra_twisted.encryption.mysql.nodes import Common, Joined, Node, Query, Select, TableFactor
from acra_twisted.encryption.mysql.protection import ProtectedTable
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

#: The limit of MySQL and MariaDB for the columns of a table.
_MOST: Final = 4_096
#: Their limit for the tables of a join.
_TABLES: Final = 61


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
        columns = _united(analysis, branches, one.keeps_all)
    behind = Scope((), scope, aliases=columns)
    for item in one.orders:
        grouping.by(analysis, item, columns, behind, refusals.ORDER)
    for item in one.others:
        walking.ordinary(analysis, item, behind)
    return columns


def _united(analysis: Analysis, branches: Sequence[Columns], keeps_all: bool) -> Columns:
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
            if not comparisons.is_stored_alike(setting):
                text = "is in a UNION that takes out equal rows, and they are stored differently"
                raise refused(refusals.GROUP, setting, text, "Write ALL.")
            comparisons.match(analysis, setting)
        misfit = values.misfit_of([leaf for part in parts for leaf in part.value])
        found.append(Output(parts[0].name, (Leaf(values.PROTECTED, setting, misfit=misfit),)))
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
    if len(source.factors) > _TABLES:
        raise refused(refusals.UNPARSABLE, None, f"FROM has more than {_TABLES} tables")
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
    view = None if found is not None else analysis.view_of(table)
    if view is not None:
        return Range(name, analysis.view(view), where, view=analysis.written(view))
    if found is None:
        lacking = analysis.protection.lacking(database, table.name)
        return Range(name, OPEN, where, lacking=lacking)
    columns = [Output(column, _stored(found, column), named=True) for column in found.columns]
    return Range(name, columns, where, found)


def _stored(table: ProtectedTable, column: str) -> Value:
    """Tell what a column of a protected table is."""
    setting = table.settings.get(column)
    if setting is None:
        return PLAIN
    return (Leaf(values.PROTECTED, setting, misfit=table.wrong_types.get(column, "")),)


# -- SELECT ---------------------------------------------------------------------------------------


def select(analysis: Analysis, one: Select, outer: Scope) -> Columns:
    """The columns of a SELECT.  Raises StatementRefusedError."""
    ranges = ranges_of(analysis, one.source, outer)
    scope = Scope(ranges, outer)
    whole = bool(one.source.using or one.source.natural)
    columns = outputs(analysis, one.outputs, ranges, scope, whole)
    if one.into and holds_protected(columns):
        raise refused(refusals.EXPRESSION, grouping.first(columns), "is put in a variable by INTO")
    if one.where is not None:
        walking.ordinary(analysis, one.where, scope)
    behind = Scope(ranges, outer, aliases=values.exposed(columns))
    grouped: dict[ColumnSetting, None] = {}
    for item in one.groups:
        setting = grouping.group(analysis, item, columns, behind)
        if setting is not None:
            grouped[setting] = None
    if one.rollup and grouped:
        raise refused(refusals.GROUP, next(iter(grouped)), "is grouped by WITH ROLLUP")
    if holds_protected(columns):
        if one.distinct is not None:
            columns = grouping.distinct(analysis, one, columns, ranges)
        elif one.groups:
            columns = grouping.aggregated(analysis, one.outputs, columns, grouped)
    if one.having is not None:
        walking.ordinary(analysis, one.having, behind)
    for item in one.orders:
        grouping.by(analysis, item, columns, behind, refusals.ORDER)
    for item in one.others:
        walking.ordinary(analysis, item, scope)
    return columns


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
            if len(found) > _MOST:
                raise refused(refusals.UNPARSABLE, None, f"a list has more than {_MOST} columns")
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
        found = scopes.named(scope.ranges, compared(node.names[-2]))
        return any(one.table is not None for one in found)
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
