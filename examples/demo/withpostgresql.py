"""The demo's application on PostgreSQL, as psycopg shows it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import columns
import psycopg

from acra_twisted.sandbox.chain import Chain, Ini
from acra_twisted.sandbox.collector import Collector
from acra_twisted.sandbox.keys import Keys
from acra_twisted.sandbox.postgres import SUPERUSER, Postgres
from acra_twisted.telemetry.tracing.spans import Span


class WithPostgreSQL:
    """A PostgreSQL of the demo's own, its settings, and an application on it."""

    name = "PostgreSQL"
    stages = "query_capture, censor, encryptor, decryptor, poison"
    error = psycopg.Error
    binary = "bytea"
    #: Takes so many seconds.
    slow = "SELECT owner FROM account WHERE id = 2 AND pg_sleep({}) IS NOT NULL"
    #: Typed into a form: it reads a table that no application may read.
    typed = '\' UNION SELECT amount::text FROM/**/"salaries" --'
    #: What tells of a statement that is denied, and of one with a column that is not there.
    denied, no_column = "42000", "42703"
    #: The table of the protected columns, and what tells of a statement that they cannot answer.
    payment = "CREATE TABLE payment (id int PRIMARY KEY, card bytea, receipt bytea, export text)"
    unsupported = "0A000"
    #: The first span of a session's trace, and how many statements AcraServer refuses: the
    #: injection, what ends with a poison record, a sorted column.
    first, refusals = ("startup",), 3

    def __init__(self) -> None:
        self._database = Postgres()

    @property
    def port(self) -> int:
        return self._database.port

    def start(self) -> None:
        self._database.start()

    def remove(self) -> None:
        self._database.remove()

    def configured(self, folder: Path, keys: Keys) -> Ini:
        """Make what the demo's own part needs; return sections of AcraServer's ini file."""
        columns.make_keys(keys)
        return columns.configured(folder)

    #: Sections of the connector's ini file.
    follows: Ini = {}

    def connect(self, port: int, page: Span | None = None) -> psycopg.Connection:
        """Connect as an application does; an option passes the trace of its page on."""
        where = f"host=127.0.0.1 port={port} user={SUPERUSER} dbname=postgres sslmode=disable"
        options = f"-c acra.traceparent={page.context.traceparent()}" if page else ""
        return psycopg.connect(where, autocommit=True, application_name="demo", options=options)

    def code(self, run: Callable[[], Any]) -> str | None:
        """SQLSTATE of the error that statements end with."""
        try:
            run()
        except psycopg.Error as error:
            return error.sqlstate
        return None

    def told(self, error: psycopg.Error) -> tuple[str | None, str]:
        """SQLSTATE and text of an error."""
        return error.sqlstate, error.diag.message_primary or ""

    def together(self, db: Any) -> tuple[str, list[Any]]:
        """Ask for three balances at once: how, and what came."""
        text = "SELECT balance FROM account WHERE id = %s"
        with db.pipeline():
            cursors = [db.execute(text, (key,)) for key in (1, 2, 3)]
        return "pipelined batch", [cursor.fetchone()[0] for cursor in cursors]

    def more(self, chain: Chain, keys: Keys, collector: Collector, settings: Ini) -> str:
        """Tell of protected columns; return the id of that trace."""
        return columns.work(self, chain, keys, collector, settings)

    def client(self, port: int) -> str:
        """The command that connects a person."""
        return f"psql -h 127.0.0.1 -p {port} -U {SUPERUSER}"
