"""Fuzzing of what plans MySQL statements on protected columns: ``make fuzz
TARGET=mycolumns``.

An input is a text.  What is sent for it runs at a MariaDB that refuses plaintext in the protected
columns, as an account that may read and write rows.  Wrong is: any exception, a value that the
database takes for plaintext, and a plan that takes longer than the limit.

    python -m tests.fuzz.mycolumns FOLDER -max_total_time=60     (FOLDER: inputs, kept and extended)
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from tests.fuzz.numbered import Inputs, kept
from tests.fuzz.starting import DICTIONARY, instrumented, start

with instrumented("acra_twisted.sql", "acra_twisted.encryption"):
    from tests.fuzz import rules
    from tests.support.mysqlplanning import MODE, planner

import pymysql
from pymysql.constants import CLIENT

from acra_twisted.sandbox.endings import bound, with_make
from acra_twisted.sandbox.mariadb import MariaDB
from tests.fuzz.words import Mutator
from tests.support.mysqlrefusing import IN_CLEAR, created, filled_in

_PORT = "ACRA_FUZZ_MARIADB"
_LONGEST = 1_000
#: What may have an effect on the texts behind it.
_LASTING = re.compile(rb"^\W*(?:set|use|lock|prepare|execute|begin|handler|call)\b|;", re.I)
_ACCOUNT, _PASSWORD = "fuzzer", "no secret"  # noqa: S105 - of a server of its own


class Database:
    """Runs texts, each in a transaction that is taken back."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._connect()

    def _connect(self) -> None:
        self._db = pymysql.connect(
            host="127.0.0.1",
            port=self._port,
            user=_ACCOUNT,
            password=_PASSWORD,
            database="shop",
            charset="utf8mb4",
            client_flag=CLIENT.MULTI_STATEMENTS,
            read_timeout=10,
        )
        with self._db.cursor() as cursor:
            cursor.execute("SET max_statement_time = 2")

    def numbers(self, text: bytes) -> set[int]:
        """Run a text; return the numbers of its errors."""
        found: set[int] = set()
        try:
            with self._db.cursor() as cursor:
                cursor.execute("START TRANSACTION")
                cursor.execute(text)  # type: ignore[arg-type]  # bytes go as they are
                while cursor.nextset():
                    pass
        except pymysql.err.MySQLError as error:
            found.add(error.args[0] if error.args else 0)
        except (UnicodeDecodeError, ValueError):
            # Its answer is no text to this driver.
            pass
        try:
            self._db.rollback()
            may_last = _LASTING.search(text) is not None
        except pymysql.err.Error:
            may_last = True
        if may_last:
            # What it has set, and tables that it has locked, end with the session.
            with suppress(pymysql.err.Error):
                self._db.close()
            self._connect()
        return found


def check(data: bytes, database: Database) -> None:
    """One input.  Raises AssertionError, or what a defect raises."""
    text = data.replace(b"\0", b" ")
    planned = rules.in_time(lambda: planner().plan(text, MODE, "shop"), 1 + 1e-3 * len(text))
    sent = filled_in(planned, text)
    if sent is not None:
        assert IN_CLEAR not in database.numbers(sent), "a value would be stored in clear"


def inputs() -> Inputs:
    """Texts of every kind."""
    seeds = Path(__file__).with_name("mycolumns.sql").read_bytes().splitlines()
    return Inputs(seeds, _LONGEST, Mutator(seeds), DICTIONARY, found=kept("mycolumns"))


def fuzz(port: int) -> None:
    """Try what the command line says."""
    database = Database(port)
    assert IN_CLEAR in database.numbers(b"INSERT INTO leads (mail) VALUES ('a')")
    start(lambda data: check(data, database), inputs())


def main() -> int:
    """Run the fuzzer beside a database of its own; return its exit status."""
    with_make()
    port = os.environ.get(_PORT)
    if port:
        fuzz(int(port))
        return 0
    database = MariaDB(listens=True)
    database.start()
    try:
        database.account(_ACCOUNT, _PASSWORD)
        database.run(
            f"CREATE DATABASE shop; USE shop; {created()};"
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON shop.* TO {_ACCOUNT}@'%'"
        )
        command = bound([sys.executable, "-m", "tests.fuzz.mycolumns", *sys.argv[1:]])
        own = {**os.environ, _PORT: str(database.port)}
        return subprocess.run(command, env=own, check=False).returncode
    finally:
        database.stop()


if __name__ == "__main__":
    sys.exit(main())
