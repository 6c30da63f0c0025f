"""The tables of a PostgreSQL database that concern protected columns, as they were at one time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple


class Attribute(NamedTuple):
    """A column as the database has it.  ``number`` is its attnum: gaps stay where a column was
    dropped.  ``base`` is the type behind a domain, else ``type``.  ``modifier`` is its typmod.
    ``default`` is the expression of its default as the database prints it, "" for none.
    ``generated``: its values are computed, or are the database's own."""

    name: str
    number: int
    type: int
    base: int
    modifier: int = -1
    default: str = ""
    generated: bool = False


class Relation(NamedTuple):
    """A table, view or materialized view.  ``attributes`` are in the order of ``number``, without
    those that were dropped.  ``sources`` gives for each column of a view the relation and attribute
    number that it shows unchanged; a column of a table, or one that is computed, is not in it.
    ``indexes`` are the expressions of its indexes as the database prints them."""

    oid: int
    schema: str
    name: str
    kind: str
    attributes: Sequence[Attribute]
    sources: Mapping[int, tuple[int, int]] = MappingProxyType({})
    indexes: Sequence[str] = ()


class Schema(NamedTuple):
    """Every relation that concerns protected columns.  ``number`` is another for each reading.
    ``functions`` are the names of functions and procedures that name a protected table, and
    of those that triggers run."""

    number: int
    relations: Mapping[int, Relation]
    functions: frozenset[str] = frozenset()

    def named(self, name: str) -> Sequence[Relation]:
        """The relations of a name, whatever their schemas."""
        return [relation for relation in self.relations.values() if relation.name == name]
