"""MariaDB's clients of a soak run: two drivers, rows in text and in binary form."""

from __future__ import annotations

import time

import mysql.connector
import pymysql

from tests.soak.mix import SECRETS, secret
from tests.support import loads

USER, PASSWORD, DATABASE = "soak", "soak password", "soak"
#: A refusal by AcraServer; and MariaDB's word for a statement that its shutdown ends.
DENIED = 1317
#: Numbers of errors about connections: of a server that ends, of AcraServer without its database,
#: and of drivers, which have none for some.
_GONE = {0, -1, 1053, 1105, DENIED, 1927, 2003, 2006, 2013, 2055}


class _Maria(loads.Lasting):
    """Asks through a cursor, whose driver and form the subclass chooses."""

    LOST: tuple[type[Exception], ...] = ()
    AUTOCOMMIT = False

    def _login(self):
        raise NotImplementedError

    def _rows_of(self, db, text, values=()) -> list:
        raise NotImplementedError

    def _session(self) -> None:
        try:
            db = self._login()
            self.sessions += 1
            try:
                for _ in range(self._random.randrange(1, 20)):
                    if time.monotonic() > self._until:
                        return
                    self._talk(db)
            finally:
                db.close()
        except self.LOST as error:
            number = error.args[0] if error.args else 0
            if "AcraCensor" in str(error) or not (isinstance(error, OSError) or number in _GONE):
                raise
            raise ConnectionResetError(type(error).__name__) from None

    def _talk(self, db) -> None:
        chosen = (self._simple, self._rows, self._read, self._denied, self._written)
        self._random.choice(chosen)(db)

    def _simple(self, db) -> None:
        number = self._unique()
        self._expect(self._rows_of(db, "SELECT %s + 1", (number,)), [(number + 1,)])

    def _rows(self, db) -> None:
        number, count = self._unique(), self._random.choice((1, 300, 3000))
        rows = self._rows_of(db, f"SELECT {number}, seq, repeat('x', 40) FROM seq_1_to_{count}")
        self._expect(rows, [(number, n + 1, "x" * 40) for n in range(count)])

    def _read(self, db) -> None:
        number = self._random.randrange(SECRETS)
        rows = self._rows_of(
            db,
            "SELECT id, data FROM secrets WHERE id BETWEEN %s AND %s ORDER BY id",
            (number, number + 5),
        )
        wanted = range(number, min(number + 6, SECRETS))
        self._expect([(n, bytes(data)) for n, data in rows], [(n, secret(n)) for n in wanted])

    def _denied(self, db) -> None:
        """A refusal leaves the transaction as it is, and nothing of the refused text done."""
        number = self._unique()
        self._rows_of(db, "BEGIN")
        self._rows_of(db, "INSERT INTO written VALUES (%s)", (number,))
        try:
            self._rows_of(db, "INSERT INTO written SELECT * FROM forbidden")
        except self.LOST as error:
            if "AcraCensor" not in str(error):
                raise
            self._expect("refused", "refused")
        else:
            self._expect("answered", "refused")
        found = self._rows_of(db, "SELECT count(*) FROM written WHERE id = %s", (number,))
        self._expect(found, [(1,)])
        self._rows_of(db, "ROLLBACK")

    def _written(self, db) -> None:
        number = self._unique()
        self._rows_of(db, "INSERT INTO written VALUES (%s)", (number,))
        self._rows_of(db, "COMMIT")
        found = self._rows_of(db, "SELECT id FROM written WHERE id = %s", (number,))
        self._expect(found, [(number,)])


class Pymysql(_Maria):
    """Rows in text form."""

    LOST = (pymysql.err.Error,)

    def _login(self):
        return pymysql.connect(
            host="127.0.0.1",
            port=self._port,
            user=USER,
            password=PASSWORD,
            database=DATABASE,
            ssl_disabled=True,
            local_infile=True,
            autocommit=self.AUTOCOMMIT,
            connect_timeout=loads.PATIENCE,
            read_timeout=loads.PATIENCE,
        )

    def _rows_of(self, db, text, values=()) -> list:
        with db.cursor() as cursor:
            cursor.execute(text, values)
            return list(cursor.fetchall())


class Connector(_Maria):
    """Prepared statements: rows in binary form."""

    LOST = (mysql.connector.Error, OSError)

    def _login(self):
        return mysql.connector.connect(
            host="127.0.0.1",
            port=self._port,
            user=USER,
            password=PASSWORD,
            database=DATABASE,
            ssl_disabled=True,
            use_pure=True,
            autocommit=self.AUTOCOMMIT,
            connection_timeout=loads.PATIENCE,
        )

    def _rows_of(self, db, text, values=()) -> list:
        with db.cursor(prepared=text not in ("BEGIN", "COMMIT", "ROLLBACK")) as cursor:
            cursor.execute(text, values)
            return list(cursor.fetchall()) if cursor.with_rows else []


def kinds() -> tuple[type[loads.Client], ...]:
    """Each kind of client."""
    return Pymysql, Connector
