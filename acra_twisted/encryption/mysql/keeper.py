"""Decides when a server's schema is read, and keeps what was read.

It has no clock and no connection: times in seconds are given to it, and it says that the question
should be asked.  Statements that pass here and change the schema are told at once; by a mark of the
server's it is seen that another program has begun to change it.  Changes that take their time are
in no schema that is read meanwhile: it is read again with the next mark, and after a time anyway.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from acra_twisted.encryption.mysql.lookup import Named
from acra_twisted.encryption.mysql.protection import Protection
from acra_twisted.encryption.mysql.question import read_schema, schema_question
from acra_twisted.encryption.mysql.servermark import Mark, mark_question, read_mark
from acra_twisted.encryption.mysql.targets import Target
from acra_twisted.encryption.settings import EncryptionSettings

#: A schema is read anew when it is so old, and no longer used when it is twice as old.
MAX_AGE: Final = 60.0
#: The time after which it is looked whether the schema is another.
LOOK: Final = 5.0
#: The time between two questions for which there is no certain reason.
PAUSE: Final = 1.0
#: Tables that are remembered to be no views.
_TABLES: Final = 10_000

#: Errors by which the server may say that its tables are others: of columns and of their number.
_DOUBTFUL: Final = frozenset(("1054", "1136", "1146", "1364"))


class Asked(NamedTuple):
    """A question on its way: the time that it was asked at, its number, and what the keeper had
    been told before."""

    at: float
    number: int
    changes: int


class SchemaKeeper:
    """Keeps the schema of one server as one of its users sees it.

    ``numbers`` gives each content of a schema its number; every keeper of a process shares it.
    """

    def __init__(self, settings: EncryptionSettings, numbers: Iterator[int]) -> None:
        self._settings = settings
        self._numbers = numbers
        self._protection: Protection | None = None
        self._read_at = 0.0
        self._asked_at = -PAUSE
        self._looked_at = 0.0
        # It may be another by what the server has said, and by what it does not explain.
        self._is_doubtful = self._is_suspect = False
        # The mark by which the schema holds, None if none was read before it or it may still be
        # about to change; and the last one, with the number of its question.
        self._mark: Mark | None = None
        self._seen: tuple[int, Mark | None] = (0, None)
        self._asked = self._kept = 0
        self._changes = 1
        self._kept_changes = 0
        # Tables that are no views: nobody makes one in place of them without a change of the mark.
        self._tables: set[tuple[str, str]] = set()
        # The same as texts name them, with the database of names without one.
        self._named: set[tuple[str, Target]] = set()
        # Those for which the schema is to be read, and those that it did not bring when it was: the
        # user may see that they are there, and no more of them.
        self._awaited: set[Named] = set()
        self._missing: set[Named] = set()

    @property
    def question(self) -> bytes:
        """The text to ask."""
        return schema_question(table.name for table in self._settings.tables)

    @property
    def look(self) -> bytes | None:
        """The text to ask for the mark; None while nothing is known that may still hold."""
        known = self._protection is not None and self._changes == self._kept_changes
        return mark_question() if known else None

    def protection(self, now: float) -> Protection | None:
        """The protected columns; None if they are not known: then a statement waits for an
        answer, and is refused if there is none."""
        if self._changes != self._kept_changes or now - self._read_at >= 2 * MAX_AGE:
            return None
        return self._protection

    def is_due(self, now: float) -> bool:
        """Tell whether to look, or to ask, although the protected columns are known."""
        if now - self._asked_at < PAUSE:
            return False
        return self._is_doubtful or self._is_suspect or now - self._looked_at >= LOOK

    def suspect(self) -> None:
        """Note that a statement does not fit the schema."""
        self._is_suspect = True

    def changed(self) -> None:
        """Note that the schema may be another: nothing is decided by it any more."""
        self._changes += 1
        self._missing.clear()
        self.forget_tables()

    def strange(self, targets: Iterable[Target], database: str) -> Sequence[Target]:
        """Tell which of some tables and routines may have been made since the schema was read.
        ``database`` is that of names without one."""
        kept = self._protection
        found = []
        for one in targets:
            if (database, one) in self._named:
                continue
            full = one.within(database)
            key = None if kept is None else kept.key(full.database, full.name)
            if kept is None or (key not in kept.known and key not in self._tables):
                found.append(full)
            elif len(self._named) < _TABLES:
                self._named.add((database, one))
        return found

    def told(self, found: Iterable[Named]) -> None:
        """Note what the server has of some names: where it is a view or a routine that is not
        known, or a table with a configured name, nothing is decided by the schema any more, but if
        it has been read for that name, and nothing has changed since."""
        kept = self._protection
        if kept is None:
            return
        for one in found:
            key = kept.key(one.database, one.name)
            if one not in self._missing and kept.is_new(one.database, one.name, one.is_code):
                if len(self._missing) >= _TABLES:
                    self._missing.clear()
                self._awaited.add(one)
                self._changes += 1
                self.forget_tables()
                return
            if len(self._tables) >= _TABLES:
                self.forget_tables()
            self._tables.add(key)

    def forget_tables(self) -> None:
        """Forget which names are those of tables: some of these may be gone."""
        self._tables.clear()
        self._named.clear()

    def failed_with(self, number: str) -> None:
        """Note an error that the server has given to a statement, by its number."""
        self._is_doubtful = self._is_doubtful or number in _DOUBTFUL

    def asked(self, now: float) -> Asked:
        """Note that the question is on its way; several sessions may ask at a time."""
        self._asked_at = now
        self._asked += 1
        return Asked(now, self._asked, self._changes)

    def looked(self, asked: Asked, rows: Sequence[Sequence[bytes | None]]) -> Protection | None:
        """Take in the mark, and return the protected columns; None if the question is to be asked,
        too: the schema may be another, or is too old."""
        mark = read_mark(rows)
        self._seen = (asked.number, mark)
        if mark is None or not mark.is_same(self._mark) or asked.number <= self._kept:
            return None
        if self._is_doubtful or self._changes != self._kept_changes:
            return None
        if asked.at - self._read_at >= MAX_AGE:
            return None
        self._mark, self._kept, self._looked_at = mark, asked.number, asked.at
        self._is_suspect = False
        return self._protection

    def answered(self, asked: Asked, rows: Sequence[Sequence[bytes | None]]) -> Protection:
        """Take in the answer to a question, and return the protected columns that hold for the
        statement that asked.  One to a question before that of the answer that is kept is left.
        Raises SchemaError, after which it is as if none had come."""
        kept = self._protection
        if kept is not None and asked.number <= self._kept:
            return kept
        schema = read_schema(rows, kept.schema.number if kept else 0)
        if kept is None or schema != kept.schema:
            kept = Protection(schema._replace(number=next(self._numbers)), self._settings)
            self._protection = kept
            self.forget_tables()
            self._missing.clear()
        number, mark = self._seen
        if number == asked.number and self._mark is not None and not _is_same(mark, self._mark):
            self._missing.clear()
        if asked.changes == self._changes:
            known = kept.known
            self._missing.update(
                one for one in self._awaited if kept.key(one.database, one.name) not in known
            )
            self._awaited.clear()
        is_settled = self._mark is None or _is_same(mark, self._mark)
        self._mark = mark if number == asked.number and is_settled else None
        if self._mark is None:
            self.forget_tables()
        self._read_at = self._looked_at = asked.at
        self._kept, self._kept_changes = asked.number, asked.changes
        self._is_doubtful = self._is_suspect = False
        return kept


def _is_same(mark: Mark | None, before: Mark) -> bool:
    return mark is not None and mark.is_same(before)
