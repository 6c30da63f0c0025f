"""A definition's place: the tables that it may name, as one session has them, and their settings.

The trees are libpg_query's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from acra_twisted.encryption import refusals
from acra_twisted.encryption.plan import Refusal
from acra_twisted.encryption.postgresql import columntypes
from acra_twisted.encryption.postgresql.columntypes import Retyped
from acra_twisted.encryption.postgresql.naming import Resolved, SearchPath, resolve
from acra_twisted.encryption.postgresql.protection import Protection
from acra_twisted.encryption.postgresql.schema import Relation
from acra_twisted.encryption.settings import ColumnSetting

#: Settings by name of column.
Named = Mapping[str, ColumnSetting]


class Place(NamedTuple):
    """The tables that a definition may name, and the columns whose type must be another one."""

    protection: Protection
    path: SearchPath
    retyped: list[Retyped]

    def refused_type(self, column: dict[str, Any], setting: ColumnSetting) -> Refusal | None:
        """Judge the type of a ColumnDef."""
        type_name = column.get("typeName", {})
        if columntypes.is_fit(type_name, setting):
            return None
        if not self.protection.settings.retypes:
            return columntypes.refusal(setting)
        self.retyped.append(Retyped(setting, type_name))
        return None

    def resolved(self, where: dict[str, Any]) -> Resolved:
        """Find the relation of a RangeVar."""
        schema, name = where.get("schemaname", ""), where.get("relname", "")
        return resolve(self.protection, self.path, schema, name)

    def settings(self, relation: Relation) -> tuple[Named, Named]:
        """The settings of a relation's columns, and of those that it, or one that inherits from it,
        does not have yet."""
        table = self.protection.table_setting(relation)
        return (
            self.protection.by_name(relation),
            {**self.protection.coming(relation.oid), **(table.protected if table else {})},
        )


def refused_column(reason: str, setting: ColumnSetting, text: str, hint: str = "") -> Refusal:
    """The refusal of a definition for what would become of a column."""
    return refusals.refused(reason, setting, text, hint).refusal


def unknown(where: dict[str, Any], found: Resolved) -> Refusal:
    """The refusal of a definition with a RangeVar whose table cannot be told."""
    name = where.get("relname", "")
    text = f"table {name} is protected by AcraServer and {found.unknown}"
    return Refusal(refusals.SCHEMA_UNKNOWN, name, text)
