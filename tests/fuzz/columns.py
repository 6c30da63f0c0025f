"""Fuzzing of what plans statements on protected columns: ``make fuzz
TARGET=columns``.

An input is a text.  What is sent for it runs at a PostgreSQL that refuses plaintext in the
protected columns, as a role that may do nothing else.  Wrong is: any exception, a value that the
database takes for plaintext, a plan that takes longer than the limit, and one that differs from the
plan that was kept.

    python -m tests.fuzz.columns FOLDER -max_total_time=60     (FOLDER: inputs, kept and extended)
"""

from __future__ import annotations

import os
import subprocess
import sys

from tests.fuzz.numbered import Inputs, kept
from tests.fuzz.starting import DICTIONARY, instrumented, start

with instrumented("acra_twisted.sql", "acra_twisted.encryption"):
    from tests.fuzz import rules
    from tests.support.planning import MODE, PATH, planner, shown

import psycopg
from psycopg.pq import DiagnosticField, ExecStatus, TransactionStatus

from acra_twisted.encryption.postgresql.comparisons import Comparisons
from acra_twisted.sandbox.endings import bound, with_make
from acra_twisted.sandbox.postgres import SUPERUSER, Postgres
from tests.fuzz.words import Mutator
from tests.support.refusing import CREATED, IN_CLEAR, checks, filled_in
from tests.unit.encryption.postgresql import test_queries, test_writes

_DATABASE = "ACRA_FUZZ_DATABASE"
_ROLE = "fuzzer"
_LONGEST = 1_000
_COPIES = (ExecStatus.COPY_IN, ExecStatus.COPY_OUT, ExecStatus.COPY_BOTH)


class Database:
    """Runs texts, each in a transaction that is taken back."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connect()

    def _connect(self) -> None:
        self._db = psycopg.connect(self._dsn, autocommit=True)
        self._raw = self._db.pgconn
        self._raw.exec_(b"DROP OWNED BY CURRENT_USER CASCADE")
        self._raw.exec_(CREATED.format(**checks()).encode())

    def states(self, text: bytes, parameters: list[str]) -> set[str]:
        """Run a text; return the SQLSTATEs of its errors."""
        raw = self._raw
        raw.exec_(b"BEGIN")
        if parameters:
            raw.send_query_params(text, [one.encode() for one in parameters])
        else:
            raw.send_query(text)
        found = set()
        while (result := raw.get_result()) is not None:
            found.add((result.error_field(DiagnosticField.SQLSTATE) or b"").decode())
            if result.status in _COPIES:
                # Nothing is loaded here.
                break
        if raw.transaction_status == TransactionStatus.ACTIVE or raw.status != 0:
            self._db.close()
            self._connect()
            return found
        is_inside = raw.transaction_status != TransactionStatus.IDLE
        raw.exec_(b"ROLLBACK")
        if not is_inside:
            # It has ended its transaction, and may have changed tables.
            self._db.close()
            self._connect()
        return found


def check(data: bytes, database: Database) -> None:
    """One input.  Raises AssertionError, or what a defect raises."""
    text = data.replace(b"\0", b" ")
    made = planner(claims=Comparisons())
    planned = rules.in_time(
        lambda: planner(claims=Comparisons()).plan(text, MODE, PATH), 1 + 1e-3 * len(text)
    )
    made.plan(text, MODE, PATH)
    again = made.plan(text, MODE, PATH)
    assert shown(planned, "") == shown(again, ""), "a kept plan differs"
    sent = filled_in(planned, text)
    if sent is not None:
        assert IN_CLEAR not in database.states(*sent), "a value would be stored in clear"


def inputs() -> Inputs:
    """Texts that our own tests try."""
    texts = [*test_queries.PASSED]
    for pairs in (
        *(test_writes.INSERTED, test_writes.UPDATED, test_writes.OTHERS, test_writes.REFUSED),
    ):
        texts += [text for text, _ in pairs]
    seeds = [text.encode() for text in texts]
    return Inputs(seeds, _LONGEST, Mutator(seeds), DICTIONARY, found=kept("columns"))


def fuzz(dsn: str) -> None:
    """Try what the command line says."""
    database = Database(dsn)
    start(lambda data: check(data, database), inputs())


def main() -> int:
    """Run the fuzzer beside a database of its own; return its exit status."""
    with_make()
    dsn = os.environ.get(_DATABASE)
    if dsn:
        fuzz(dsn)
        return 0
    postgres = Postgres()
    postgres.start()
    try:
        place = f"host=127.0.0.1 port={postgres.port} dbname=postgres"
        with psycopg.connect(f"{place} user={SUPERUSER}", autocommit=True) as db:
            db.execute(f"CREATE ROLE {_ROLE} LOGIN; GRANT ALL ON SCHEMA public TO {_ROLE}")
            db.execute(f"ALTER ROLE {_ROLE} SET statement_timeout = 2000")
        command = bound([sys.executable, "-m", "tests.fuzz.columns", *sys.argv[1:]])
        own = {**os.environ, _DATABASE: f"{place} user={_ROLE}"}
        return subprocess.run(command, env=own, check=False).returncode
    finally:
        postgres.stop()
        postgres.remove()


if __name__ == "__main__":
    sys.exit(main())
