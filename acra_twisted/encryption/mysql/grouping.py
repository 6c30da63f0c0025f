"""Takes GROUP BY, DISTINCT and ORDER BY: rows with equal values of a searchable column are brought
together by its prefix, and one of the stored values stands for all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from acra_twisted.encryption import refusals
from acra_twisted.encryption.mysql import comparisons, nodes, values, walking
from acra_twisted.encryption.mysql.analysis import Analysis, unsure
from acra_twisted.encryption.mysql.belt import quoted
from acra_twisted.encryption.mysql.nodes import Node
from acra_twisted.encryption.mysql.scopes import Range, Scope
from acra_twisted.encryption.mysql.values import Columns, Output, holds_protected, is_protected
from acra_twisted.encryption.refusals import refused
from acra_twisted.encryption.settings import ColumnSetting
from acra_twisted.sql.mysqlnames import fold

_DONE: Final = {refusals.ORDER: "ordered", refusals.GROUP: "grouped"}
#: Bytes by which servers group values, and types of longer ones that tell no length.
_LONGEST: Final = 1_024
_LONG: Final = ("json", "geometry")


def group(analysis: Analysis, item: Node, columns: Columns, scope: Scope) -> ColumnSetting | None:
    """Take an item of GROUP BY; the setting of a protected column that it is."""
    if item.kind == nodes.COLUMN:
        found = walking.value(analysis, item, scope)
        leaf = found[0]
        if len(found) == 1 and leaf.kind == values.PROTECTED and leaf.setting is not None:
            if not any(is_protected(one.value) and _is_other(one, item) for one in columns):
                comparisons.check(leaf.setting, leaf.misfit)
                comparisons.match(analysis, leaf.setting)
                shown = comparisons.same(leaf.setting, analysis.shown(_named(item, columns, scope)))
                analysis.edit(item, [shown])
                return leaf.setting
    by(analysis, item, columns, scope, refusals.GROUP)
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


def aggregated(
    analysis: Analysis,
    given: Sequence[nodes.Output],
    columns: Columns,
    grouped: Mapping[ColumnSetting, None],
) -> Columns:
    """Have one of the stored values of a group stand for all; the columns then."""
    if len(given) != len(columns) or any(one.rest for one in columns):
        raise refused(refusals.GROUP, first(columns), "is in * of a query with GROUP BY")
    found: list[Output] = []
    for output, column in zip(given, columns, strict=True):
        setting = values.setting_of(column.value)
        found.append(column._replace(named=column.named and setting is None))
        if setting is None:
            continue
        node = nodes.bare(output.value)
        if setting not in grouped or node.kind != nodes.COLUMN:
            raise refused(
                refusals.GROUP,
                setting,
                "is in a query with GROUP BY that does not group by it",
            )
        shown = b"MIN(%b)" % analysis.shown(node)
        if not output.alias:
            shown += f" AS {quoted(node.names[-1])}".encode()
        analysis.edit(output.value, [shown])
    return found


def distinct(
    analysis: Analysis, one: nodes.Select, columns: Columns, ranges: Sequence[Range]
) -> Columns:
    """Take DISTINCT of protected columns: group by all columns instead; the columns then.

    Servers group by the first bytes of long texts, so all others must be short ones of known
    tables.
    """
    if one.distinct is None or one.groups or one.having is not None:
        raise _not_distinct(columns, "of what is grouped")
    if len(one.outputs) != len(columns) or any(column.rest for column in columns):
        raise _not_distinct(columns, "of *")
    keys: list[bytes] = []
    grouped: dict[ColumnSetting, None] = {}
    named = [_name(output) for output in one.outputs]
    for number, (output, column) in enumerate(zip(one.outputs, columns, strict=True)):
        node = nodes.bare(output.value)
        setting = values.setting_of(column.value)
        if node.kind != nodes.COLUMN or (setting is None and not _is_short(analysis, node, ranges)):
            raise _not_distinct(columns, "beside something that is no short column of its table")
        if setting is None:
            keys.append(b"%d" % (number + 1))
            continue
        if fold(node.names[-1]) in named[:number] + named[number + 1 :]:
            raise _not_distinct(columns, "beside another column of its name")
        comparisons.check(setting, values.misfit_of(column.value))
        comparisons.match(analysis, setting)
        grouped[setting] = None
        keys.append(comparisons.same(setting, analysis.shown(node)))
    if not all(item.kind == nodes.COLUMN and fold(item.names[-1]) in named for item in one.orders):
        raise _not_distinct(columns, "ordered by another column")
    analysis.remove(one.distinct)
    analysis.insert(one.filtered, b" GROUP BY " + b", ".join(keys))
    return aggregated(analysis, one.outputs, columns, grouped)


def _not_distinct(columns: Columns, text: str) -> refusals.StatementRefusedError:
    hint = "Take equal values out yourself."
    return refused(refusals.GROUP, first(columns), f"is in DISTINCT {text}", hint)


def _name(output: nodes.Output) -> str:
    """The name of a column of a result, "" for that of an expression."""
    node = nodes.bare(output.value)
    return fold(output.alias or (node.names[-1] if node.kind == nodes.COLUMN else ""))


def _is_short(analysis: Analysis, node: Node, ranges: Sequence[Range]) -> bool:
    """Tell whether a column is one of a known table, and not of a long type."""
    name = fold(node.names[-1])
    table = analysis.protection.compared(node.names[-2]) if len(node.names) > 1 else None
    chosen = [one for one in ranges if table in (None, one.name)]
    if any(one.table is None for one in chosen):
        return False
    found = [one.table.columns[name] for one in chosen if one.table and name in one.table.columns]
    return len(found) == 1 and found[0].length <= _LONGEST and found[0].type not in _LONG


def by(analysis: Analysis, item: Node, columns: Columns, scope: Scope, reason: str) -> None:
    """Take an item of ORDER BY or GROUP BY, which ``reason`` tells apart.  Raises
    StatementRefusedError for a protected one."""
    text = f"is what rows are {_DONE[reason]} by"
    if nodes.unsigned(item).kind == nodes.VALUE:
        # The number of a column.
        if holds_protected(columns):
            hint = "Name the column in place of its number."
            raise refused(reason, first(columns), f"may be {text.removeprefix('is ')}", hint)
        return
    if item.kind == nodes.COLUMN:
        found = walking.value(analysis, item, scope)
        if any(leaf.kind == values.UNSURE for leaf in found):
            raise unsure(values.setting_of(found), "ORDER BY")
        if is_protected(found):
            raise refused(reason, values.setting_of(found), text)
        return
    walking.ordinary(analysis, item, scope)


def first(columns: Columns) -> ColumnSetting | None:
    """One of the protected columns, for messages."""
    found = (values.setting_of(one.value) for one in columns)
    return next((one for one in found if one is not None), None)
