"""Definitions of second columns: of those that are filled beside a protected column whose type does
not hold both its plain and its stored form, until they take its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from acra_twisted.encryption import canonical
from acra_twisted.encryption.migrating import ENCRYPT
from acra_twisted.encryption.postgresql import types
from acra_twisted.encryption.postgresql.belt import quoted
from acra_twisted.encryption.postgresql.moving import Part, holders, label, name_of
from acra_twisted.encryption.postgresql.protection import Protection
from acra_twisted.encryption.postgresql.schema import (
    MATERIALIZED,
    PARTITIONED,
    VIEW,
    Attribute,
    Relation,
)
from acra_twisted.encryption.postgresql.storage import storage_type
from acra_twisted.encryption.secondnames import BESIDE, LEFT, check_left
from acra_twisted.encryption.settings import TOKENIZED, ColumnSetting
from acra_twisted.errors import ConfigError

_LONGEST: Final = 63
#: Before the name of a trigger: the database runs triggers in the order of their names, and this
#: one has to see what all others have made of a row.
_LAST: Final = "~"


def preparation(
    protection: Protection, root: Relation, columns: Mapping[int, ColumnSetting], change: str
) -> Sequence[str]:
    """The statements that put a second column beside each one whose type does not hold both forms;
    none if there is no such column.  A table has one trigger: it guards also the second columns
    that are there already.  Raises ConfigError."""
    found: list[Attribute] = []
    before = [one for one in root.attributes if root.attribute(one.name + BESIDE)]
    lines: list[str] = []
    table = name_of(root)
    for attribute in root.attributes:
        setting = columns.get(attribute.number)
        if setting is None or attribute.generated or root.attribute(attribute.name + BESIDE):
            continue
        to_type = canonical.NAMES[setting.data_type]
        if change == ENCRYPT:
            to_type = storage_type(setting)
        if attribute.base == types.BYTEA and to_type == "bytea" and setting.kind != TOKENIZED:
            continue
        check_left(attribute, label(root), root.attribute)
        found.append(attribute)
        lines.append(f"ALTER TABLE {table} ADD COLUMN {_beside(attribute.name)} {to_type};")
    if not found:
        return []
    function = f"{quoted(root.schema)}.{_beside(root.name)}"
    tests = "".join(
        f" IF NEW.{quoted(one.name)}::text IS DISTINCT FROM OLD.{quoted(one.name)}::text "
        f"THEN NEW.{_beside(one.name)} := NULL; END IF;"
        for one in (*before, *found)
    )
    trigger = _trigger(root)
    create = "CREATE OR REPLACE" if before else "CREATE"
    lines.append(
        f"{create} FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql SET search_path = "
        f"pg_catalog AS $acra$ BEGIN{tests} RETURN NEW; END $acra$;"
    )
    for name in _triggered(protection, root):
        if before:
            lines.append(f"DROP TRIGGER IF EXISTS {trigger} ON {name};")
        lines += [
            f"CREATE TRIGGER {trigger} BEFORE UPDATE ON {name} FOR EACH ROW "
            f"EXECUTE FUNCTION {function}();",
            f"ALTER TABLE {name} ENABLE ALWAYS TRIGGER {trigger};",
        ]
    return lines


def switch(protection: Protection, root: Relation, change: str) -> Sequence[str]:
    """The statements by which second columns take the names of the first ones, which stay under
    another name.  Raises ConfigError if there is no second column, if a column that is not
    protected has one, or if a view shows a first one."""
    first = [attribute for attribute in root.attributes if root.attribute(attribute.name + BESIDE)]
    if not first:
        raise ConfigError(f"table {label(root)} has no second column, named NAME{BESIDE}")
    columns = protection.columns(root.oid)
    for attribute in first:
        if attribute.number not in columns:
            raise ConfigError(
                f"table {label(root)}: column {attribute.name} has a second one, "
                f"{attribute.name}{BESIDE}, and the configuration does not protect it; a switch "
                "has all second columns of a table: name it there, or drop its second one"
            )
    numbers = {(root.oid, attribute.number) for attribute in first}
    views = sorted(
        label(one)
        for one in protection.schema.relations.values()
        if one.kind in (VIEW, MATERIALIZED) and numbers & set(one.sources.values())
    )
    if views:
        raise ConfigError(
            f"table {label(root)}: drop these views and make them again afterwards, for they would "
            f"go on to show the first column: {', '.join(views)}"
        )
    table = name_of(root)
    # A table that was made after the trigger has none.
    lines = [
        f"DROP TRIGGER IF EXISTS {_trigger(root)} ON {name}"
        for name in _triggered(protection, root)
    ]
    lines.append(f"DROP FUNCTION {quoted(root.schema)}.{_beside(root.name)}()")
    for attribute in first:
        check_left(attribute, label(root), root.attribute)
        name, beside = quoted(attribute.name), _beside(attribute.name)
        left = _name_with(attribute.name, LEFT[change])
        lines += [
            f"ALTER TABLE {table} ALTER COLUMN {name} DROP DEFAULT",
            f"ALTER TABLE {table} RENAME COLUMN {name} TO {left}",
            f"ALTER TABLE {table} RENAME COLUMN {beside} TO {name}",
        ]
        if attribute.not_null:
            lines += [
                f"ALTER TABLE {table} ALTER COLUMN {left} DROP NOT NULL",
                f"ALTER TABLE {table} ALTER COLUMN {name} SET NOT NULL",
            ]
    return lines


def lock(root: Relation) -> str:
    """The statement that keeps everybody else from a table."""
    return f"LOCK TABLE {name_of(root)} IN ACCESS EXCLUSIVE MODE"


#: The oldest transaction that may still write: what others have written is seen by whoever asks
#: later.
_OLDEST: Final = (
    "(pg_catalog.txid_snapshot_xmin(pg_catalog.txid_current_snapshot()) % 4294967296)::text"
)


def mark(relation: Relation) -> str:
    """The question for what the rows of a table are told by that are written from now on: the
    oldest transaction that may still write, and the table's file.  Rows move to new places with
    another file, and keep their transactions."""
    return f"SELECT {_OLDEST}, {_file(relation)}"


def file_of(relation: Relation) -> str:
    """The question for the file of a table; NULL if there is no such table."""
    return f"SELECT {_file(relation)}"


def _file(relation: Relation) -> str:
    return f"pg_catalog.pg_relation_filenode({relation.oid})::text"


def pairs(relation: Relation, wanted: Sequence[Part], most: int, since: int | None = None) -> bytes:
    """The question for rows between two places, $1 and $2, in their order, that have a value in a
    second column: place, and the texts of the first and of the second column of each part.
    ``since``: those alone that this transaction, told by `mark`, or a later one has written."""
    names = [(quoted(part.source.name), quoted(part.target.name)) for part in wanted]
    shown = ", ".join(f"{first}::text, {second}::text" for first, second in names)
    some = " OR ".join(f"{second} IS NOT NULL" for _, second in names)
    pieces = (
        f"SELECT t.ctid::text, {shown}",
        f"FROM ONLY {name_of(relation)} t",
        f"WHERE t.ctid > $1::tid AND t.ctid < $2::tid AND ({some})",
        # Ages are compared, since numbers of transactions go round.  A row that was written while
        # the lock was waited for may be younger than the transaction that asks: less than 0.
        "" if since is None else f"AND pg_catalog.age(t.xmin) <= pg_catalog.age('{since}'::xid)",
        f"ORDER BY t.ctid LIMIT {most}",
    )
    return " ".join(filter(None, pieces)).encode()


def empty(relation: Relation, wanted: Sequence[Part]) -> bytes:
    """The statement that empties the second columns of the rows at the places in the array $1."""
    sets = ", ".join(f"{quoted(part.target.name)} = NULL" for part in wanted)
    table = name_of(relation)
    # Names are in quotes.
    return f"UPDATE ONLY {table} SET {sets} WHERE ctid = ANY ($1::tid[])".encode()  # noqa: S608


def _triggered(protection: Protection, root: Relation) -> Sequence[str]:
    """The names of the tables that need a trigger.  Partitions have that of their table; tables
    that inherit otherwise do not."""
    return (
        [name_of(root)]
        if root.kind == PARTITIONED
        else [name_of(one) for one in holders(protection, root)]
    )


def _trigger(root: Relation) -> str:
    return _name_with(_LAST + root.name, BESIDE)


def _beside(name: str) -> str:
    return _name_with(name, BESIDE)


def _name_with(name: str, end: str) -> str:
    """A name with an ending, in quotes.  Raises ConfigError if the database would cut it."""
    if len((name + end).encode()) > _LONGEST:
        raise ConfigError(f"{name}{end}: the database cuts so long a name")
    return quoted(name + end)
