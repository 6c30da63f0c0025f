"""Tells which column of which table is protected how, by a schema and the configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from acra_twisted.encryption import refusals
from acra_twisted.encryption.mysql import checks, roles, storage
from acra_twisted.encryption.mysql.schema import (
    ROUTINE,
    TRIGGER,
    VIEW,
    Code,
    Column,
    Schema,
    Table,
)
from acra_twisted.encryption.refusals import refused
from acra_twisted.encryption.settings import ColumnSetting, EncryptionSettings, TableSetting
from acra_twisted.errors import LexError
from acra_twisted.sql import mysqllexer, mysqltokens
from acra_twisted.sql.mysqlnames import fold

#: Words of routines that run what a string or a variable holds.
DYNAMIC: Final = frozenset(("prepare", "immediate", "execute"))
#: The same, and words of those that write rows that nobody can read.
_ACTING: Final = DYNAMIC | {"binlog"}
#: Stands for them among the names of what code uses: no table has a blank at its end.
_ACTS: Final = "prepare "
_NONE: Final[Mapping[str, ColumnSetting]] = {}


class Lacking(NamedTuple):
    """A table that is known to have none of its protected columns: their ``settings`` by the names
    of columns as they are compared, and the ``columns`` that are filled where none are listed, as
    the server has them."""

    settings: Mapping[str, ColumnSetting] = _NONE
    columns: Sequence[str] = ()

    @property
    def first(self) -> ColumnSetting:
        """One of the protected columns, for messages."""
        return next(iter(self.settings.values()))


#: Stands for any other table.
LACKS_NOTHING: Final = Lacking()


class ProtectedTable:
    """A table with protected columns.

    ``settings`` are by the names of columns as they are compared; ``columns`` are all in their
    order, by the same.  ``misfits`` say why a column cannot hold what is stored, and
    ``wrong_types`` why it would not even if it were longer.
    """

    __slots__ = ("table", "settings", "columns", "misfits", "wrong_types")

    def __init__(self, table: Table, settings: Mapping[str, ColumnSetting]) -> None:
        self.table = table
        self.settings = settings
        self.columns: Mapping[str, Column] = {fold(one.name): one for one in table.columns}
        self.misfits: Mapping[str, str] = {
            name: misfit
            for name, setting in settings.items()
            if (misfit := storage.misfit(setting, self.columns[name]))
        }
        self.wrong_types: Mapping[str, str] = {
            name: wrong
            for name in self.misfits
            if (wrong := storage.wrong_type(settings[name], self.columns[name]))
        }

    @property
    def first(self) -> ColumnSetting:
        """One of the protected columns, for messages."""
        return next(iter(self.settings.values()))


class Protection:
    """The protected columns of a server.

    ``names`` are those by which a text can concern one, folded: of tables, and of views and
    routines that use such a table or whose text the server does not show, and of routines that
    name `checks.NAME`, set a role, or run text that is not theirs, but for those that the
    configuration trusts, and of tables whose triggers set a role.  ``uses`` are all code that does
    so, ``routines`` the names of the routines, and ``triggers`` the triggers.  ``known`` are the
    `key`s of all tables, views and routines of the schema.
    """

    def __init__(self, schema: Schema, settings: EncryptionSettings) -> None:
        self.schema = schema
        self.settings = settings
        self._configured: dict[tuple[str, str], TableSetting] = {
            (self.compared(one.schema), self.compared(one.name)): one for one in settings.tables
        }
        self._tables: dict[tuple[str, str], ProtectedTable] = {}
        self._lacking: dict[tuple[str, str], Lacking] = {}
        for table in schema.tables:
            setting = self.setting_of(table)
            if setting is None:
                continue
            own = {fold(name): one for name, one in setting.protected.items()}
            found = {name: own[name] for one in table.columns if (name := fold(one.name)) in own}
            key = self.key(table.database, table.name)
            if found:
                self._tables[key] = ProtectedTable(table, found)
            elif own:
                filled = [one.name for one in table.columns if not one.invisible]
                self._lacking[key] = Lacking(own, filled)
        names = {fold(one.name) for one in settings.tables}
        trusted = {fold(one) for one in settings.trusted}
        words = [(one, _words(one)) for one in schema.code if fold(one.name) not in trusted]
        self.uses = _users(words, {*names, checks.NAME, roles.NAME, _ACTS})
        self._casting = {
            (self.compared(one.database), self.compared(one.table)): one
            for one in _users(words, {roles.NAME})
            if one.kind == TRIGGER
        }
        self._views = {
            (self.compared(one.database), self.compared(one.name)): one
            for one in self.uses
            if one.kind == VIEW
        }
        self.routines = frozenset(fold(one.name) for one in self.uses if one.kind == ROUTINE)
        views = {fold(one.name) for one in self._views.values()}
        casting = {fold(one.table) for one in self._casting.values()}
        self.names: frozenset[str] = frozenset(names | views | self.routines | casting)
        named = [(one.database, one.name) for one in schema.tables]
        named += [(one.database, one.name) for one in schema.code if one.kind in (VIEW, ROUTINE)]
        self.known = frozenset(self.key(database, name) for database, name in named)
        self.triggers: Sequence[Code] = [one for one in self.uses if one.kind == TRIGGER]

    def compared(self, name: str) -> str:
        """A table's or database's name as the server compares it."""
        return fold(name) if self.schema.folds else name

    def key(self, database: str, name: str) -> tuple[str, str]:
        """A database and a table of it as the server compares them."""
        return self.compared(database), self.compared(name)

    @property
    def tables(self) -> Sequence[ProtectedTable]:
        """The tables with protected columns."""
        return list(self._tables.values())

    def setting_of(self, table: Table) -> TableSetting | None:
        """The part of the configuration that is about a table."""
        return self._named(table.database, table.name)

    def _named(self, database: str, name: str) -> TableSetting | None:
        """The part of the configuration that is about a table of a name."""
        if self.schema.is_system(database):
            return None
        compared = self.compared(name)
        exact = self._configured.get((self.compared(database), compared))
        return exact or self._configured.get(("", compared))

    def find(self, database: str | None, name: str) -> ProtectedTable | None:
        """The protected table of a name; None for one that is not protected.

        ``database`` is None where nobody knows which it is.  Raises StatementRefusedError for a
        table that is configured and not known, and for one whose trigger sets a role.
        """
        compared = self.compared(name)
        for where, other in self._casting:
            if other == compared and (database is None or self.compared(database) == where):
                raise refused(
                    refusals.OPAQUE_CODE,
                    None,
                    f"may be seen behind a trigger of table {name} by another role",
                    "Have the trigger set no role.",
                )
        if database is None:
            if any(other == compared for _, other in self._configured):
                raise refused(
                    refusals.SCHEMA_UNKNOWN,
                    None,
                    "the database in which its table is looked for is not known",
                    "Name the table with its database.",
                )
        else:
            found = self._tables.get((self.compared(database), compared))
            if found is not None:
                return found
            setting = self._named(database, name)
            if setting is not None and not self._is_known(database, name):
                first = next(iter(setting.protected.values()), None)
                why, missing = "its table is not known", (database, name) if database else None
                raise refused(refusals.SCHEMA_UNKNOWN, first, why, missing=missing)
        return None

    def is_new(self, database: str, name: str, is_code: bool) -> bool:
        """Tell of a table or a routine that the server has, whether the schema would be another
        with it.  ``is_code``: it is a view or a routine."""
        if self.key(database, name) in self.known:
            return False
        return is_code or self._named(database, name) is not None

    def lacking(self, database: str | None, name: str) -> Lacking:
        """Tell what a table is known to lack: it has got that meanwhile if a statement that writes
        it does not fail."""
        if database is None:
            return LACKS_NOTHING
        return self._lacking.get(self.key(database, name), LACKS_NOTHING)

    def view(self, database: str | None, name: str) -> Code | None:
        """The view of a name that may show protected columns; None for any other table.

        ``database`` is None where nobody knows which it is.  Raises StatementRefusedError where a
        view may be meant then.
        """
        compared = self.compared(name)
        if database is not None:
            return self._views.get((self.compared(database), compared))
        if any(other == compared for _, other in self._views):
            raise refused(
                refusals.SCHEMA_UNKNOWN,
                None,
                f"may be shown by a view {name}, and its database is not known",
                "Name the view with its database.",
            )
        return None

    def runs(self, database: str | None, name: str) -> bool:
        """Tell whether a routine of a name uses a protected table, or nobody knows.  ``database``
        is None where it is not known which it is."""
        return any(
            one.kind == ROUTINE
            and fold(one.name) == fold(name)
            and (database is None or self.compared(one.database) == self.compared(database))
            for one in self.uses
        )

    def _is_known(self, database: str, name: str) -> bool:
        """Tell whether the schema has a table, with such columns or without."""
        wanted = (self.compared(database), self.compared(name))
        return any(
            (self.compared(one.database), self.compared(one.name)) == wanted
            for one in self.schema.tables
        )


_Words = frozenset[str] | None


def _users(code: Sequence[tuple[Code, _Words]], names: set[str]) -> Sequence[Code]:
    """The code that has one of some names among its words, or uses other such code, or that nobody
    can read."""
    makers = {fold(one.name) for one, _ in code if one.kind in (VIEW, ROUTINE)}
    naming: dict[str, list[int]] = {}
    waiting = []
    for number, (_, words) in enumerate(code):
        if words is None or not names.isdisjoint(words):
            waiting.append(number)
        else:
            # Each is looked at once for each name in it, in whatever order they use each other.
            for word in makers.intersection(words):
                naming.setdefault(word, []).append(number)
    found = set(waiting)
    while waiting:
        one = code[waiting.pop()][0]
        if one.kind in (VIEW, ROUTINE):
            more = naming.pop(fold(one.name), ())
            waiting += [number for number in more if number not in found]
            found.update(more)
    return [code[number][0] for number in sorted(found)]


def _words(code: Code) -> _Words:
    """The names in the text of a view, a routine or a trigger; None if they are not known."""
    if not code.text:
        return None
    text = code.text.encode()
    try:
        tokens = mysqllexer.tokens(text, limit=len(text) + 1)
    except LexError:
        return None
    found = set()
    for part in mysqltokens.statements(text, tokens):
        found |= {fold(one) for one in mysqltokens.names(text, part)}
    if code.kind == ROUTINE and checks.is_named(text):
        found.add(checks.NAME)
    if code.kind == ROUTINE and not _ACTING.isdisjoint(found):
        found.add(_ACTS)
    if code.kind in (ROUTINE, TRIGGER) and roles.may_be_set(text):
        found.add(roles.NAME)
    return frozenset(found)
