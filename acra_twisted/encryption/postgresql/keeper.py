"""Decides when a database's schema is read, and keeps what was read.

It has no clock and no connection: times in seconds are given to it, and it says that the question
should be asked.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from acra_twisted.encryption.postgresql import catalog
from acra_twisted.encryption.postgresql.protection import Protection
from acra_twisted.encryption.postgresql.question import mark_question, schema_question
from acra_twisted.encryption.postgresql.schema import SchemaError
from acra_twisted.encryption.postgresql.targets import UNREAD
from acra_twisted.encryption.settings import EncryptionSettings

#: A schema is read anew when it is so old, and no longer used when it is twice as old.
MAX_AGE: Final = 300.0
#: The time after which it is looked whether the schema is another: a function that a SELECT calls,
#: or anybody past this server, may have changed it.
LOOK: Final = 5.0
#: The time between two questions for which there is no certain reason.
PAUSE: Final = 1.0
#: Names of tables that are remembered to be looked up.
_NAMES: Final = 10_000
#: A question that nobody has answered for so long was lost with its connection.
LOST: Final = 30.0

# Effects of a statement on what is known of the schema.
NONE: Final = ""
#: It may have changed.
DOUBT: Final = "doubt"
#: Code has run that may have changed it: nothing is decided by it before a look.
CODE: Final = "code"
#: It has changed: nothing is decided by it any more.
STALE: Final = "stale"
#: The effects by severity.
_EFFECTS: Final = (NONE, DOUBT, CODE, STALE)

#: Errors by which the database may say that it has changed.
_DOUBTFUL: Final = frozenset((b"42703", b"42P01", b"42804", b"42P10", b"0A000"))
_DEFINING: Final = frozenset((b"CREATE", b"ALTER", b"DROP", b"IMPORT"))
#: It ends a transaction of any session, whose definitions nobody has followed.
_UNFOLLOWED: Final = b"COMMIT PREPARED"
#: Types alone: no column has one that is new.
_TYPES: Final = frozenset((b"CREATE TYPE", b"CREATE DOMAIN"))
#: They matter only where the statement names a relation or function that concerns a protected
#: column; every other definition may without naming one.
_NAMING: Final = _TYPES | frozenset(
    b"%s %s" % (verb, kind)
    for verb in (b"CREATE", b"ALTER", b"DROP")
    for kind in (
        *(b"TABLE", b"INDEX", b"VIEW", b"SEQUENCE", b"FUNCTION", b"PROCEDURE", b"AGGREGATE"),
        *(b"TRIGGER", b"RULE", b"POLICY", b"STATISTICS", b"MATERIALIZED VIEW", b"FOREIGN TABLE"),
        *(b"ROLE", b"DATABASE", b"TABLESPACE", b"SUBSCRIPTION", b"SERVER", b"USER MAPPING"),
        *(b"OPERATOR", b"COLLATION", b"CONVERSION", b"CAST", b"LANGUAGE", b"EVENT TRIGGER"),
    )
)
#: They run code that is not in their text.
_RUN_CODE: Final = frozenset((b"DO", b"CALL"))


def defines(tag: bytes) -> bool:
    """Tell whether a statement with a command tag defines something, or gives it another name."""
    return tag.partition(b" ")[0] in _DEFINING


def effect(tag: bytes, is_named: bool) -> str:
    """The effect of a statement by its command tag.  ``is_named``: its text names a relation or
    function that concerns a protected column."""
    if tag in _RUN_CODE:
        return CODE
    if tag == _UNFOLLOWED:
        return STALE
    if defines(tag):
        return NONE if tag in _NAMING and not is_named else STALE
    return NONE


def effect_of_error(sqlstate: bytes) -> str:
    """The effect of an error that the database has given to a statement of a client."""
    return DOUBT if sqlstate in _DOUBTFUL else NONE


def severest(*effects: str) -> str:
    """The effect of all together."""
    return max(effects, key=_EFFECTS.index)


class Told(NamedTuple):
    """How often a keeper has been told of doubts, of code and of changes."""

    doubts: int = 0
    codes: int = 0
    changes: int = 0


class Asked(NamedTuple):
    """A question on its way: the time and the number that it was asked at, and what the keeper had
    been told before."""

    at: float
    number: int
    told: Told


class SchemaKeeper:
    """Keeps the schema of one database.

    ``numbers`` gives each content of a schema its number; every keeper of a process shares it, so
    that plans can be kept by it.

    The database gives a mark of all that its answer tells.  It is asked for in place of the answer,
    and before it: the mark that is kept is never younger than the schema.  The mark tells which
    transactions have changed the schema, and not how often each has: ``in_transaction`` is True for
    a keeper that reads what an open one has changed, and such a keeper keeps no mark that it has
    seen itself.
    """

    def __init__(
        self,
        settings: EncryptionSettings,
        numbers: Iterator[int],
        in_transaction: bool = False,
    ) -> None:
        self._settings = settings
        self._in_transaction = in_transaction
        self._numbers = numbers
        self._protection: Protection | None = None
        # Its names, which most statements that write are asked about.
        self._names: frozenset[str] = frozenset()
        self._read_at = 0.0
        self._asked: Asked | None = None
        # Numbers of the question that was asked last, and of that whose answer is kept.
        self._last_number = self._kept_number = 0
        self._last = -PAUSE
        # As it is now, and as it was when the question was asked whose answer is kept.
        self._told = Told(changes=1)
        self._kept_told = Told()
        # What follows from both, for it is asked for with each statement.
        self._is_told = self._is_unknown = True
        self._failed = False
        #: How often an answer was taken in, and how often names were forgotten.
        self.readings = self.forgets = 0
        # Names that have nothing to do with protected columns, as far as was looked up.
        self._plain: set[str] = set()
        self._looked_at = 0.0
        self._mark: bytes | None = None
        # The number of the question whose mark came last, and that.
        self._seen = (0, b"")

    def forked(self) -> SchemaKeeper:
        """Return another keeper that knows the same, for a session that goes on apart until its
        transaction ends."""
        made = SchemaKeeper(self._settings, self._numbers, True)
        made._protection, made._mark = self._protection, self._mark
        made._names = self._names
        made._read_at, made._looked_at = self._read_at, self._looked_at
        made._told, made._kept_told = self._told, self._kept_told
        made._is_told, made._is_unknown = self._is_told, self._is_unknown
        made._plain, made.forgets = set(self._plain), self.forgets
        return made

    def strange(self, names: Sequence[str]) -> Sequence[str]:
        """Tell which of the names of some tables may have come to mean others since the schema was
        read; those that are protected are none of them."""
        plain, protected = self._plain, self._names
        return [one for one in names if one not in plain and one not in protected]

    def looked_up(self, names: Iterable[str]) -> None:
        """Note names that the schema tells all of, for the schema as it is kept."""
        if len(self._plain) >= _NAMES:
            self._plain.clear()
        self._plain.update(names)

    def forget(self, names: Collection[str]) -> None:
        """Forget what was looked up of some names, of all if one cannot be read: they may mean
        something else now."""
        if UNREAD in names:
            self._plain.clear()
        else:
            self._plain.difference_update(names)
        self.forgets += 1

    @property
    def changes(self) -> int:
        """The number of changes that it has been told of."""
        return self._told.changes

    @property
    def question(self) -> bytes:
        """The text to ask."""
        return schema_question(table.name for table in self._settings.tables)

    @property
    def look(self) -> bytes | None:
        """The text to ask for the mark; None while nothing is known that may still hold, or no
        mark is kept."""
        kept = self._protection
        if kept is None or self._told.changes != self._kept_told.changes:
            return None
        if self._in_transaction and self._mark is None:
            return None
        relations = kept.schema.relations
        names = {table.name for table in self._settings.tables}
        return mark_question(names | {one.name for one in relations.values()}, relations)

    def protection(self, now: float) -> Protection | None:
        """The protected columns; None if they are not known: then a statement that may concern one
        waits for an answer, and is refused if there is none."""
        if self._is_unknown or now - self._read_at >= 2 * MAX_AGE:
            return None
        return self._protection

    def _compare(self) -> None:
        """Note whether something was told since the answer that is kept, and whether that is no
        mere doubt."""
        told, kept = self._told, self._kept_told
        self._is_told = told != kept
        self._is_unknown = told[1:] != kept[1:]

    def is_due(self, now: float) -> bool:
        """Tell whether the question should be asked now."""
        if self._asked is not None and now - self._asked.at < LOST:
            return False
        if self._failed or (self._is_told and not self._is_unknown):
            if now - self._last < PAUSE:
                return False
        return self._is_told or now - self._looked_at >= LOOK

    def certain(self, now: float) -> Protection | None:
        """The protected columns; None if they are not known, or the question is due."""
        if self._is_told or now - self._looked_at >= LOOK:
            return None if self.is_due(now) else self.protection(now)
        # Nothing was told since it was read, and a look finds it no older than MAX_AGE.
        return self._protection

    def asked(self, now: float) -> Asked:
        """Note that the question is on its way.  Facts that are told later hold beside the
        answer, which is given with what this returns: several sessions may ask at a time."""
        self._last = now
        self._last_number += 1
        self._asked = Asked(now, self._last_number, self._told)
        return self._asked

    def told(self, what: str) -> None:
        """Take in the effect of a statement, or of an error."""
        doubts, codes, changes = self._told
        if what == STALE:
            self._plain.clear()
            self._told = Told(doubts, codes, changes + 1)
        elif what == CODE:
            self._told = Told(doubts, codes + 1, changes)
        elif what == DOUBT:
            self._told = Told(doubts + 1, codes, changes)
        else:
            return
        self._compare()

    def looked(self, asked: Asked, cells: Sequence[bytes]) -> Protection | None:
        """Take in the mark, and return the protected columns as `answered` does; None if the
        question is to be asked, too: the schema may be another, or is too old or in doubt."""
        mark = b"\n".join(cells)
        self._seen = (asked.number, mark)
        told, kept = asked.told, self._kept_told
        is_known = (told.doubts, told.changes) == (kept.doubts, kept.changes)
        if mark != self._mark or not is_known or asked.number <= self._kept_number:
            return None
        if asked.at - self._read_at >= MAX_AGE:
            return None
        self._looked_at = asked.at
        self._hold(asked)
        return self._protection

    def answered(self, asked: Asked, cells: Sequence[bytes]) -> Protection:
        """Take in the answer to a question, and return the protected columns that hold for the
        statement that asked: changes that were told since are concurrent with it.  One to a
        question before that of the answer that is kept is left.  Raises SchemaError, after which it
        is as if none had come."""
        kept = self._protection
        if kept is not None and asked.number <= self._kept_number:
            return kept
        try:
            schema = catalog.read(cells, kept.schema.number if kept else 0)
            is_new = kept is None or schema != kept.schema
            if is_new:
                schema = schema._replace(number=next(self._numbers))
                made = Protection(schema, self._settings)
        except SchemaError:
            self.failed(asked)
            raise
        number, mark = self._seen
        self._mark = mark if number == asked.number and not self._in_transaction else None
        if kept is None or is_new:
            kept = self._protection = made
            self._names = kept.names
            # It was asked for other relations.
            self._mark = None
            self._plain.clear()
        self.readings += 1
        # The answer is as old as the question.
        self._read_at = self._looked_at = asked.at
        self._hold(asked)
        return kept

    def _hold(self, asked: Asked) -> None:
        """Note that the schema holds as it was asked for."""
        self._kept_number, self._kept_told = asked.number, asked.told
        self._compare()
        self._failed = False
        self._ended(asked)

    def failed(self, asked: Asked) -> None:
        """Note that a question has no answer.  The schema that was known holds, until it is too
        old."""
        self._failed = True
        self._ended(asked)

    def _ended(self, asked: Asked) -> None:
        if self._asked is asked:
            self._asked = None
