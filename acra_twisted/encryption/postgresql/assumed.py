"""The schema that a configuration describes by itself, for those who have no database at hand."""

from __future__ import annotations

from typing import Final

from acra_twisted.encryption.postgresql import storage, types
from acra_twisted.encryption.postgresql.schema import TABLE, Attribute, Relation, Schema
from acra_twisted.encryption.settings import EncryptionSettings, TableSetting
from acra_twisted.errors import ConfigError, raise_together

#: The schema of a table whose setting names none.
_SCHEMA: Final = "public"


def assumed(settings: EncryptionSettings) -> Schema:
    """A schema with the tables of the configuration, each with its ``columns`` and of the
    recommended types.  Raises ConfigError for tables whose ``columns`` are not given."""
    raise_together(
        [
            ConfigError(
                f"table {table.name}: its other columns are not known; give `columns`, or a schema",
                f"line {table.line}",
            )
            for table in settings.tables
            if not table.columns
        ]
    )
    relations = [_relation(oid, table) for oid, table in enumerate(settings.tables, 1)]
    return Schema(1, {relation.oid: relation for relation in relations})


def _relation(oid: int, table: TableSetting) -> Relation:
    attributes = []
    for number, name in enumerate(table.columns, 1):
        setting = table.protected.get(name)
        kind = types.TEXT if setting is None else storage.storage_types(setting)[0]
        attributes.append(Attribute(name, number, kind, kind))
    return Relation(oid, table.schema or _SCHEMA, table.name, TABLE, tuple(attributes))
