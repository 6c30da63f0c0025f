"""The tables of a PostgreSQL database that concern protected columns, as they were at one time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from acra_twisted.errors import AcraError

# Kinds of relation, as pg_class has them.
TABLE: Final = "r"
PARTITIONED: Final = "p"
VIEW: Final = "v"
MATERIALIZED: Final = "m"
FOREIGN: Final = "f"

# Forms of an index's key.
#: The column itself.
RAW: Final = "raw"
#: ``substr(column, 1, 33)``: the prefix by which values are found.
PREFIX: Final = "prefix"
#: ``substring(column, 1, 33)``: the same bytes, by a function that no search uses.
SUBSTRING: Final = "substring"
#: Any other expression.
EXPRESSION: Final = "expression"

#: The kind of what is attached to a table that is divided into partitions.
PARTITION_KEY: Final = "partition key"

#: Schemas of the database itself: no setting is about their tables.
SYSTEM_SCHEMAS: Final = frozenset(("pg_catalog", "information_schema", "pg_toast"))


class SchemaError(AcraError):
    """The schema of the database cannot be read.  The text names nothing of it."""


class Attribute(NamedTuple):
    """A column as the database has it.  ``number`` is its attnum: gaps stay where a column was
    dropped.  ``base`` is the type behind a domain, else ``type``; ``modifier`` is its typmod,
    ``type_name`` the name of ``type``.  ``default_in_clear``: its default is neither NULL nor a
    container.  ``generated``: its values are computed, or are the database's own.  ``reads`` are
    the numbers of the columns that its expression reads."""

    name: str
    number: int
    type: int
    base: int
    modifier: int = -1
    type_name: str = ""
    not_null: bool = False
    default_in_clear: bool = False
    generated: bool = False
    reads: Sequence[int] = ()


class Key(NamedTuple):
    """A key of an index.  ``column`` is 0 for an expression that is none of the known forms."""

    column: int
    form: str = RAW


class Index(NamedTuple):
    """An index.  ``method`` is its access method; ``partial``: it has a condition; ``usable``: the
    database uses it for searches."""

    name: str
    keys: Sequence[Key]
    unique: bool = False
    method: str = "btree"
    partial: bool = False
    usable: bool = True


class Attached(NamedTuple):
    """A constraint, policy, trigger or the like of a relation.  ``kind`` is the word for it;
    ``columns`` are the numbers of those that it names, () if it concerns the whole row."""

    kind: str
    name: str
    columns: Sequence[int] = ()


class Relation(NamedTuple):
    """A table, view or materialized view.  ``attributes`` are in the order of ``number``, without
    those that were dropped.  ``sources`` gives for each column of a view the relation and attribute
    number that it shows unchanged; a column of a table, or one that is computed, is not in it.
    ``parents`` are those that it inherits from, or is a partition of.  ``is_read`` is False for a
    view whose query is too large to be read: its ``sources`` are not known."""

    oid: int
    schema: str
    name: str
    kind: str
    attributes: Sequence[Attribute]
    sources: Mapping[int, tuple[int, int]] = MappingProxyType({})
    parents: Sequence[int] = ()
    indexes: Sequence[Index] = ()
    attached: Sequence[Attached] = ()
    is_read: bool = True

    def attribute(self, name: str) -> Attribute | None:
        """The column of a name; None if there is none."""
        for attribute in self.attributes:
            if attribute.name == name:
                return attribute
        return None


class Handed(NamedTuple):
    """A column of a foreign key that gets a new value where the column that it refers to does: the
    relation and number of each."""

    table: int
    column: int
    source: int
    key: int


class Writer(NamedTuple):
    """A trigger, rule, constraint or the like by which the database writes by itself, or may, where
    a table is written, whose number is ``relation``.  ``function`` is what it runs, empty for a
    rule that needs none.  ``handed`` are the columns that a foreign key writes, empty for what is
    none."""

    schema: str
    table: str
    name: str
    function: str
    relation: int = 0
    handed: Sequence[Handed] = ()


class Schema(NamedTuple):
    """Every relation that concerns protected columns, and every other of the same name.

    ``number`` is another for each content.  ``functions`` are the names of functions and procedures
    that name one of them, directly or through others.  ``writers`` are those of other tables that
    run such a function, or name such a relation, and the foreign keys of these relations."""

    number: int
    relations: Mapping[int, Relation]
    functions: frozenset[str] = frozenset()
    writers: Sequence[Writer] = ()

    def named(self, name: str) -> Sequence[Relation]:
        """The relations of a name, whatever their schemas."""
        return [relation for relation in self.relations.values() if relation.name == name]
