"""New names, and new schemas, of protected columns and tables: these are protected by the names
that they have.

The trees are libpg_query's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from acra_twisted.encryption import refusals
from acra_twisted.encryption.plan import Refusal
from acra_twisted.encryption.postgresql import typed
from acra_twisted.encryption.postgresql.defining import Place, refused_column, unknown
from acra_twisted.encryption.postgresql.protection import Protection
from acra_twisted.encryption.postgresql.schema import SYSTEM_SCHEMAS
from acra_twisted.encryption.settings import ColumnSetting

_RENAMED: Final = "under another name it would not be"
_HINT: Final = "Change the configuration first."


def rename(fields: dict[str, Any], place: Place) -> Refusal | None:
    """Judge a new name: a column or table is protected by the one that it has, and by that of its
    schema."""
    if fields.get("renameType") == "OBJECT_ATTRIBUTE":
        return typed.refused(fields)
    if fields.get("renameType") == "OBJECT_SCHEMA":
        return _lost(_within(fields.get("subname", ""), place.protection), _RENAMED)
    kind, where = fields.get("renameType"), fields.get("relation", {})
    found = place.resolved(where)
    if kind == "OBJECT_COLUMN" and found.unknown and place.protection.named(where["relname"]):
        # Tables that inherit from it have their columns renamed with its own.
        return unknown(where, found)
    if found.relation is None:
        return None
    settings = place.settings(found.relation)[0]
    if kind == "OBJECT_COLUMN":
        table = place.protection.table_setting(found.relation)
        lost: Sequence[ColumnSetting] = [
            setting
            for name, setting in settings.items()
            if name == fields.get("subname")
            and not (table and fields.get("newname") in table.protected)
        ]
    elif kind in ("OBJECT_TABLE", "OBJECT_FOREIGN_TABLE"):
        lost = list(settings.values()) if place.protection.table_setting(found.relation) else []
    else:
        lost = []
    return _lost(lost, _RENAMED)


def _within(schema: str, protection: Protection) -> Sequence[ColumnSetting]:
    """The settings of tables that are protected in this schema alone."""
    tables = [table for table in protection.settings.tables if table.schema == schema]
    return [setting for table in tables for setting in table.protected.values()]


def move(fields: dict[str, Any], place: Place) -> Refusal | None:
    """Judge the move of a table to another schema."""
    found = place.resolved(fields.get("relation", {}))
    if found.relation is None:
        return None
    table = place.protection.table_setting(found.relation)
    if table is None or not (table.schema or fields.get("newschema") in SYSTEM_SCHEMAS):
        return None
    return _lost(list(table.protected.values()), "in another schema it would not be")


def _lost(settings: Sequence[ColumnSetting], text: str) -> Refusal | None:
    for setting in settings:
        return refused_column(refusals.SCHEMA_MISMATCH, setting, text, _HINT)
    return None
