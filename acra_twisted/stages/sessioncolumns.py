"""The protected columns of a session's database: asked for on the session's own connection, kept
for all sessions of the database, and asked for again when they may be others.

A statement is decided by certain facts alone: one before it that may have changed a table, or the
meaning of a name, has to be answered first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import count
from typing import Final, NamedTuple

from acra_twisted.encryption.plan import Prepared, Refusal, ResultColumn
from acra_twisted.encryption.postgresql import refusals
from acra_twisted.encryption.postgresql.comparisons import Comparisons
from acra_twisted.encryption.postgresql.keeper import DOUBT, SchemaKeeper
from acra_twisted.encryption.postgresql.planner import Planner
from acra_twisted.encryption.postgresql.protection import Protection
from acra_twisted.encryption.postgresql.schema import SchemaError
from acra_twisted.encryption.postgresql.sessionschema import SessionSchema
from acra_twisted.encryption.settings import ColumnSetting, EncryptionSettings
from acra_twisted.errors import QuestionError
from acra_twisted.exchange import Exchange
from acra_twisted.results import Columns
from acra_twisted.session import IDLE, Session
from acra_twisted.sql.languages import Mode

#: Schemas whose plans are kept.
_SNAPSHOTS: Final = 16
_MEANINGS: Final = 1_000
#: Statements of a session by SQL's PREPARE that are kept.
_PREPARED: Final = 1_000
#: Bytes of a name that count for PostgreSQL.
NAME_SIZE: Final = 63
#: Beginnings of statements that change nothing of what names mean.
_HARMLESS: Final = re.compile(
    rb"\s*(?:select|insert|update|delete|merge|values|with|table|declare|fetch|move|close|show|copy"
    rb"|listen|unlisten|notify|lock|truncate|deallocate)\b",
    re.I,
)
#: A statement that begins or ends a transaction, or a part of one, and has no value at all.  In a
#: transaction that has failed nothing else is done, and the database cannot be asked.
_CONTROL: Final = re.compile(
    rb"\s*(?:begin|start|commit|end|rollback|abort|savepoint|release)\b[\w\s,\"]*;?\s*", re.I
)


class Meaning:
    """The meaning of a result: `Columns.meaning`.  ``results`` are its columns by the statement's
    tree, None if they are not known.  ``doubt`` is called if the schema must be another one."""

    __slots__ = ("protection", "results", "_doubt")

    def __init__(
        self,
        protection: Protection,
        doubt: Callable[[], None],
        results: Sequence[ResultColumn] | None = None,
    ) -> None:
        self.protection = protection
        self.results = results
        self._doubt = doubt

    def settings(self, columns: Columns) -> list[ColumnSetting | None]:
        """The setting of each column of a result: by its table as the database says, by the tree
        where the column is no table's, or that of a table that was made since."""
        by_column = self.protection.by_column
        found = [
            by_column.get((table, attribute)) if table else None
            for table, attribute in zip(columns.tables, columns.attributes, strict=True)
        ]
        results = self.results
        if results is not None and len(results) == len(found):
            relations = self.protection.schema.relations
            for at, table in enumerate(columns.tables):
                setting = results[at].setting
                if setting is not None and table not in relations:
                    found[at] = setting
                    if table:
                        self._doubt()
        return found


class Snapshot:
    """The protected columns by one reading of a schema, and the plans that hold for it."""

    def __init__(self, protection: Protection, doubt: Callable[[], None]) -> None:
        self.protection = protection
        self.planner = Planner(protection, Comparisons())
        self.meaning = Meaning(protection, doubt)
        self._doubt = doubt
        self._meanings: dict[tuple[ResultColumn, ...], Meaning] = {}

    def meaning_of(self, results: Sequence[ResultColumn] | None) -> Meaning:
        """The meaning of a statement's result, the same for the same columns."""
        if results is None or not any(one.setting for one in results):
            return self.meaning
        key = tuple(results)
        found = self._meanings.get(key)
        if found is None:
            if len(self._meanings) >= _MEANINGS:
                self._meanings.clear()
            found = self._meanings[key] = Meaning(self.protection, self._doubt, key)
        return found


