"""Acra's encryptor_config file, 0.84 to 0.96, with this program's additional keys.

As in Acra a key without a value counts as not there.  Unlike Acra, an unknown key is a mistake, and
so is one that has no effect.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from acra_twisted.encryption.configuration import keys
from acra_twisted.encryption.configuration.columns import INVALID, ColumnReader, Defaults, Owner
from acra_twisted.encryption.configuration.document import Mapping, Reader, TooMuchError
from acra_twisted.encryption.configuration.keys import Keys
from acra_twisted.encryption.configuration.tables import GivenColumn, GivenTable, shown
from acra_twisted.errors import ConfigError
from acra_twisted.yamltext import compose

#: PyYAML takes about four seconds for so much.
LARGEST: Final = 1 << 20


class Source(NamedTuple):
    """The contents of a source: tables, the keys and place of each bypass, mistakes, and sentences
    for the operator."""

    tables: list[GivenTable]
    bypasses: list[tuple[Keys, str]]
    wrong: list[ConfigError]
    remarks: list[str]


def read_file(path: str, text: str, database: str) -> Source:
    """Read the text of a file.  Raises ConfigError if it is no YAML; other mistakes are in the
    source."""
    root = compose(path, text, LARGEST)
    reader = Reader(path)
    found = Source([], [], reader.wrong, [])
    if root is None:
        return found
    try:
        _read(reader, root, database, found)
    except (TooMuchError, RecursionError):
        reader.refuse("the file names too many values", path)
    return found


def _read(reader: Reader, root: Any, database: str, found: Source) -> None:
    top = reader.mapping(root, keys.TOP)
    if "database_settings" in top.inner:
        found.remarks.extend(_databases(reader, top.inner["database_settings"], database))
    defaults = Defaults()
    if "defaults" in top.inner:
        given = reader.mapping(top.inner["defaults"], keys.DEFAULTS).values
        defaults = defaults._replace(**{name: value.value for name, value in given.items()})
    columns = ColumnReader(database, defaults, reader.wrong)
    places: dict[Owner, str] = {}
    for node in reader.items(top, "schemas"):
        table = _table(reader, reader.mapping(node, keys.TABLE), columns)
        if table is None:
            continue
        if table.owner in places:
            other = places[table.owner]
            reader.refuse(
                f"table {shown(table.owner)} is given twice; the other is at {other}", table.where
            )
            continue
        places[table.owner] = table.where
        found.tables.append(table)
    for node in reader.items(top, "bypass"):
        entry = reader.mapping(node, keys.BYPASS)
        if entry.sound:
            found.bypasses.append((entry.values, entry.where))


#: Why keys have no effect although the database is theirs.
_NEEDLESS: Final = {
    "case_sensitive_table_identifiers": "the server says how it compares names",
    "prepared_statements_set_arg_delimiter": (
        "SQL's own PREPARE of a statement with a protected column is refused"
    ),
}


def _databases(reader: Reader, node: Any, database: str) -> Iterator[str]:
    settings = reader.mapping(node, keys.DATABASES)
    for name, level in (("mysql", keys.MYSQL), ("postgresql", keys.POSTGRESQL)):
        if name not in settings.inner:
            continue
        found = reader.mapping(settings.inner[name], level)
        if found.values and name != database.lower():
            place = reader.where(settings.inner[name])
            yield f"{place}: database_settings, {name} has no effect: the database is {database}"
        for option in level.options if name == database.lower() else ():
            given = found.values.get(option.name)
            if given is not None and given.value != option.default:
                yield f"{given.where}: {option.name} has no effect: {_NEEDLESS[option.name]}"


def _table(reader: Reader, entry: Mapping, columns: ColumnReader) -> GivenTable | None:
    """Return a table, None if it has no usable name."""
    given = entry.values.get("table")
    if given is None:
        if entry.sound:
            reader.refuse("an entry of schemas needs table", entry.where)
        for node in reader.items(entry, "encrypted"):
            # Mistakes in it are told all the same.
            reader.mapping(node, keys.COLUMN)
        return None
    *schemas, name = given.value
    if schemas and "schema" in entry.values:
        reader.refuse("the schema is given twice: in schema and in table", given.where)
    schema = schemas[0] if schemas else _value(entry, "schema", "")
    owner = Owner(schema, name)
    protected = list(_columns(reader, entry, owner, columns))
    return GivenTable(owner, given.where, _value(entry, "columns", ()), protected)


def _columns(
    reader: Reader, entry: Mapping, owner: Owner, columns: ColumnReader
) -> Iterator[GivenColumn]:
    for node in reader.items(entry, "encrypted"):
        found = reader.mapping(node, keys.COLUMN)
        name = found.values.get("column")
        if name is not None:
            setting = None
            if found.sound:
                setting = columns.read(owner, name.value, found.values, name.where)
            yield GivenColumn(name.value, name.where, setting)
        elif found.sound:
            reader.refuse(f"{INVALID}: an entry of encrypted needs column", found.where)


def _value(entry: Mapping, name: str, default: Any) -> Any:
    given = entry.values.get(name)
    return default if given is None else given.value
