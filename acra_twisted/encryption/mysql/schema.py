"""The tables of a MySQL or MariaDB server that concern protected columns, as they were at one time.

All names are as the server has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from acra_twisted.sql.mysqlnames import fold

#: Databases of the server itself: no setting is about their tables.  The case of their names
#: counts where that of others does, but for the first two.
_VIRTUAL: Final = frozenset(("information_schema", "performance_schema"))
SYSTEM_DATABASES: Final = _VIRTUAL | {"mysql", "sys"}


class Column(NamedTuple):
    """A column as the server has it.

    ``type`` is its DATA_TYPE in small letters, such as ``varbinary``; ``length`` its
    CHARACTER_OCTET_LENGTH, -1 for a type that has none; ``charset`` and ``collation`` are empty for
    types without one.  ``default_in_clear``: it has a default that is not NULL.  ``expression`` is
    what it is computed from, "" for a column that is not.  ``invisible``: ``*`` leaves it out.
    """

    name: str
    type: str
    length: int = -1
    charset: str = ""
    collation: str = ""
    nullable: bool = True
    default_in_clear: bool = False
    expression: str = ""
    invisible: bool = False


class KeyPart(NamedTuple):
    """A part of a key: ``length`` bytes or characters of a column, 0 for the whole."""

    column: str
    length: int = 0


class Index(NamedTuple):
    """An index of a table."""

    name: str
    parts: Sequence[KeyPart]
    unique: bool = False


class Table(NamedTuple):
    """A table, its columns in their order."""

    database: str
    name: str
    columns: Sequence[Column]
    indexes: Sequence[Index] = ()


class Code(NamedTuple):
    """A view, a routine or a trigger.

    ``kind`` is ``view``, ``routine``, ``trigger`` or ``event``; ``text`` is its SQL, None where the
    server does not show it; ``table`` is the one that a trigger belongs to.
    """

    kind: str
    database: str
    name: str
    text: str | None
    table: str = ""


# Kinds of code.
VIEW: Final = "view"
ROUTINE: Final = "routine"
TRIGGER: Final = "trigger"
EVENT: Final = "event"


class ForeignKey(NamedTuple):
    """A foreign key's column, and the one that it refers to, each by database, table, column."""

    name: str
    column: tuple[str, str, str]
    refers: tuple[str, str, str]


class Schema(NamedTuple):
    """Every table of a configured name, in whichever database it is.

    ``number`` is another for each content.  ``folds``: tables' names are compared without regard
    to case, as every ``lower_case_table_names`` but 0 has it.  ``code`` are all views, routines,
    triggers and events outside the server's own databases, as far as it shows them.  ``strict``:
    the server refuses values that do not fit, by its own sql_mode.  ``checked``: it heeds CHECKs,
    by its own settings.
    """

    number: int
    tables: Sequence[Table]
    folds: bool = False
    code: Sequence[Code] = ()
    strict: bool = True
    foreign_keys: Sequence[ForeignKey] = ()
    checked: bool = True

    def is_system(self, database: str) -> bool:
        """Tell whether a database is the server's own."""
        folded = fold(database)
        return folded in _VIRTUAL or (folded if self.folds else database) in SYSTEM_DATABASES