class Known:
    """Facts about one session.  ``prepared`` are its statements by SQL's PREPARE, which have
    changed ``prepared_changes`` times; ``mode`` is how its texts are read by the settings
    ``parameters``.  ``unfit`` is the refusal of each statement that concerns a protected column, if
    its database can have none."""

    __slots__ = (
        *("schema", "unfit", "prepared", "prepared_changes"),
        *("open", "is_dirty", "reported_path", "parameters", "mode"),
    )

    def __init__(self, schema: SessionSchema, unfit: Refusal | None) -> None:
        self.schema = schema
        self.unfit = unfit
        self.prepared: dict[str, Prepared] = {}
        self.prepared_changes = 0
        self.parameters: Mapping[bytes, bytes] | None = None
        self.mode: Mode | None = None
        # Number of its statements that are watched and not answered.
        self.open = 0
        # Something was watched since its transaction began.
        self.is_dirty = False
        # The search_path as the database reports it, None where it does not.
        self.reported_path: bytes | None = None

    def keep_prepared(self, made: Prepared) -> None:
        """Take in a statement that the database has prepared by SQL."""
        self.prepared_changes += 1
        if len(self.prepared) >= _PREPARED:
            # One that is not known is not executed.
            self.prepared.clear()
        self.prepared[made.name] = made

    def forget_prepared(self, name: bytes) -> None:
        """Note that the protocol may prepare another statement of a name.  The database reads the
        name in an encoding of the client's."""
        self.prepared_changes += 1
        if name.isascii():
            self.prepared.pop(name[:NAME_SIZE].decode("ascii"), None)
        else:
            self.prepared.clear()


class _Watched(NamedTuple):
    known: Known
    exchange: Exchange
    text: bytes
    is_named: bool
    prepares: Sequence[Prepared]


