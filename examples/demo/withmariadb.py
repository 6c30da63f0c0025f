"""The demo's application on MariaDB, as PyMySQL shows it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import columns
import pymysql
from pymysql.constants import CLIENT

from acra_twisted.sandbox.chain import Chain, Ini
from acra_twisted.sandbox.collector import Collector
from acra_twisted.sandbox.keys import Keys
from acra_twisted.sandbox.mariadb import MariaDB
from acra_twisted.telemetry.tracing.spans import Span

_USER, _PASSWORD, _DATABASE = "shop", "demo", "shop"


class WithMariaDB:
    """A MariaDB of the demo's own, its settings, and an application on it."""

    name = "MariaDB"
    stages = "query_capture, censor, encryptor, decryptor, poison"
    error = pymysql.MySQLError
    binary = "blob"
    #: Takes so many seconds.
    slow = "SELECT owner FROM account WHERE id = 2 AND SLEEP({}) = 0"
    #: Typed into a form: it reads a table that no application may read.
    typed = "' UNION SELECT amount FROM/**/`salaries` -- "
    #: What tells of a statement that is denied, and of one with a column that is not there.
    denied, no_column = 1317, 1054
    #: The table of the protected columns, and what tells of a statement that they cannot answer.
    payment = (
        "CREATE TABLE payment (id int PRIMARY KEY, card varbinary(300), receipt varbinary(300), "
        "export varchar(100) CHARACTER SET utf8mb4, KEY (card(33)))"
    )
    unsupported = 1235
    #: The first span of a session's trace, and how many statements AcraServer refuses: the
    #: injection, what ends with a poison record, a sorted column.
    first, refusals = (), 3

    def __init__(self) -> None:
        self._database = MariaDB(listens=True)

    @property
    def port(self) -> int:
        return self._database.port

    def start(self) -> None:
        self._database.start()
        self._database.account(_USER, _PASSWORD)
        self._database.run(f"CREATE DATABASE {_DATABASE}")

    def remove(self) -> None:
        self._database.stop()

    def configured(self, folder: Path, keys: Keys) -> Ini:
        """Make what the demo's own part needs; return sections of AcraServer's ini file."""
        columns.make_keys(keys)
        return {"database": {"mysql_enable": "true"}, **columns.configured(folder)}

    #: Sections of the connector's ini file.
    follows: Ini = {"connector": {"mysql_enable": "true"}}

    def connect(self, port: int, page: Span | None = None) -> Any:
        """Connect as an application does that passes the trace of its page on."""
        connection = _Application(
            host="127.0.0.1",
            port=port,
            user=_USER,
            password=_PASSWORD,
            database=_DATABASE,
            autocommit=True,
            client_flag=CLIENT.MULTI_STATEMENTS,
        )
        connection.page = page
        return connection

    def code(self, run: Callable[[], Any]) -> int | None:
        """Return the number of the error that statements end with."""
        try:
            run()
        except pymysql.MySQLError as error:
            return int(error.args[0])
        return None

    def told(self, error: pymysql.MySQLError) -> tuple[int, str]:
        """Number and text of an error."""
        return int(error.args[0]), str(error.args[1])

    def together(self, db: Any) -> tuple[str, list[Any]]:
        """Ask for three balances at once: how, and what came."""
        text = "; ".join(f"SELECT balance FROM account WHERE id = {key}" for key in (1, 2, 3))
        with db.cursor() as cursor:
            cursor.execute(text)
            found = [cursor.fetchone()[0]]
            while cursor.nextset():
                found.append(cursor.fetchone()[0])
        return "several statements in one text", found

    def more(self, chain: Chain, keys: Keys, collector: Collector, settings: Ini) -> str:
        """Tell of protected columns; return the id of that trace."""
        return columns.work(self, chain, keys, collector, settings)

    def client(self, port: int) -> str:
        """The command that connects a person."""
        return f"mariadb -h 127.0.0.1 -P {port} -u {_USER} -p{_PASSWORD} {_DATABASE}"


class _Application(pymysql.Connection):
    """It puts the context of its page into a comment before each statement."""

    page: Span | None = None

    def query(self, sql: str | bytes | bytearray, unbuffered: bool = False) -> int:
        if self.page is not None:
            comment = f"/*traceparent='{self.page.context.traceparent()}'*/ "
            sql = comment + sql if isinstance(sql, str) else comment.encode() + sql
        return int(super().query(sql, unbuffered))
