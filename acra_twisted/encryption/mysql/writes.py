"""Walks through statements that write: tells the value that each column is given.

Source: the transparent-encryption reference, sections 4 and 11.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from acra_twisted.encryption import refusals
from acra_twisted.encryption.mysql import nodes, queries, scopes, values, walking
from acra_twisted.encryption.mysql.analysis import Analysis, unfit, unsure
from acra_twisted.encryption.mysql.nodes import (
    Assignment,
    Delete,
    Insert,
    Joined,
    Node,
    Query,
    Statement,
    TableFactor,
    Update,
)
from acra_twisted.encryption.mysql.protection import Lacking, ProtectedTable
from acra_twisted.encryption.mysql.scopes import Range, Scope, renamed
from acra_twisted.encryption.mysql.values import OPEN, Columns, Leaf, Value
from acra_twisted.encryption.mysql.viewtargets import WrittenView
from acra_twisted.encryption.refusals import refused
from acra_twisted.encryption.settings import ColumnSetting
from acra_twisted.sql.mysqlnames import fold

_NOTHING: Final[Columns] = ()


def statement(analysis: Analysis, one: Statement) -> Columns:
    """The columns that a statement returns.  Raises StatementRefusedError."""
    if isinstance(one, Query):
        return analysis.query(one, Scope())
    if isinstance(one, Insert):
        return insert(analysis, one)
    if isinstance(one, Update):
        return update(analysis, one)
    return delete(analysis, one)


def insert(analysis: Analysis, one: Insert) -> Columns:
    """The columns that INSERT or REPLACE returns.  Raises StatementRefusedError."""
    joined = Joined()
    joined.factors.append(TableFactor(one.table, None, ""))
    target = queries.ranges_of(analysis, joined, Scope())[0]
    table, lacking = target.written, target.lacking
    if table is None and analysis.view_of(one.table) is not None:
        raise unwritable(one.table.name)
    columns = _listed(table, one.columns)
    for name in one.columns or ():
        present(target, name)
    if one.columns is None and (one.query or all(one.rows)):
        _list(analysis, target, columns or (), one.listed)
    scope = Scope((target,))
    if one.query is not None:
        found = analysis.query(one.query, Scope())
        _from_query(analysis, table, columns, found)
        if not one.columns:
            # A star stands for one at least.
            by_order(lacking, sum(not output.rest for output in found) or 1, one.columns)
    for row in one.rows:
        if not one.columns:
            by_order(lacking, len(row), one.columns)
        # Values may name columns that stand before them.
        _row(analysis, table, columns, [walking.value(analysis, item, scope) for item in row])
    if columns is not None and table is not None:
        omit(analysis, table, columns if one.query or one.rows != [[]] else ())
    ranges = [target]
    if one.alias:
        named = renamed(_inserted(target, columns, one.alias_columns), one.alias_columns)
        if named is None and table is not None:
            raise refused(refusals.SCHEMA_MISMATCH, table.first, "has another number of aliases")
        named = named or OPEN
        ranges.append(Range(analysis.protection.compared(one.alias), named))
    _assign(analysis, one.updates, _reading(analysis, one, ranges), [target], "ON DUPLICATE KEY")
    return queries.outputs(analysis, one.returning, [target], scope)


def _list(analysis: Analysis, target: Range, columns: Sequence[str], place: int) -> None:
    """Have rows without a list of columns go to those that their table is known to have.  Raises
    StatementRefusedError."""
    table, lacking = target.written, target.lacking
    if table is not None and columns:
        filled = [table.columns[name].name for name in columns]
        analysis.list_columns(filled, table.first, place)
    elif lacking.columns:
        analysis.list_columns(lacking.columns, lacking.first, place)


def unwritable(name: str) -> refusals.StatementRefusedError:
    """The error of a view that cannot be written like a table."""
    return refused(
        refusals.SCHEMA_MISMATCH,
        None,
        f"may be written through view {name}, which is not a part of one table",
        "Use the table itself.",
    )


def _reading(analysis: Analysis, one: Insert, ranges: Sequence[Range]) -> Scope:
    """The scope of ON DUPLICATE KEY UPDATE, which may name the tables of INSERT ... SELECT: only
    where these are not protected can they be told."""
    if one.query is None or not one.updates:
        return Scope(ranges)
    branch = one.query.branches[0]
    if isinstance(branch, nodes.Select) and branch.source.factors:
        source = Joined()
        source.factors = [factor for factor in branch.source.factors if factor.table is not None]
        return Scope([*ranges, *queries.ranges_of(analysis, source, Scope())])
    return Scope(ranges)


def _inserted(target: Range, columns: Sequence[str] | None, aliases: Sequence[str]) -> Columns:
    """The columns of the row that is inserted: those that are filled, if they get other names."""
    if not aliases or columns is None:
        return target.columns
    known = {one.name: one for one in target.columns}
    return [known[name] for name in columns]


def _listed(table: ProtectedTable | None, columns: Sequence[str] | None) -> Sequence[str] | None:
    """The columns that are filled, in their order; None for a table that is not protected."""
    if table is None:
        return None
    if columns is None:
        return [name for name, column in table.columns.items() if not column.invisible]
    found = [fold(name) for name in columns]
    for name in found:
        known(table, name)
    return found


def known(table: ProtectedTable, name: str) -> None:
    """Raise StatementRefusedError if a table has no such column, as far as is known."""
    if name not in table.columns:
        raise refusals.no_column(table.table.name, name)


def present(target: Range, name: str) -> None:
    """Raise StatementRefusedError if a column that is written is a protected one that the table is
    known not to have."""
    setting = target.lacking.settings.get(fold(name))
    if setting is not None:
        raise refused(refusals.SCHEMA_MISMATCH, setting, "is not in its table, as far as is known")


def by_order(lacking: Lacking, width: int, listed: Sequence[str] | None = None) -> None:
    """Raise StatementRefusedError if a row without a list of columns has more values than a table
    that lacks protected columns is known to take, or has any and ``listed`` is an empty list, which
    servers take for all columns."""
    if lacking.settings and width > (len(lacking.columns) if listed is None else 0):
        raise refused(
            refusals.SCHEMA_MISMATCH,
            lacking.first,
            "is not in its table, as far as is known, and a row has more values than columns",
        )


def _row(
    analysis: Analysis,
    table: ProtectedTable | None,
    columns: Sequence[str] | None,
    found: Sequence[Value],
    place: str = "VALUES",
) -> None:
    if table is None or columns is None:
        for value in found:
            analysis.ignore(value, place)
        return
    if not found:
        # Every column takes its default.
        omit(analysis, table, ())
        return
    if len(found) != len(columns):
        raise refused(
            refusals.SCHEMA_MISMATCH, table.first, f"{place} has another number of values"
        )
    for name, value in zip(columns, found, strict=True):
        _give(analysis, table, name, value, place)


def _give(analysis: Analysis, table: ProtectedTable, name: str, value: Value, place: str) -> None:
    setting = table.settings.get(name)
    if setting is None:
        analysis.ignore(value, place)
        return
    fitting(table, name, setting)
    analysis.store(setting, table.columns[name], value, place)


def fitting(table: ProtectedTable, name: str, setting: ColumnSetting) -> None:
    """Raise StatementRefusedError if a protected column cannot hold what is stored."""
    misfit = table.misfits.get(name)
    if misfit is not None:
        raise unfit(setting, misfit)


def omit(analysis: Analysis, table: ProtectedTable, given: Sequence[str]) -> None:
    """Note that all protected columns but those that are given take their defaults."""
    for name, setting in table.settings.items():
        if name not in given:
            analysis.default(setting, table.columns[name], "INSERT")
    if isinstance(table, WrittenView):
        # What the view does not show takes the table's defaults.
        sources = [table.sources[name] for name in given if name in table.sources]
        omit(analysis, table.behind, sources)


def _from_query(
    analysis: Analysis,
    table: ProtectedTable | None,
    columns: Sequence[str] | None,
    found: Columns,
) -> None:
    """Note what INSERT ... SELECT writes."""
    if table is not None and any(one.rest for one in found):
        raise refused(
            refusals.UNALIKE,
            table.first,
            "is given a column of * in SELECT that is not known",
            "Name the columns.",
        )
    _row(analysis, table, columns, [one.value for one in found], "SELECT")


def update(analysis: Analysis, one: Update) -> Columns:
    """UPDATE returns nothing.  Raises StatementRefusedError."""
    outer = queries.with_clause(analysis, one.commons, one.recursive, Scope())
    ranges = queries.ranges_of(analysis, one.source, outer)
    scope = Scope(ranges, outer)
    _assign(analysis, one.assignments, scope, ranges, "SET")
    _behind(analysis, one.where, one.orders, one.others, scope)
    return _NOTHING


def _assign(
    analysis: Analysis,
    assignments: Sequence[Assignment],
    scope: Scope,
    ranges: Sequence[Range],
    place: str,
) -> None:
    """Note the assignments of a statement; ``ranges`` are the tables that they may be to."""
    for one in assignments:
        value = walking.value(analysis, one.value, scope)
        if any(leaf.kind == values.DEFAULT for leaf in value) and len(value) > 1:
            raise refused(refusals.EXPRESSION, None, f"is in an expression in {place}")
        target = _target(analysis, one.names, ranges, place)
        if target is None:
            analysis.ignore(value, place)
        else:
            known(target, fold(one.names[-1]))
            _give(analysis, target, fold(one.names[-1]), value, place)


def _target(
    analysis: Analysis, names: Sequence[str], ranges: Sequence[Range], place: str
) -> ProtectedTable | None:
    """The table of a column that is assigned to; None for one that is not protected."""
    compared = analysis.protection.compared
    name = fold(names[-1])
    if len(names) > 1:
        database = compared(names[-3]) if len(names) > 2 else ""
        found = scopes.named(ranges, compared(names[-2]), database)
        protected = [one for one in found if values.holds_protected(one.columns)]
        if not found or (protected and (len(found) > 1 or found[0].written is None)):
            raise unsure(None, place)
        present(found[0], name)
        return found[0].written
    if any(one.written is None and values.holds_protected(one.columns) for one in ranges):
        raise unsure(None, place)
    tables = [one.written for one in ranges if one.written is not None]
    having = [table for table in tables if name in table.columns]
    if len(having) > 1:
        raise unsure(having[0].first, place)
    if having:
        return having[0]
    if tables and not any(one.is_open for one in ranges):
        known(tables[0], name)
    for one in ranges:
        present(one, name)
    return None


def delete(analysis: Analysis, one: Delete) -> Columns:
    """The columns that DELETE returns.  Raises StatementRefusedError."""
    outer = queries.with_clause(analysis, one.commons, one.recursive, Scope())
    ranges = queries.ranges_of(analysis, one.source, outer)
    scope = Scope(ranges, outer)
    _behind(analysis, one.where, one.orders, one.others, scope)
    return queries.outputs(analysis, one.returning, ranges, scope)


def _behind(
    analysis: Analysis,
    where: Node | None,
    orders: Sequence[Node],
    others: Sequence[Node],
    scope: Scope,
) -> None:
    if where is not None:
        walking.ordinary(analysis, where, scope)
    for item in orders:
        _refuse_order(walking.value(analysis, item, scope))
    for item in others:
        walking.ordinary(analysis, item, scope)


def _refuse_order(found: Sequence[Leaf]) -> None:
    if values.is_protected(found):
        raise refused(refusals.ORDER, values.setting_of(found), "is what rows are ordered by")
