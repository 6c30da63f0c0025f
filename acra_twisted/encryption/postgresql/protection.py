"""The protected columns of a database: the settings laid upon its live schema."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from acra_twisted.encryption.postgresql.schema import (
    SYSTEM_SCHEMAS,
    Relation,
    Schema,
    SchemaError,
    Writer,
)
from acra_twisted.encryption.postgresql.storage import TEXTS, is_comparable
from acra_twisted.encryption.postgresql.values import may_copy
from acra_twisted.encryption.settings import ColumnSetting, EncryptionSettings, TableSetting

_NONE: Final[Mapping[int, ColumnSetting]] = MappingProxyType({})
_APART: Final = "a table that inherits from it is protected otherwise"
_SHOWN: Final = "it shows a table that is protected otherwise than one that inherits from it"
#: Why statements on a view whose query cannot be read are refused.
UNREAD: Final = "its query, or that of a view that it shows, is too long or too deep to be read"
_UNLIKE: Final = "it is protected otherwise than a table that it inherits from"


class _Names(NamedTuple):
    """The names of a relation's columns by their numbers, and the numbers by the names."""

    of: Mapping[int, str]
    numbers: Mapping[str, int]


class Protection:
    """Tells which column of which relation is protected how.

    A table has the settings of the configuration, and those of the tables that it inherits from or
    is a partition of, by the names of columns.  A view has those of the columns that it shows
    unchanged.

    ``by_column`` finds a setting by the relation's OID and the attribute number, as a
    RowDescription gives them.  ``functions`` are the names of those whose code uses a protected
    table and that the configuration does not trust, ``writers`` what may use it by itself where
    another table is written, or by a foreign key this one.  ``names`` are those of the relations
    and functions by which a statement can concern a protected column.  ``readers`` are
    the different lists of clients that alone may read some column.  ``apart`` are names of which
    several relations are protected differently, as texts have them, with small letters of ASCII.

    Raises SchemaError for a schema that no database has.
    """

    def __init__(self, schema: Schema, settings: EncryptionSettings) -> None:
        self.schema = schema
        self.settings = settings
        self.functions = schema.functions - settings.trusted
        self.readers = {one.readers for one in settings.columns if one.readers is not None}
        self._tables = {(table.schema, table.name): table for table in settings.tables}
        self._columns: dict[int, dict[int, ColumnSetting]] = {}
        self._unclear = {one.oid: UNREAD for one in schema.relations.values() if not one.is_read}
        self._names: dict[int, _Names] = {}
        self._named: dict[str, list[Relation]] = {}
        for relation in schema.relations.values():
            self._named.setdefault(relation.name, []).append(relation)
        self._spread()
        self._compare()
        self._show()
        self.by_column: Mapping[tuple[int, int], ColumnSetting] = {
            (oid, number): setting
            for oid, columns in self._columns.items()
            for number, setting in columns.items()
        }
        self.writers = [
            one
            for one in schema.writers
            if one.function not in settings.trusted and (not one.handed or self._is_unlike(one))
        ]
        self._writing = {one.table: one for one in self.writers}
        self._handing = {one.relation: one for one in self.writers if one.handed}
        self._misfits = {
            setting: attribute.type_name
            for oid, columns in self._columns.items()
            for attribute in schema.relations[oid].attributes
            if (setting := columns.get(attribute.number)) is not None
            and not is_comparable(setting, attribute.base)
        }
        self.apart = [
            name.replace('"', '""').encode().lower() for name in self._named if self._is_apart(name)
        ]
        self._coming = self._find_coming()
        self._computed = self._find_computed()
        concerned = {*self._columns, *self._unclear, *self._coming, *self._computed}
        self.names: frozenset[str] = (
            frozenset(schema.relations[oid].name for oid in concerned)
            | frozenset(table.name for table in settings.tables)
            | self.functions
            | frozenset(self._writing)
        )

    def columns(self, oid: int) -> Mapping[int, ColumnSetting]:
        """The protected columns of a relation, by attribute number; empty if it has none."""
        return self._columns.get(oid, _NONE)

    def by_name(self, relation: Relation) -> Mapping[str, ColumnSetting]:
        """The protected columns of a relation by their names."""
        names = self.names_of(relation)
        return {names[number]: one for number, one in self.columns(relation.oid).items()}

    def names_of(self, relation: Relation) -> Mapping[int, str]:
        """The names of a relation's columns by their numbers."""
        return self._names_of(relation).of

    def coming(self, oid: int) -> Mapping[str, ColumnSetting]:
        """The settings, by name, of columns that a relation does not have yet, or some table that
        inherits from it: a column that is added to the one is added to the other."""
        return self._coming.get(oid, {})

    def computed(self, oid: int) -> Mapping[int, ColumnSetting]:
        """The columns of a relation, by attribute number, from whose new values the database would
        compute the value of a protected one, in clear; its setting for each."""
        return self._computed.get(oid, _NONE)

    def _find_coming(self) -> dict[int, dict[str, ColumnSetting]]:
        found: dict[int, dict[str, ColumnSetting]] = {}
        for relation in self.schema.relations.values():
            table = self.table_setting(relation)
            names = {attribute.name for attribute in relation.attributes}
            own = {} if table is None else dict(table.protected)
            absent = {name: one for name, one in own.items() if name not in names}
            waiting = [relation.oid] if absent else []
            while waiting:
                above = self.schema.relations.get(waiting.pop())
                known = {} if above is None else found.setdefault(above.oid, {})
                if above is not None and not absent.keys() <= known.keys():
                    known.update(absent)
                    waiting += above.parents
        return found

    def _find_computed(self) -> dict[int, dict[int, ColumnSetting]]:
        relations = self.schema.relations
        waiting = [
            (oid, number, columns[attribute.number])
            for oid, columns in self._columns.items()
            for attribute in relations[oid].attributes
            if attribute.generated and attribute.number in columns
            for number in attribute.reads
        ]
        shown = _shown(relations.values() if waiting else ())
        found: dict[int, dict[int, ColumnSetting]] = {}
        while waiting:
            oid, number, setting = waiting.pop()
            relation = relations.get(oid)
            if relation is None or number in found.get(oid, {}):
                continue
            found.setdefault(oid, {})[number] = setting
            name = self.names_of(relation)[number]
            for parent in filter(None, map(relations.get, relation.parents)):
                above = self._names_of(parent).numbers.get(name)
                if above is not None:
                    waiting.append((parent.oid, above, setting))
            waiting += ((view, at, setting) for view, at in shown.get((oid, number), ()))
        return found

    def stored_type(self, setting: ColumnSetting) -> int:
        """The type by which the database has the columns of a setting, behind a domain: one of
        characters if any of them has such a type, 0 if there is no column."""
        found = {
            attribute.base
            for oid, columns in self._columns.items()
            for attribute in self.schema.relations[oid].attributes
            if columns.get(attribute.number) == setting
        }
        return next(iter(found & TEXTS), next(iter(found), 0))

    def writer(self, name: str, relation: Relation | None) -> Writer | None:
        """Find what may write to a protected column by itself where a table of a name is written;
        None for most.  ``relation`` is the table, if it is known: the triggers of a protected one
        see what is stored, and its foreign keys alone count."""
        found = self._writing.get(name)
        if found is None or relation is None or not self.columns(relation.oid):
            return found
        return self._handing.get(relation.oid)

    def _is_unlike(self, writer: Writer) -> bool:
        """Tell whether a foreign key gives a protected column what is stored in one that is not
        protected alike."""
        for table, column, source, key in writer.handed:
            target = self.columns(table).get(column)
            given = self.columns(source).get(key)
            if target is not None and (given is None or not may_copy(target, given)):
                return True
        return False

    def misfit(self, setting: ColumnSetting) -> str | None:
        """The name of a type that some column of a setting has and in which what is stored cannot
        be compared; None if there is none."""
        return self._misfits.get(setting)

    def unclear(self, oid: int) -> str:
        """Why statements on a relation cannot be protected; empty if they can."""
        return self._unclear.get(oid, "")

    def named(self, name: str) -> list[Relation]:
        """The relations of a name, whatever their schemas."""
        return self._named.get(name, [])

    def is_configured(self, schema: str, name: str) -> bool:
        """Tell whether the configuration means a table of that name, be it there or not.
        ``schema`` is empty where it is not known."""
        if schema:
            return (
                (schema, name) in self._tables or ("", name) in self._tables
            ) and schema not in SYSTEM_SCHEMAS
        return any(table == name for _, table in self._tables)

    def table_setting(self, relation: Relation) -> TableSetting | None:
        """The part of the configuration that is about a relation itself."""
        if relation.schema in SYSTEM_SCHEMAS:
            return None
        found = self._tables.get((relation.schema, relation.name))
        return found or self._tables.get(("", relation.name))

    def _spread(self) -> None:
        """Give each relation its settings, behind those that it inherits from or shows.  Raises
        SchemaError for a circle in which one inherits from another: no database has any."""
        relations = self.schema.relations
        after: dict[int, list[Relation]] = {}
        before: dict[int, int] = {}
        for relation in relations.values():
            found = {*relation.parents, *(source[0] for source in relation.sources.values())}
            found &= relations.keys()
            before[relation.oid] = len(found)
            for oid in found:
                after.setdefault(oid, []).append(relation)
        ready = [relation for relation in relations.values() if not before[relation.oid]]
        for relation in ready:
            self._settle(relation)
            for other in after.get(relation.oid, ()):
                before[other.oid] -= 1
                if not before[other.oid]:
                    ready.append(other)
        circles = [relation for relation in relations.values() if before[relation.oid]]
        if any(relation.parents for relation in circles):
            raise SchemaError("tables of the database inherit from each other in a circle")
        self._go_round(circles)

    def _go_round(self, views: Sequence[Relation]) -> None:
        """Give their settings to views that show each other in a circle, and to those that show
        such views.  Each column shows one other, so that it gets a setting once: one that only goes
        round gets none."""
        for view in views:
            self._settle(view)
        shown = _shown(views)
        waiting = [(view.oid, number) for view in views for number in self.columns(view.oid)]
        while waiting:
            source = waiting.pop()
            setting = self._columns[source[0]][source[1]]
            for oid, number in shown.get(source, ()):
                columns = self._columns.setdefault(oid, {})
                if number not in columns:
                    columns[number] = setting
                    waiting.append((oid, number))

    def _is_apart(self, name: str) -> bool:
        """Tell whether relations of a name are protected differently."""
        found = []
        for relation in self._named[name]:
            settings = self.by_name(relation)
            found.append({name: _kept(one) for name, one in settings.items()})
        return any(one != found[0] for one in found)

    def _settle(self, relation: Relation) -> None:
        """Give a relation the settings that are known for it."""
        found = {**dict(self._inherited(relation)), **self._own(relation)}
        if found:
            self._columns[relation.oid] = found

    def _own(self, relation: Relation) -> dict[int, ColumnSetting]:
        table = self.table_setting(relation)
        if table is None:
            return {}
        return {
            attribute.number: table.protected[attribute.name]
            for attribute in relation.attributes
            if attribute.name in table.protected
        }

    def _inherited(self, relation: Relation) -> Iterator[tuple[int, ColumnSetting]]:
        for number, (oid, source) in relation.sources.items():
            setting = self._columns.get(oid, _NONE).get(source)
            if setting is not None:
                yield number, setting
        for oid in relation.parents:
            columns = self._columns.get(oid, _NONE)
            if columns:
                numbers = self._names_of(relation).numbers
                for name, setting in self.by_name(self.schema.relations[oid]).items():
                    if name in numbers:
                        yield numbers[name], setting

    def _names_of(self, relation: Relation) -> _Names:
        found = self._names.get(relation.oid)
        if found is None:
            names = {attribute.number: attribute.name for attribute in relation.attributes}
            numbers = {name: number for number, name in names.items()}
            found = self._names[relation.oid] = _Names(names, numbers)
        return found

    def _compare(self) -> None:
        """Note each table that is protected otherwise than one that inherits from it: a statement
        on it would reach both."""
        waiting = list(self.schema.relations.values())
        while waiting:
            relation = waiting.pop()
            for oid in relation.parents:
                parent = self.schema.relations.get(oid)
                if parent is None or oid in self._unclear or self._alike(relation, parent):
                    continue
                self._unclear[oid] = _APART
                waiting.append(parent)
                if self._columns.get(oid):
                    self._unclear.setdefault(relation.oid, _UNLIKE)

    def _show(self) -> None:
        """Note each view that shows a column of a table or view that is unclear."""
        views: dict[int, list[int]] = {}
        for relation in self.schema.relations.values():
            for oid in {oid for oid, _ in relation.sources.values()}:
                views.setdefault(oid, []).append(relation.oid)
        waiting = list(self._unclear)
        while waiting:
            oid = waiting.pop()
            for view in views.pop(oid, ()):
                if view not in self._unclear:
                    self._unclear[view] = UNREAD if self._unclear[oid] == UNREAD else _SHOWN
                    waiting.append(view)

    def _alike(self, relation: Relation, parent: Relation) -> bool:
        if self._unclear.get(relation.oid) == _APART:
            return False
        if not self.columns(parent.oid) and not self.columns(relation.oid):
            return True
        above, below = self.by_name(parent), self.by_name(relation)
        has_above, has_below = self._names_of(parent).numbers, self._names_of(relation).numbers
        return all(
            _kept(above.get(name)) == _kept(below.get(name))
            for name in above.keys() | below.keys()
            if name in has_above and name in has_below
        )


def _shown(views: Iterable[Relation]) -> Mapping[tuple[int, int], Sequence[tuple[int, int]]]:
    """The columns of views, by relation and number, that show a column, by those of it."""
    found: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for view in views:
        for number, source in view.sources.items():
            found.setdefault(source, []).append((view.oid, number))
    return found


def _kept(setting: ColumnSetting | None) -> ColumnSetting | None:
    """The part of a setting that is the same for two columns with like values."""
    if setting is None:
        return None
    setting = setting._replace(line=0)
    return setting if setting.scoped else setting._replace(schema="", table="")
