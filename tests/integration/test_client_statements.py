"""Statements that clients were seen to send, by AcraServer and by a twin without protection: each
is answered alike, or refused where it is known to be."""

from __future__ import annotations

import re
from typing import NamedTuple

import psycopg
from psycopg.pq import ExecStatus, TransactionStatus

from tests.integration.protected import ProtectedCase, token_store
from tests.support import planning

#: Client, outcome and text in each line.
FILE = planning.__file__.replace("planning.py", "clientstatements.txt")
CONFIG = """
schemas:
  - table: people
    encrypted:
      - {column: name, data_type: str}
      - {column: email, data_type: str, searchable: true}
      - {column: age, data_type: int32}
      - {column: card, data_type: str, masking: xxxx, plaintext_length: 4, plaintext_side: right}
      - {column: phone, token_type: str, consistent_tokenization: true}
      - {column: flag, data_type: bool}
"""
TYPES = "name {0}, email {0}, note text, age {1}, card {0}, phone text, flag {2}"
SEEDED = [
    (1, "Zaphodius", "zaphod@example.com", "note", 4711, "4012888888881881", "37255508", True),
    (2, "Trilliania", "trillian@example.com", None, None, None, None, None),
    (3, "", "zaphod@example.com", "", 5, "", "", False),
]
#: Values that no parameter gives to another column.
SECRETS = ("Trilliania", "401288888888")
#: Values of parameters by their types; others get numbers.
VALUES = {
    25: ("zaphod@example.com", "Zaphodius", "37255508", "trillian@example.com"),
    1009: ("{zaphod@example.com,x}", "{Trilliania}", "{}", "{NULL}"),
    2205: ("people", "orders", "pg_class", "people"),
}
NUMBERS = ("1", "2", "4711", "3")


class Captured(NamedTuple):
    client: str
    outcome: str
    text: str

    @property
    def is_of_catalog(self) -> bool:
        """Its answer is about the tables, whose columns have other types in a twin."""
        return bool(re.search(r"\bpg_(?!sleep)", self.text))


def captured() -> list[Captured]:
    with open(FILE, encoding="utf-8") as file:
        lines = [line.rstrip("\n") for line in file if not line.startswith("#")]
    return [Captured(*line.split(" | ", 2)) for line in lines]


class Answer(NamedTuple):
    """The SQLSTATE of an error; or the command tag, the columns with their types, and the rows in
    no order."""

    sqlstate: str
    tag: str = ""
    columns: tuple = ()
    rows: tuple = ()


def run(db: psycopg.Connection, text: str, values: list[str | None] | None) -> Answer:
    """Run a statement in the protocol of its client: without parameters as a simple query."""
    raw = text.encode()
    if values is None:
        found = db.pgconn.exec_(raw)
    else:
        found = db.pgconn.exec_params(raw, [one and one.encode() for one in values])
    if found.status == ExecStatus.FATAL_ERROR:
        return Answer(found.error_field(psycopg.pq.DiagnosticField.SQLSTATE).decode())
    width = range(found.nfields)
    rows = [tuple(found.get_value(at, one) for one in width) for at in range(found.ntuples)]
    return Answer(
        "",
        found.command_status.decode(),
        tuple((found.fname(at), found.ftype(at)) for at in width),
        tuple(sorted(rows, key=repr)),
    )


class Statements(ProtectedCase):
    config = CONFIG

    @classmethod
    def make_served(cls):
        with cls.direct() as db:
            for name in ("protected", "twin"):
                db.execute(f"CREATE DATABASE {name}")
            db.execute("ALTER DATABASE twin SET log_statement = none")
            db.execute("ALTER DATABASE twin SET log_min_messages = panic")
        return cls.protect(cls.keys, token_store(cls.keys))

    def setUp(self):
        self.twin, self.raw = self.direct(dbname="twin"), self.direct(dbname="protected")
        self.ours = self.connect(self.served, dbname="protected")
        #: Tells the types of parameters, also while the twin is in a transaction.
        self.other = self.direct(dbname="twin")
        for db in (self.twin, self.raw, self.ours, self.other):
            self.addCleanup(db.close)
            # A client deallocates all statements.
            db.prepare_threshold = None

    def begin(self):
        """Make the tables anew, with the same rows in both."""
        for db in (self.twin, self.ours):
            if db.info.transaction_status != TransactionStatus.IDLE:
                run(db, "ROLLBACK", None)
            run(db, "RESET ALL", None)
        for db, types in ((self.twin, ("text", "int", "boolean")), (self.ours, ["bytea"] * 3)):
            db.execute("DROP TABLE IF EXISTS people, orders")
            db.execute(f"CREATE TABLE people (id serial PRIMARY KEY, {TYPES.format(*types)})")
            db.execute(
                "CREATE TABLE orders (id serial PRIMARY KEY, note text, total int, title text,"
                " a text, person_id int)"
            )
            db.execute("INSERT INTO orders (total, title, person_id) VALUES (1, 't', 1)")
        for db in (self.twin, self.ours):
            for row in SEEDED:
                db.execute(f"INSERT INTO people VALUES ({', '.join(['%s'] * len(row))})", row)
            db.execute("ALTER SEQUENCE people_id_seq RESTART WITH 10")

    def values(self, text, turn):
        """Values for the parameters of a statement, None if it has none."""
        count = max(map(int, re.findall(r"\$(\d+)", text)), default=0)
        if not count:
            return None
        self.other.pgconn.prepare(b"", text.encode())
        told = self.other.pgconn.describe_prepared(b"")
        kinds = [told.param_type(at) for at in range(count)] if told.nparams == count else [0]
        kinds += [0] * (count - len(kinds))
        kinds = [25 if kind == 1043 else kind for kind in kinds]
        return [VALUES.get(kind, NUMBERS)[(at + turn) % 4] for at, kind in enumerate(kinds)]

    def test_each_is_answered_like_the_twin_or_refused(self):
        known = captured()
        self.assertGreater(len(known), 100)
        seen = {"rows": 0, "refused": 0, "written": 0}
        for turn in range(4):
            client = ""
            for one in known:
                if one.client != client:
                    self.begin()
                    client = one.client
                values = self.values(one.text, turn)
                with self.subTest(turn=turn, text=one.text, values=values):
                    self.compare(one, values, seen)
        self.check_stored()
        self.assertGreater(min(seen.values()), 20, seen)
        self.assert_not_logged(*SECRETS)

    def compare(self, one, values, seen):
        ours = run(self.ours, one.text, values)
        if one.outcome.startswith("!"):
            self.assertEqual(ours.sqlstate, "0A000")
            seen["refused"] += 1
            if self.twin.info.transaction_status != TransactionStatus.IDLE:
                # It fails there as any error does.
                run(self.twin, "no statement", None)
            return
        theirs = run(self.twin, one.text, values)
        if one.is_of_catalog:
            self.assertEqual((ours.sqlstate, ours.columns), (theirs.sqlstate, theirs.columns))
            return
        self.assertEqual(ours, theirs)
        self.assertEqual(self.ours.info.transaction_status, self.twin.info.transaction_status)
        seen["rows"] += bool(ours.rows)
        seen["written"] += one.outcome == "changed" and not ours.rows and not ours.sqlstate
        if "people" in one.text and not one.text.startswith("DROP"):
            everything = "SELECT * FROM people"
            self.assertEqual(run(self.ours, everything, None), run(self.twin, everything, None))
            self.check_stored()

    def check_stored(self):
        """No value of a protected column is there in clear."""
        for row in self.raw.execute("SELECT name, email, age, card, flag FROM people"):
            for value in row:
                if value:
                    self.assertIn(b"%%%", value)
