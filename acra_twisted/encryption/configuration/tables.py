"""The tables of a configuration: each once, with each of its columns once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from acra_twisted.encryption.configuration.columns import Owner, line_of
from acra_twisted.encryption.settings import ColumnSetting, TableSetting
from acra_twisted.errors import ConfigError
from acra_twisted.nearest import meant

#: Bytes of a name at most: PostgreSQL would cut it off, and MySQL has fewer.
LONGEST_NAME: Final = 63


class GivenColumn(NamedTuple):
    """A column that somebody has written.  ``setting`` is None where there are mistakes in it."""

    name: str
    where: str
    setting: ColumnSetting | None


class GivenTable(NamedTuple):
    """A table that somebody has written.  ``columns`` is the list of all its columns, () if there
    is none."""

    owner: Owner
    where: str
    columns: Sequence[str]
    protected: Sequence[GivenColumn]


def merged(tables: Sequence[GivenTable]) -> Sequence[GivenTable]:
    """Return each table once, with the columns that any of the others of its name has."""
    found: dict[Owner, GivenTable] = {}
    for table in tables:
        first = found.get(table.owner, table._replace(protected=()))
        found[table.owner] = first._replace(
            columns=first.columns or table.columns,
            protected=(*first.protected, *table.protected),
        )
    return list(found.values())


def settings_of(tables: Sequence[GivenTable]) -> Sequence[TableSetting]:
    """Return the settings of tables without mistakes."""
    return [
        TableSetting(
            table.owner.schema,
            table.owner.table,
            tuple(table.columns),
            {c.name: c.setting for c in table.protected if c.setting is not None},
            line_of(table.where),
        )
        for table in tables
    ]


def labels_of(tables: Sequence[GivenTable]) -> Mapping[tuple[str, ...], str]:
    """Return the label of each column, also of those with mistakes, by schema ("" for none), table
    and name."""
    names = [(*table.owner, column.name) for table in tables for column in table.protected]
    return {parts: ".".join(filter(None, parts)) for parts in names}


def mistakes_in_tables(tables: Sequence[GivenTable]) -> Iterator[ConfigError]:
    """Yield everything that is wrong with names: of tables that are there once each."""
    anywhere = {table.owner.table: table for table in tables if not table.owner.schema}
    for table in tables:
        bare = anywhere.get(table.owner.table)
        if table.owner.schema and bare is not None:
            yield ConfigError(
                f"table {shown(table.owner)}: the entry at {bare.where} has no schema and means "
                "every table of that name, so this one, too; give that one a schema",
                table.where,
            )
        yield from _long_names(table)
        yield from _columns_of(table)


def _columns_of(table: GivenTable) -> Iterator[ConfigError]:
    seen: dict[str, str] = {}
    for column in table.protected:
        if column.name in seen:
            yield ConfigError(
                f"column {column.name!r} of table {shown(table.owner)} is given twice; the other "
                f"is at {seen[column.name]}",
                column.where,
            )
        seen.setdefault(column.name, column.where)
        if table.columns and column.name not in table.columns:
            yield ConfigError(
                f"column {column.name!r} is not in columns of table {shown(table.owner)}"
                f"{meant(column.name, table.columns)}",
                column.where,
            )


def _long_names(table: GivenTable) -> Iterator[ConfigError]:
    names = [(name, table.where) for name in (*table.owner, *table.columns)]
    names += [(column.name, column.where) for column in table.protected]
    for name, where in names:
        if len(name.encode()) > LONGEST_NAME:
            yield ConfigError(
                f"the name {name[:20]!r}... has more than {LONGEST_NAME} bytes: no table or column "
                "has such a name",
                where,
            )


def shown(owner: Owner) -> str:
    """Return the name of a table for messages."""
    return repr(".".join(filter(None, owner)))
