"""A connection to PostgreSQL for tools that read and write rows: libpq's, by the extra ``migrate``.

Everything about where the database is and how to log in is in libpq's own words: a connection
string or URI, ``PG...`` variables, ``~/.pgpass``, service files.  Questions are asked in threads,
one at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
#: SQLSTATE of a connection that is gone.
_GONE: Final = "08006"
#: Runs a function in a thread, and gives its result later.
InThread = Callable[..., Deferred[Any]]


class PostgresqlError(DatabaseError):
    """``sqlstate`` says why."""

    def __init__(self, sqlstate: str, names: str = "") -> None:
        about = f" ({names})" if names else ""
        super().__init__(f"the database says {sqlstate or 'an error'}{about}")
        self.sqlstate = sqlstate
        self.is_about_a_value = sqlstate[:2] in ("22", "23")
        self.is_passing = sqlstate[:2] == "40" or sqlstate == "55P03"


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

    async def connect(self) -> None:
        """Log in.  Raises ConfigError, DatabaseError."""
        try:
            from psycopg import pq
        except ImportError:
            raise ConfigError(f"{self._program} {_MISSING}") from None
        connect = pq.PGconn.connect
        self._connection = await self._in_thread(connect, self._connection_string.encode())
        if self._connection.status != pq.ConnStatus.OK:
            reason = " ".join(self._connection.get_error_message().split())
            raise ConfigError(f"--connection_string: {reason}")
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
        from psycopg import Error

        given = [None if value is None else _bytes(value) for value in values]
        try:
            result = self._connection.exec_params(statement, given, types, formats)
        except Error:
            # libpq has nothing to say where the connection is gone.
            raise PostgresqlError(_GONE) from None
        self._checked(result)
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
        self._checked(self._connection.prepare(b"", statement))
        result = self._checked(self._connection.describe_prepared(b""))
        return [result.param_type(at) for at in range(result.nparams)]

    def _checked(self, result: Any) -> Any:
        """Return an answer of libpq's.  Raises DatabaseError for that of an error."""
        from psycopg import pq

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
        """End the connection, and whatever transaction it has."""
        if self._connection is not None:
            self._connection.finish()


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text
