"""Statements that change the stored values of a table's protected columns, row by row.

A column is changed in place if its type holds both forms.  Otherwise a second column stands beside
it, ``NAME__acra``, which is filled row by row, and takes its name at the end.  A trigger empties
the second one whenever the first changes, so that nothing stale is left in it.

Rows are found by their place in the table (``ctid``) and told from later versions of themselves by
their writer (``xmin``): a row that somebody has changed meanwhile is left alone, and no statement
sends a value in order to compare it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from acra_twisted.encryption import canonical, errors, secondnames
from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.migrating import DECRYPT
from acra_twisted.encryption.postgresql import bytea, types
from acra_twisted.encryption.postgresql.belt import quoted
from acra_twisted.encryption.postgresql.plaintexts import TEXT_FORMAT, Way, from_parameter
from acra_twisted.encryption.postgresql.protection import Protection
from acra_twisted.encryption.postgresql.schema import (
    MATERIALIZED,
    PARTITIONED,
    TABLE,
    VIEW,
    Attribute,
    Relation,
)
from acra_twisted.encryption.postgresql.storage import storage_type, storage_types
from acra_twisted.encryption.sealing import container_of
from acra_twisted.encryption.settings import TOKENIZED, ColumnSetting, TableSetting
from acra_twisted.errors import ConfigError

_TID, _XID = 27, 28
#: Type and format of a parameter.
Sent = tuple[int, int]


class Part(NamedTuple):
    """A column to change: ``source`` is read, ``target`` written.  They are one in place."""

    setting: ColumnSetting
    source: Attribute
    target: Attribute

    @property
    def beside(self) -> bool:
        """Tell whether a second column is filled."""
        return self.source.number != self.target.number


class Values(NamedTuple):
    """The new values of one row: one for each part, None for a part that stays.  ``place`` and
    ``version`` are those of the row as it was read."""

    place: bytes
    version: bytes
    values: Sequence[bytes | None]


class Update(NamedTuple):
    """A statement and its parameters.  Its answer has a row for each row that was written: the
    number of its Values, and what each of ``parts`` holds now."""

    text: bytes
    values: Sequence[bytes | None]
    types: Sequence[int]
    formats: Sequence[int]
    parts: Sequence[int]


def label(relation: Relation) -> str:
    """A table as messages name it."""
    return f"{relation.schema}.{relation.name}"


def roots(protection: Protection, table: TableSetting) -> list[Relation]:
    """The tables that a part of the configuration names, apart from those that inherit from
    another of them."""
    named = [one for one in protection.named(table.name) if protection.table_setting(one) is table]
    oids = {one.oid for one in named}
    return [one for one in named if not oids & _above(protection, one)]


def holders(protection: Protection, root: Relation) -> list[Relation]:
    """The tables that hold the rows of a table: itself, its partitions and those that inherit from
    it, sorted by name.  Raises ConfigError for one whose rows are not PostgreSQL's own, and for one
    that is protected otherwise."""
    found = []
    for relation in protection.schema.relations.values():
        if relation.oid != root.oid and root.oid not in _above(protection, relation):
            continue
        if relation.kind in (VIEW, MATERIALIZED):
            continue
        unclear = protection.unclear(relation.oid)
        if unclear:
            raise ConfigError(f"table {label(relation)}: {unclear}")
        if relation.kind not in (TABLE, PARTITIONED):
            raise ConfigError(f"table {label(relation)}: its rows are in another database")
        if relation.kind == TABLE:
            found.append(relation)
    return sorted(found, key=label)


def _above(protection: Protection, relation: Relation) -> set[int]:
    """The OIDs of the tables from which a table inherits."""
    found: set[int] = set()
    waiting = list(relation.parents)
    while waiting:
        oid = waiting.pop()
        if oid not in found:
            found.add(oid)
            above = protection.schema.relations.get(oid)
            waiting += above.parents if above is not None else ()
    return found


def parts(relation: Relation, columns: Mapping[int, ColumnSetting], change: str) -> list[Part]:
    """The columns of a table to change.  ``columns`` are its protected ones by number.  Raises
    ConfigError for one that cannot be changed as it is."""
    found = []
    for attribute in relation.attributes:
        setting = columns.get(attribute.number)
        if setting is None:
            continue
        target = secondnames.written(attribute, setting, change, relation.attribute)
        if target is None:
            continue
        part = Part(setting, attribute, target)
        _check(relation, part, change)
        found.append(part)
    return found


def _check(relation: Relation, part: Part, change: str) -> None:
    name = f"column {label(relation)}.{part.source.name}"
    if part.source.generated or part.target.generated:
        raise ConfigError(f"{name}: the database computes its values")
    stored = part.source if change == DECRYPT else part.target
    if stored.base not in storage_types(part.setting):
        what = "stores" if change == DECRYPT else "can store"
        remedy = "" if change == DECRYPT or part.beside else "; see --ddl"
        raise ConfigError(
            f"{name}: type {stored.type_name} is not one that {what} it, such as "
            f"{storage_type(part.setting)}{remedy}"
        )
    if part.setting.kind == TOKENIZED and not part.beside:
        raise ConfigError(
            f"{name}: a token looks like any value, and is not told from it in one column; see "
            "--ddl, or leave it out by --columns"
        )


# -- rows -----------------------------------------------------------------------------------------


def size(relation: Relation) -> bytes:
    """The question for the number of a table's pages.  It names the table, so that a transaction
    has locked it before: its rows stay in these pages."""
    pieces = (
        f"SELECT (pg_catalog.pg_relation_size({relation.oid})",
        "/ pg_catalog.current_setting('block_size')::bigint)::text",
        f"FROM (VALUES (1)) one LEFT JOIN ONLY {name_of(relation)} ON false",
    )
    return " ".join(pieces).encode()


def read(relation: Relation, wanted: Sequence[Part], most: int) -> bytes:
    """The question for rows between two places, $1 and $2, in their order: place, writer, and the
    text of the value of each part, NULL for one that needs no change."""
    shown = []
    some = []
    for part in wanted:
        source, target = quoted(part.source.name), quoted(part.target.name)
        if part.beside:
            due = f"{source} IS NOT NULL AND {target} IS NULL"
            shown.append(f"CASE WHEN {due} THEN {source}::text END")
            some.append(f"({due})")
        else:
            shown.append(f"{source}::text")
            some.append(f"{source} IS NOT NULL")
    pieces = (
        f"SELECT t.ctid::text, t.xmin::text, {', '.join(shown)}",
        f"FROM ONLY {name_of(relation)} t",
        f"WHERE t.ctid > $1::tid AND t.ctid < $2::tid AND ({' OR '.join(some)})",
        f"ORDER BY t.ctid LIMIT {most}",
    )
    return " ".join(pieces).encode()


def write(relation: Relation, wanted: Sequence[Part], rows: Sequence[Values]) -> Update:
    """The statement that writes rows that are as they were read, and waits for nobody: rows that
    somebody else has changed or locked are not in its answer."""
    used = [at for at in range(len(wanted)) if any(row.values[at] is not None for row in rows)]
    sent = [_sent(wanted[at].target) for at in used]
    values: list[bytes | None] = []
    kinds: list[int] = []
    formats: list[int] = []

    def parameter(value: bytes, kind: int, form: int) -> str:
        values.append(value)
        kinds.append(kind)
        formats.append(form)
        return f"${len(values)}"

    given = []
    for number, row in enumerate(rows):
        cells = [
            str(number),
            parameter(row.place, _TID, TEXT_FORMAT),
            parameter(row.version, _XID, TEXT_FORMAT),
        ]
        for at, (kind, form) in zip(used, sent, strict=True):
            value = row.values[at]
            if value is None:
                cells += ("false", "NULL")
            else:
                cells += ("true", parameter(value, kind, form))
        given.append(f"({', '.join(cells)})")
    heads = ", ".join(f"d{at}, v{at}" for at in used)
    names = [quoted(wanted[at].target.name) for at in used]
    sets = ", ".join(
        f"{name} = CASE WHEN l.d{at} THEN l.v{at} ELSE t.{name} END"
        for at, name in zip(used, names, strict=True)
    )
    shown = ", ".join(f"t.{name}::text" for name in names)
    table = name_of(relation)
    # Names are in quotes, and everything else is a parameter or a number.
    pieces = (
        f"WITH g (number, place, version, {heads}) AS (VALUES {', '.join(given)}),",
        f"l AS (SELECT g.* FROM ONLY {table} t JOIN g ON t.ctid = g.place",  # noqa: S608
        "WHERE t.xmin = g.version FOR NO KEY UPDATE OF t SKIP LOCKED)",
        f"UPDATE ONLY {table} t SET {sets} FROM l WHERE t.ctid = l.place",  # noqa: S608
        f"RETURNING l.number::text, {shown}",
    )
    return Update(" ".join(pieces).encode(), values, kinds, formats, used)


def _sent(target: Attribute) -> Sent:
    return (types.BYTEA, 1) if target.base == types.BYTEA else (target.type, TEXT_FORMAT)


def stored(attribute: Attribute, text: bytes) -> bytes:
    """A value as its column's text shows it.  Raises ValueRefusedError."""
    return bytea.decode(text) if attribute.base == types.BYTEA else text


