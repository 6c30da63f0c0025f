"""Columns whose stored values are looked at: those that can be told from others.  Tokens look like
any value."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from acra_twisted.encryption.mysql import moving as mysqlmoving
from acra_twisted.encryption.mysql import sampling as mysqlsampling
from acra_twisted.encryption.mysql.belt import quoted as mysqlquoted
from acra_twisted.encryption.mysql.protection import ProtectedTable
from acra_twisted.encryption.mysql.protection import Protection as MysqlProtection
from acra_twisted.encryption.mysql.schema import Column
from acra_twisted.encryption.postgresql import moving, sampling
from acra_twisted.encryption.postgresql.belt import quoted
from acra_twisted.encryption.postgresql.protection import Protection
from acra_twisted.encryption.postgresql.schema import Attribute, Relation
from acra_twisted.encryption.settings import TOKENIZED, ColumnSetting, TableSetting
from acra_twisted.server.pieces import Ask, read_cells


class SampledColumn(Protocol):
    """A column of a table of the database: ``label`` is its name for results, ``setting`` what the
    configuration says of it, ``table`` the part of the configuration that it is in, and ``grant``
    the statement that lets a role look at it."""

    @property
    def label(self) -> str:
        """Return its name for results."""

    @property
    def setting(self) -> ColumnSetting:
        """Return what the configuration says of it."""

    @property
    def table(self) -> TableSetting:
        """Return the part of the configuration that it is in."""

    @property
    def grant(self) -> str:
        """Return the beginning of a statement that lets somebody look at it."""

    async def values(self, ask: Ask, most: int, longest: int) -> list[bytes]:
        """Return at most so many values, empty for one of more than ``longest`` bytes.  Raises
        ConfigError, and the errors of ``ask``."""


class PostgresqlColumn:
    """See SampledColumn; ``root`` is its table."""

    def __init__(
        self,
        protection: Protection,
        table: TableSetting,
        root: Relation,
        attribute: Attribute,
        setting: ColumnSetting,
    ) -> None:
        self._protection, self._root, self._attribute = protection, root, attribute
        self.table, self.setting = table, setting
        self.label = f"{moving.label(root)}.{attribute.name}"
        self.grant = f"GRANT SELECT ({quoted(attribute.name)}) ON {moving.name_of(root)}"

    async def values(self, ask: Ask, most: int, longest: int) -> list[bytes]:
        """See SampledColumn."""
        holders = moving.holders(self._protection, self._root)
        question = sampling.question(self._root, holders, self._attribute, most, longest)
        cells = await read_cells(ask, question, most, 2 * most * longest)
        return [sampling.stored(self._attribute, cell) for cell in cells]


class MysqlColumn:
    """See SampledColumn; ``of`` is its table."""

    def __init__(
        self, of: ProtectedTable, table: TableSetting, column: Column, setting: ColumnSetting
    ) -> None:
        self._of, self._column = of, column
        self.table, self.setting = table, setting
        self.label = f"{mysqlmoving.label(of.table)}.{column.name}"
        self.grant = f"GRANT SELECT ON {mysqlquoted(of.table.database, of.table.name)}"

    async def values(self, ask: Ask, most: int, longest: int) -> list[bytes]:
        """See SampledColumn."""
        question = mysqlsampling.question(self._of.table, self._column, most, longest)
        return [mysqlsampling.stored(cells[0]) for cells in await ask(question, most)]


def postgresql_columns(protection: Protection) -> Iterator[SampledColumn]:
    """The columns of a database of PostgreSQL."""
    for table in protection.settings.tables:
        for root in moving.roots(protection, table):
            columns = protection.columns(root.oid)
            for attribute in root.attributes:
                setting = columns.get(attribute.number)
                if setting is not None and setting.kind != TOKENIZED:
                    yield PostgresqlColumn(protection, table, root, attribute, setting)


def mysql_columns(protection: MysqlProtection) -> Iterator[SampledColumn]:
    """The columns of a server of MySQL or MariaDB."""
    for of in protection.tables:
        table = protection.setting_of(of.table)
        for name, column in of.columns.items():
            setting = of.settings.get(name)
            if setting is not None and setting.kind != TOKENIZED and table is not None:
                yield MysqlColumn(of, table, column, setting)
