"""Statements about protected columns, and a twin: the same database without any protection.

Each statement is refused, or answered as the twin answers it.  Nothing else happens.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import NamedTuple

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acra_twisted import purposes
from acra_twisted.sandbox.keys import Keys
from acra_twisted.sandbox.postgres import SUPERUSER, Postgres
from tests.integration.base import Surroundings
from tests.support.twinstatements import MARK, NUMBERS, PROTECTED, Drawn, statements

CONFIG = """
schemas:
  - table: people
    columns: [id, name, email, age, raw, card, note]
    encrypted:
      - {column: name, data_type: str}
      - {column: email, data_type: str, searchable: true}
      - {column: age, data_type: int32, searchable: true}
      - {column: raw, data_type: bytes}
      - {column: card, data_type: str, masking: xxxx, plaintext_length: 0, plaintext_side: right}
"""
COLUMNS = {"name": "text", "email": "text", "age": "int", "raw": "bytea", "card": "text"}
SEED = "INSERT INTO people (id, name, email, age, raw, card, note) VALUES " + ", ".join(
    ["(%s, %s, %s, %s, %s, %s, %s)"] * 4
)
SEEDED = [
    *(1, MARK, MARK, NUMBERS[0], MARK.encode(), MARK, "plain"),
    *(2, f"{MARK} two", MARK, NUMBERS[1], b"", "", "it's plain"),
    *(3, "", f"{MARK} it's", NUMBERS[0], None, f"{MARK} three", ""),
    *(4, None, None, None, MARK.encode(), None, None),
]
#: How a refusal of the stage begins, and its SQLSTATEs.
REFUSED = ("0A000", "42501")
EXAMPLES = int(os.environ.get("ACRA_TWIN_EXAMPLES", "40"))
#: Each kind of statement is answered at least once in so many times.
ANSWERED = {"insert": 3, "update": 3, "delete": 2, "merge": 4, "select": 3, "cursor": 3}


class Failed(NamedTuple):
    """An error; those of one SQLSTATE are alike."""

    sqlstate: str
    text: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Failed) and other.sqlstate == self.sqlstate

    def __hash__(self) -> int:
        return hash(self.sqlstate)


class Twins(Surroundings):
    @classmethod
    def make_postgres(cls):
        return Postgres(settings=["log_statement = all", "log_parameter_max_length = -1"])

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with cls.direct("postgres") as db:
            for name in ("protected", "twin"):
                db.execute(f"CREATE DATABASE {name}")
            db.execute("ALTER DATABASE twin SET log_statement = none")
            db.execute("ALTER DATABASE twin SET log_min_messages = panic")
            db.execute("ALTER DATABASE twin SET log_min_error_statement = panic")
        for name in ("protected", "twin"):
            with cls.direct(name) as db:
                kinds = {c: "bytea" if name == "protected" else k for c, k in COLUMNS.items()}
                columns = ", ".join(f"{column} {kind}" for column, kind in kinds.items())
                db.execute(f"CREATE TABLE people (id int PRIMARY KEY, {columns}, note text)")
                db.execute("CREATE VIEW seen AS SELECT * FROM people")
                db.execute("CREATE TABLE other (pid int, title text)")
                db.execute("INSERT INTO other SELECT n, 'title ' || n FROM generate_series(1, 5) n")
        keys = Keys(cls.folder, "people application")
        keys.writer.generate(purposes.SEARCH_HMAC, keys.client_id)
        config = cls.folder / "encryptor.yaml"
        config.write_text(CONFIG)
        cls.served = cls.chain(
            link="none",
            keys=keys,
            server={
                "pipeline": {"stages": "encryptor, decryptor"},
                "stage:encryptor": {"config_file": str(config)},
                "logging": {"v": "false"},
            },
        )
        cls.outcomes = Counter()

    @classmethod
    def direct(cls, database):
        return psycopg.connect(
            host="127.0.0.1",
            port=cls.postgres.port,
            user=SUPERUSER,
            dbname=database,
            autocommit=True,
        )

    def setUp(self):
        self.twin, self.raw = self.direct("twin"), self.direct("protected")
        self.ours = self.connect(self.served, dbname="protected")
        for db in (self.twin, self.raw, self.ours):
            self.addCleanup(db.close)
            db.execute("SET statement_timeout = 5000")

    def test_statements_are_answered_like_the_twin_or_refused(self):
        @given(st.lists(statements(), min_size=1, max_size=25), st.booleans())
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=False,
        )
        def same(drawn, binary):
            for db in (self.twin, self.raw):
                db.execute("TRUNCATE people")
            for db in (self.twin, self.ours):
                db.execute(SEED, SEEDED, prepare=False)
            for one in drawn:
                self.compare(one, binary)
            self.check_stored()

        same()
        for kind, least in ANSWERED.items():
            answered = self.outcomes[kind, "answered"]
            tried = sum(count for (one, _), count in self.outcomes.items() if one == kind)
            self.assertGreaterEqual(answered * least, tried, (kind, self.outcomes))
        log = (self.postgres.folder / "postgres.log").read_bytes()
        self.assertIn(b"people", log)
        for secret in (MARK, *map(str, NUMBERS)):
            self.assertNotIn(secret.encode(), log)

    def compare(self, one: Drawn, binary: bool) -> None:
        before = self.stored()
        ours = run(self.ours, one, binary)
        if isinstance(ours, Failed) and ours.sqlstate in REFUSED:
            self.outcomes[one.kind, "refused"] += 1
            self.assertEqual(self.stored(), before, one)
            return
        twin = run(self.twin, one, binary)
        self.assertEqual(ours, twin, one)
        self.outcomes[one.kind, "failed" if isinstance(ours, Failed) else "answered"] += 1

    def stored(self):
        return self.raw.execute("SELECT people::text FROM people ORDER BY id").fetchall()

    def check_stored(self):
        """Every value is a container, and that of the twin's value."""
        for column in PROTECTED:
            for (value,) in self.raw.execute(f"SELECT {column} FROM people"):
                if value:
                    self.assertIn(b"%%%", value)
                    self.assertNotIn(MARK.encode(), value)
        everything = Drawn("all", "SELECT * FROM people ORDER BY id", None)
        self.assertEqual(run(self.ours, everything, False), run(self.twin, everything, False))


def run(db, one: Drawn, binary: bool):
    """Return the answer of a database: of each statement its tag, its columns and its rows in no
    order; or the SQLSTATE of an error."""
    try:
        if one.kind == "copied":
            with db.cursor().copy(one.text) as copy:
                return sorted(bytes(row) for row in copy)
        cursor = db.cursor(binary=binary and one.parameters is not None)
        cursor.execute(one.text.encode(), one.parameters, prepare=None if one.parameters else False)
        found = []
        while True:
            described = cursor.description or ()
            rows = cursor.fetchall() if described else []
            columns = [(column.name, column.type_code) for column in described]
            found.append((cursor.statusmessage, columns, sorted(rows, key=repr)))
            if not cursor.nextset():
                return found
    except psycopg.Error as error:
        if db.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
            db.rollback()
        return Failed(str(error.sqlstate), str(error))