class SessionColumns:
    """The protected columns of every database that sessions of a daemon are connected to.

    ``seconds`` is a monotonic clock.
    """

    def __init__(self, settings: EncryptionSettings, seconds: Callable[[], float]) -> None:
        self.settings = settings
        self._seconds = seconds
        self._numbers = count(1)
        self._keepers: dict[bytes, SchemaKeeper] = {}
        self._snapshots: dict[int, Snapshot] = {}
        self._watched: list[_Watched] = []

    def begin(self, session: Session) -> Known:
        """Begin to follow a session."""
        keeper = self._keepers.get(session.database)
        if keeper is None:
            keeper = SchemaKeeper(self.settings, self._numbers)
            self._keepers[session.database] = keeper
        return Known(SessionSchema(keeper, self.settings, self._numbers), _unfit(session))

    # -- changes ----------------------------------------------------------------------------------

    def watch(
        self,
        known: Known,
        exchange: Exchange,
        text: bytes,
        is_named: bool,
        prepares: Sequence[Prepared] = (),
    ) -> None:
        """Follow a statement until it has ended.

        ``is_named``: it names something protected; ``prepares`` are the statements that it prepares
        by SQL."""
        exchange.tags = []
        known.open += 1
        known.is_dirty = True
        self._watched.append(_Watched(known, exchange, text, is_named, prepares))

    def _sweep(self) -> None:
        """Take in the ends of statements that were watched."""
        waiting, self._watched = self._watched, []
        for one in waiting:
            known, exchange, text, is_named, prepares = one
            if not exchange.closed:
                self._watched.append(one)
                continue
            known.open -= 1
            in_transaction = exchange.session.transaction != IDLE
            known.is_dirty = in_transaction or known.open > 0
            if exchange.outcome == "error":
                known.schema.failed(exchange.status_code.encode(), in_transaction)
            for tag in exchange.tags or ():
                known.schema.completed(tag, text, is_named, in_transaction)
            done = (exchange.tags or ()).count(b"PREPARE")
            for made in prepares[:done]:
                known.keep_prepared(made)

    # -- facts ------------------------------------------------------------------------------------

    def snapshot(self, session: Session, known: Known) -> Snapshot | None:
        """The protected columns as they are now; None if `learn` must be waited for."""
        if self._watched:
            self._sweep()
        reported = session.parameters.get(b"search_path")
        if reported != known.reported_path:
            known.reported_path = reported
            known.schema.path_reported()
        if known.open or known.schema.is_path_due:
            return None
        now = self._seconds()
        # First: it decides whose keeper counts.
        is_due = known.schema.is_due(now, session.transaction != IDLE)
        keeper = known.schema.keeper
        protection = keeper.protection(now)
        return None if is_due or protection is None else self._snapshot(keeper, protection)

    async def learn(self, session: Session, known: Known) -> Snapshot:
        """Ask for the facts that are not certain.  Raises QuestionError, SchemaError."""
        self._sweep()
        if known.open or session.in_flight:
            # What was sent before must be answered first: it may also begin a transaction.
            await session.ask(b"SELECT")
            self._sweep()
            if known.open:
                raise QuestionError("a statement before it may have changed the tables")
        now = self._seconds()
        is_due = known.schema.is_due(now, session.transaction != IDLE)
        keeper = known.schema.keeper
        protection = keeper.protection(now)
        if is_due or protection is None:
            protection = await self._read(session, keeper, protection)
        if known.schema.is_path_due:
            question = known.schema.path_question(protection)
            known.schema.path_answered(_cells(await session.ask(question)))
        return self._snapshot(keeper, protection)

    async def _read(
        self, session: Session, keeper: SchemaKeeper, before: Protection | None
    ) -> Protection:
        asked = keeper.asked(self._seconds())
        try:
            keeper.answered(asked, _cells(await session.ask(keeper.question)))
        except QuestionError:
            keeper.failed(asked)
            if before is None:
                raise
        found = keeper.protection(self._seconds())
        if found is None:
            raise SchemaError("the tables are being changed")
        return found

    def _snapshot(self, keeper: SchemaKeeper, protection: Protection) -> Snapshot:
        number = protection.schema.number
        found = self._snapshots.get(number)
        if found is None or found.protection is not protection:
            if len(self._snapshots) >= _SNAPSHOTS:
                self._snapshots.clear()
            found = self._snapshots[number] = Snapshot(protection, partial(keeper.told, DOUBT))
        return found


def _unfit(session: Session) -> Refusal | None:
    """Return the refusal for a database with another encoding: sealed texts, and the names of its
    columns, are taken for UTF-8."""
    if session.parameters.get(b"server_encoding", b"UTF8").upper() == b"UTF8":
        return None
    return Refusal(
        refusals.SCHEMA_UNKNOWN,
        "",
        "AcraServer protects columns of databases in UTF8 alone, and server_encoding is another",
    )


def is_control(text: bytes) -> bool:
    """Tell whether a statement does nothing but begin or end a transaction."""
    return _CONTROL.fullmatch(text) is not None


def may_change(text: bytes) -> bool:
    """Tell whether a statement may change tables, or what names mean."""
    if _HARMLESS.match(text) is None or b";" in text.rstrip(b"; \t\r\n"):
        return True
    lowered = text.lower()
    if b"temp" in lowered and b"into" in lowered:
        return True
    # A function that sets, a view that does, and names that cannot be read.
    return b"set_config" in lowered or b"pg_settings" in lowered or b'u&"' in lowered


def _cells(rows: Sequence[Sequence[bytes | None]]) -> list[bytes]:
    """The only cell of each row.  Raises SchemaError."""
    found = []
    for row in rows:
        if len(row) != 1 or row[0] is None:
            raise SchemaError("the database's answer about its schema is not understood")
        found.append(row[0])
    return found
