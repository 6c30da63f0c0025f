"""A schema from a configuration alone, where no server can be asked."""

from __future__ import annotations

from acra_twisted.encryption.mysql import storage
from acra_twisted.encryption.mysql.schema import Column, Schema, Table
from acra_twisted.encryption.settings import TOKENIZED, EncryptionSettings, TableSetting
from acra_twisted.errors import ConfigError, raise_together


def assumed(settings: EncryptionSettings, database: str) -> Schema:
    """A schema with the tables of the configuration, each with its ``columns`` and of types that
    hold what is stored; ``database`` has those whose setting names none.  Raises ConfigError for
    tables whose ``columns`` are not given."""
    raise_together(
        [
            ConfigError(
                f"table {table.name}: its other columns are not known; give `columns`",
                f"line {table.line}",
            )
            for table in settings.tables
            if not table.columns
        ]
    )
    return Schema(1, [_table(table, database) for table in settings.tables])


def _table(table: TableSetting, database: str) -> Table:
    columns = []
    for name in table.columns:
        setting = table.protected.get(name)
        tokens = setting is not None and setting.kind == TOKENIZED
        kind, _, length = (
            storage.definition(setting).lower().partition("(")
            if setting is not None
            else ("varchar", "", "")
        )
        size = int(length[:-1]) if length and not tokens else -1
        columns.append(Column(name, kind, size))
    return Table(table.schema or database, table.name, columns)
