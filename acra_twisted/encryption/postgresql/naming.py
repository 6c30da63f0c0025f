"""The relation that a statement means by a name.

PostgreSQL looks a bare name up in the session's search path, temporary tables first.  Where the
path is not known, or a temporary table hides a protected one, the name is not resolved: the
statement must be refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from acra_twisted.encryption.postgresql.protection import Protection
from acra_twisted.encryption.postgresql.schema import SYSTEM_SCHEMAS, Relation

_TEMPORARY: Final = "pg_temp"
_HIDDEN: Final = "a temporary table has its name"
_SEVERAL: Final = "several tables have that name, and the session's search_path is not known"
_ABSENT: Final = "the table is not in the database"
_SYSTEM: Final = "a relation of the database itself has its name, and comes before it"
_OFF_PATH: Final = "no schema of the session's search_path has that table"


class SearchPath(NamedTuple):
    """The schemas in which a session's bare names are looked up, as ``current_schemas(true)`` gives
    them, None if they are not known; and which of the names that concern protected columns are
    temporary tables of the session.

    ``first`` is the schema in which bare names are made, None if it may be that of temporary
    tables.  ``doubtful``: the session may have temporary tables that the schemas do not show."""

    schemas: Sequence[str] | None = None
    temporary: frozenset[str] = frozenset()
    first: str | None = ""
    doubtful: bool = False

    def moved(self) -> SearchPath:
        """Return the path behind a statement that may change it."""
        return self._replace(schemas=None, first=None, doubtful=True)

    def uncovered(self) -> SearchPath:
        """Return the path behind a statement that may have taken schemas or tables out of it, or
        put schemas into it."""
        return self._replace(schemas=None, doubtful=self.may_be_temporary(""))

    def doubted(self) -> SearchPath:
        """Return the path behind code that may have made temporary tables, or have had bare names
        made among them."""
        return self._replace(first=None, doubtful=True)

    @property
    def meaning(self) -> SearchPath:
        """The path as far as it decides what a bare name means that is there."""
        return self._replace(first="", doubtful=False)

    def makes_temporary(self, schema: str) -> bool:
        """Tell whether what is made by a name in ``schema``, empty for a bare name, may be
        temporary."""
        made_in = schema or self.first
        return made_in is None or is_temporary(made_in)

    def may_be_temporary(self, schema: str) -> bool:
        """Tell whether a name in ``schema``, empty for a bare name, may mean a temporary table."""
        if schema:
            return is_temporary(schema)
        return self.doubtful or any(map(is_temporary, self.schemas or ()))


class Resolved(NamedTuple):
    """The meaning of a name: ``unknown`` says why a statement with it must be refused.  Otherwise
    ``relation`` is what it names, None if that has nothing to do with protected columns.  A
    relation may be without protected columns: another has the same name."""

    relation: Relation | None = None
    unknown: str = ""


NOT_PROTECTED: Final = Resolved()


def is_temporary(schema: str) -> bool:
    """Tell whether a schema is that of a session's temporary tables."""
    return schema == _TEMPORARY or schema.startswith(f"{_TEMPORARY}_")


def resolve(protection: Protection, path: SearchPath, schema: str, name: str) -> Resolved:
    """Find the relation that a statement names.  ``schema`` is empty for a bare name; names
    are as the database compares them."""
    if name not in protection.names:
        return NOT_PROTECTED
    if schema:
        if is_temporary(schema):
            return Resolved(unknown=_HIDDEN)
        return _in_schema(protection, schema, name)
    if name in path.temporary:
        return Resolved(unknown=_HIDDEN)
    if path.schemas is None:
        return _anywhere(protection, name)
    for place in path.schemas:
        found = _in_schema(protection, place, name)
        if found.relation is not None:
            return _bare(protection, found.relation)
        if found.unknown not in ("", _ABSENT):
            return found
    return _absent(protection, name)


def _in_schema(protection: Protection, schema: str, name: str) -> Resolved:
    for relation in protection.named(name):
        if relation.schema == schema:
            return _clear(protection, relation)
    configured = protection.is_configured(schema, name)
    return Resolved(unknown=_ABSENT) if configured else NOT_PROTECTED


def _anywhere(protection: Protection, name: str) -> Resolved:
    found = protection.named(name)
    if len(found) == 1:
        return _bare(protection, found[0])
    return Resolved(unknown=_SEVERAL) if found else _absent(protection, name)


def _absent(protection: Protection, name: str) -> Resolved:
    """A bare name that no schema of the path has."""
    if protection.named(name):
        return Resolved(unknown=_OFF_PATH)
    return Resolved(unknown=_ABSENT) if protection.is_configured("", name) else NOT_PROTECTED


def _bare(protection: Protection, relation: Relation) -> Resolved:
    """The meaning of a bare name that means a relation.  No setting is about one of the database
    itself, and none of these has the name of a table that somebody protects, whatever is told."""
    if relation.schema in SYSTEM_SCHEMAS and protection.is_configured("", relation.name):
        return Resolved(unknown=_SYSTEM)
    return _clear(protection, relation)


def _clear(protection: Protection, relation: Relation) -> Resolved:
    unclear = protection.unclear(relation.oid)
    return Resolved(unknown=unclear) if unclear else Resolved(relation)
