"""Views that can be written as a table is: what is given to a column of one is given to one column
of one table.

Servers write through others, too, such as joins; statements that do are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from acra_twisted.encryption.mysql import nodes
from acra_twisted.encryption.mysql.nodes import Node, Query, Select, TableName
from acra_twisted.encryption.mysql.protection import ProtectedTable
from acra_twisted.encryption.mysql.schema import Code, Column, Table
from acra_twisted.encryption.settings import ColumnSetting
from acra_twisted.sql.mysqlnames import fold


class WrittenView(ProtectedTable):
    """A view as a table: its columns are those of ``behind``, a table or another view, by their
    names there, which ``sources`` tells, or are worked out and have no type."""

    __slots__ = ("behind", "sources")

    def __init__(self, code: Code, behind: ProtectedTable, shown: Mapping[str, str]) -> None:
        columns = []
        settings = {}
        self.behind = behind
        self.sources: dict[str, str] = {}
        for name, source in shown.items():
            column = behind.columns.get(source)
            if column is None:
                columns.append(Column(name, ""))
                continue
            columns.append(column._replace(name=name, invisible=False))
            self.sources[fold(name)] = source
            if source in behind.settings:
                settings[fold(name)] = behind.settings[source]
        super().__init__(Table(code.database, code.name, columns), settings)

    @property
    def first(self) -> ColumnSetting:
        """One of the protected columns, for messages."""
        return next(iter(self.settings.values()), None) or self.behind.first


def written(
    code: Code, query: Query, table_of: Callable[[TableName], ProtectedTable | None]
) -> WrittenView | None:
    """A view as a table that can be written; None for one that cannot.  ``table_of`` gives the
    table, or such a view, of a name."""
    if len(query.branches) != 1 or query.commons or query.orders or query.others:
        return None
    one = query.branches[0]
    if not isinstance(one, Select):
        return written(code, one, table_of)
    if one.distinct is not None or one.groups or one.having is not None or one.others:
        return None
    factors = one.source.factors
    if len(factors) != 1 or factors[0].table is None or one.orders:
        return None
    behind = table_of(factors[0].table)
    if behind is None:
        return None
    shown: dict[str, str] = {}
    for item in one.outputs:
        node = nodes.bare(item.value)
        name = item.alias or _name(node)
        if node.kind == nodes.STAR or not name or fold(name) in map(fold, shown):
            return None
        shown[name] = fold(node.names[-1]) if node.kind == nodes.COLUMN else ""
    return WrittenView(code, behind, shown)


def _name(node: Node) -> str:
    return node.names[-1] if node.kind == nodes.COLUMN else ""