def plaintext(part: Part, text: bytes) -> bytes:
    """The canonical plaintext of a value that was never encrypted, by the text that the database
    shows of it.  Raises ValueRefusedError."""
    base, data_type = part.source.base, part.setting.data_type
    if base == types.BYTEA:
        return canonical.whole(data_type, bytea.decode(text))
    if base == types.BPCHAR:
        text = text.rstrip(b" ")
    kind = base if types.family(base) else 0
    is_foreign = base in types.BITS and data_type not in ("", "bytes", "str")
    if is_foreign or not types.accepts(data_type, kind):
        raise ValueRefusedError(
            errors.TYPE_MISMATCH,
            errors.WRONG_TYPE,
            f"values of type {part.source.type_name} do not belong there",
        )
    found = from_parameter(text, kind, TEXT_FORMAT, Way(data_type))
    if found != text and data_type in ("", "bytes"):
        # Only the text of an encrypted value stands for its bytes.
        if container_of(part.setting, found) is None:
            raise ValueRefusedError(
                errors.TYPE_MISMATCH,
                errors.WRONG_TYPE,
                "text with a backslash would be read as other bytes; make the column's data_type "
                "str, or its type bytea",
            )
    family = types.family(base)
    if family != types.REALS:
        exact = family in (types.INTEGERS, types.NUMBERS)
        canonical.check_whole(data_type, text, found, exact)
    return found


def name_of(relation: Relation) -> str:
    """A table as statements name it."""
    return quoted(relation.schema, relation.name)
