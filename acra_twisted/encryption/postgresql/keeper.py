"""Decides when a database's schema is read, and keeps what was read.

It has no clock and no connection: times in seconds are given to it, and it says that the question
should be asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from acra_twisted.encryption.postgresql import catalog
from acra_twisted.encryption.postgresql.protection import Protection
from acra_twisted.encryption.postgresql.question import schema_question
from acra_twisted.encryption.postgresql.schema import SchemaError
from acra_twisted.encryption.settings import EncryptionSettings

#: A schema is read anew when it is so old, and no longer used when it is twice as old.
MAX_AGE: Final = 300.0
#: The time between two questions for which there is no certain reason.
PAUSE: Final = 1.0
#: A question that nobody has answered for so long was lost with its connection.
LOST: Final = 30.0

# Effects of a statement on what is known of the schema.
NONE: Final = ""
#: It may have changed.
DOUBT: Final = "doubt"
#: It has changed: nothing is decided by it any more.
STALE: Final = "stale"

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
_CODE: Final = frozenset((b"DO", b"CALL"))


def effect(tag: bytes, is_named: bool) -> str:
    """The effect of a statement by its command tag.  ``is_named``: its text names a relation or
    function that concerns a protected column."""
    if tag in _CODE or tag == _UNFOLLOWED:
        return STALE
    if tag.partition(b" ")[0] in _DEFINING:
        return NONE if tag in _NAMING and not is_named else STALE
    return NONE


def effect_of_error(sqlstate: bytes) -> str:
    """The effect of an error that the database has given to a statement of a client."""
    return DOUBT if sqlstate in _DOUBTFUL else NONE


class Asked(NamedTuple):
    """A question on its way: the time and the number that it was asked at, and how often the keeper
    had been told of changes and of doubts before."""

    at: float
    number: int
    stale: int
    doubted: int


class SchemaKeeper:
    """Keeps the schema of one database.

    ``numbers`` gives each content of a schema its number; every keeper of a process shares it, so
    that plans can be kept by it.
    """

    def __init__(self, settings: EncryptionSettings, numbers: Iterator[int]) -> None:
        self._settings = settings
        self._numbers = numbers
        self._protection: Protection | None = None
        self._read_at = 0.0
        self._asked: Asked | None = None
        # Numbers of the question that was asked last, and of that whose answer is kept.
        self._last_number = self._kept_number = 0
        self._last = -PAUSE
        # How often it was told of changes and of doubts, and how often it had been when the
        # question was asked whose answer is kept.
        self._stale = 1
        self._doubted = 0
        self._kept_stale = self._kept_doubted = 0
        self._failed = False

    @property
    def question(self) -> bytes:
        """The text to ask."""
        return schema_question(table.name for table in self._settings.tables)

    def protection(self, now: float) -> Protection | None:
        """The protected columns; None if they are not known: then a statement that may concern one
        waits for an answer, and is refused if there is none."""
        if self._is_stale or now - self._read_at >= 2 * MAX_AGE:
            return None
        return self._protection

    @property
    def _is_stale(self) -> bool:
        return self._stale != self._kept_stale

    @property
    def _is_doubted(self) -> bool:
        return self._doubted != self._kept_doubted

    def is_due(self, now: float) -> bool:
        """Tell whether the question should be asked now."""
        if self._asked is not None and now - self._asked.at < LOST:
            return False
        if self._failed or (self._is_doubted and not self._is_stale):
            if now - self._last < PAUSE:
                return False
        return self._is_stale or self._is_doubted or now - self._read_at >= MAX_AGE

    def asked(self, now: float) -> Asked:
        """Note that the question is on its way.  Facts that are told later hold beside the
        answer, which is given with what this returns: several sessions may ask at a time."""
        self._last = now
        self._last_number += 1
        self._asked = Asked(now, self._last_number, self._stale, self._doubted)
        return self._asked

    def told(self, what: str) -> None:
        """Take in the effect of a statement, or of an error."""
        if what == STALE:
            self._stale += 1
        elif what == DOUBT:
            self._doubted += 1

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
        except SchemaError:
            self.failed(asked)
            raise
        if kept is None or schema != kept.schema:
            schema = schema._replace(number=next(self._numbers))
            kept = self._protection = Protection(schema, self._settings)
        # The answer is as old as the question.
        self._read_at = asked.at
        self._kept_number = asked.number
        self._kept_stale, self._kept_doubted = asked.stale, asked.doubted
        self._failed = False
        self._ended(asked)
        return kept

    def failed(self, asked: Asked) -> None:
        """Note that a question has no answer.  The schema that was known holds, until it is too
        old."""
        self._failed = True
        self._ended(asked)

    def _ended(self, asked: Asked) -> None:
        if self._asked is asked:
            self._asked = None
