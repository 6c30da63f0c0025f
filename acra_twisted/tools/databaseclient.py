"""A connection to PostgreSQL for tools that read and write rows: libpq's, by the extra ``migrate``.

Everything about where the database is and how to log in is in libpq's own words: a connection
string or URI, ``PG...`` variables, ``~/.pgpass``, service files.  Questions are asked in threads,
one at a time.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple

from twisted.internet.defer import Deferred

from acra_twisted.errors import ConfigError
from acra_twisted.tools.databaseerror import DatabaseError

#: Settings of every connection: values look alike whatever a role has set, and rows that a policy
#: hides are an error.
_SETTINGS: Final[Sequence[tuple[str, str]]] = (
    ("client_encoding", "UTF8"),
    ("DateStyle", "ISO"),
    ("IntervalStyle", "postgres"),
    ("bytea_output", "hex"),
    ("extra_float_digits", "1"),
    ("row_security", "off"),
    ("standard_conforming_strings", "on"),
    ("default_transaction_isolation", "read committed"),
    ("default_transaction_read_only", "off"),
)
_MISSING: Final = "needs libpq: install the extra, pip install 'acra-twisted[migrate]'"
#: Seconds for a login.
_LOGIN: Final = "20"
#: Beginnings of libpq's words about a connection string that name options alone.
_NAMING: Final = ("invalid connection option ", "invalid URI query parameter: ")
#: SQLSTATE of a connection that is gone.
_GONE: Final = "08006"
_CAPITAL: Final = re.compile("(?<=[a-z])(?=[A-Z])")
#: Runs a function in a thread, and gives its result later.
InThread = Callable[..., Deferred[Any]]


class PostgresqlError(DatabaseError):
    """``sqlstate`` says why."""

    def __init__(self, sqlstate: str, names: str = "") -> None:
        about = f" ({names})" if names else ""
        super().__init__(f"the database says {_words(sqlstate)}{about}")
        self.sqlstate = sqlstate
        self.is_about_a_value = sqlstate[:2] in ("22", "23")
        self.is_passing = sqlstate[:2] == "40" or sqlstate == "55P03"
        self.is_gone = sqlstate in ("", _GONE)


def _words(sqlstate: str) -> str:
    """Return an SQLSTATE and the name of its condition, as far as libpq's driver knows it."""
    try:
        from psycopg.errors import lookup

        name = lookup(sqlstate).__name__
    except (ImportError, KeyError):
        return sqlstate or "an error"
    return f"{sqlstate}, {_CAPITAL.sub(' ', name).lower()}"


class Answer(NamedTuple):
    """Rows of texts, None for NULL; the types of their columns; and the number of rows that a
    statement has changed, None if it is not one that changes rows."""

    rows: Sequence[Sequence[bytes | None]]
    types: Sequence[int]
    changed: int | None = None


class DatabaseClient:
    """``connection_string`` is libpq's, ``program`` is the name that the database is told, and
    ``in_thread`` is as `twisted.internet.threads.deferToThread`."""

    def __init__(self, connection_string: str, program: str, in_thread: InThread) -> None:
        self._connection_string = connection_string
        self._program = program
        self._in_thread = in_thread
        self._connection: Any = None
        # Held by the thread that waits for an answer.
        self._asking = threading.Lock()

    async def connect(self) -> None:
        """Log in.  Raises ConfigError, DatabaseError."""
        try:
            from psycopg import Error, pq
        except ImportError:
            raise ConfigError(f"{self._program} {_MISSING}") from None
        # The operator's own words for it take precedence, in the string or a service.
        os.environ.setdefault("PGCONNECT_TIMEOUT", _LOGIN)
        said = self._connection_string.encode("utf-8", "surrogateescape")
        try:
            pq.Conninfo.parse(said)
        except Error as error:
            raise ConfigError(f"connection string: {_mistake(str(error))}") from None
        self._connection = await self._in_thread(pq.PGconn.connect, said)
        if self._connection.status != pq.ConnStatus.OK:
            reason = " ".join(self._connection.get_error_message().split())
            raise ConfigError(f"connection string: {reason}")
        for name, value in (*_SETTINGS, ("application_name", self._program)):
            await self.ask("SELECT pg_catalog.set_config($1, $2, false)", (name, value))

    async def ask(
        self,
        statement: str | bytes,
        values: Sequence[str | bytes | None] = (),
        types: Sequence[int] | None = None,
        formats: Sequence[int] | None = None,
    ) -> Answer:
        """Return the answer to one statement.  Raises DatabaseError."""
        asked = self._in_thread(self._ask, _bytes(statement), values, types, formats)
        answer: Answer = await asked
        return answer

    def _ask(
        self,
        statement: bytes,
        values: Sequence[str | bytes | None],
        types: Sequence[int] | None,
        formats: Sequence[int] | None,
    ) -> Answer:
        given = [None if value is None else _bytes(value) for value in values]
        connection = self._connection
        result = self._said(lambda: connection.exec_params(statement, given, types, formats))
        columns = range(result.nfields)
        return Answer(
            [[result.get_value(row, at) for at in columns] for row in range(result.ntuples)],
            [result.ftype(at) for at in columns],
            result.command_tuples,
        )

    async def parameter_types(self, statement: str) -> Sequence[int]:
        """Return the types that the database gives the parameters of a statement.  Raises
        DatabaseError."""
        asked = self._in_thread(self._described, statement.encode())
        found: Sequence[int] = await asked
        return found

    def _described(self, statement: bytes) -> Sequence[int]:
        connection = self._connection
        self._said(lambda: connection.prepare(b"", statement))
        result = self._said(lambda: connection.describe_prepared(b""))
        return [result.param_type(at) for at in range(result.nparams)]

    def _said(self, talk: Callable[[], Any]) -> Any:
        """Return an answer of libpq's.  Raises DatabaseError for that of an error."""
        from psycopg import Error, pq

        with self._asking:
            try:
                result = talk()
            except Error:
                # libpq has nothing to say where the connection is gone.
                raise PostgresqlError(_GONE) from None
        if result.status in (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK):
            return result
        fields = pq.DiagnosticField
        told = [
            result.error_field(field)
            for field in (
                fields.SQLSTATE,
                fields.TABLE_NAME,
                fields.COLUMN_NAME,
                fields.CONSTRAINT_NAME,
            )
        ]
        state, *names = [(text or b"").decode("utf-8", "replace") for text in told]
        raise PostgresqlError(state, ", ".join(filter(None, names)))

    def close(self) -> None:
        """End the connection, and whatever transaction it has.  A statement that somebody has given
        up is cancelled first: its thread still reads from the connection."""
        if self._connection is None:
            return
        if self._asking.locked():
            from psycopg import Error

            with suppress(Error):
                self._connection.get_cancel().cancel()
        with self._asking:
            self._connection.finish()


def _mistake(told: str) -> str:
    """Return libpq's words about a connection string that is none, unless they quote what may be
    part of a password."""
    reason = " ".join(told.split())
    return reason if reason.startswith(_NAMING) else "libpq cannot read it"


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text
