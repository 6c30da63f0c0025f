"""Two databases with the same tables: one that AcraServer protects, and its twin without."""

from __future__ import annotations

from typing import NamedTuple

import psycopg

from acra_twisted import purposes
from acra_twisted.wire.postgres.copytuples import SIGNATURE
from tests.integration.protected import ProtectedCase, token_store
from tests.support.twinstatements import Drawn
from tests.support.twinvalues import CONFIG, KINDS, MARK, ORDER, SEALED, TOKENS, pool

OTHER = "another application"
#: How a refusal of the stage begins, and its SQLSTATEs.
REFUSED = ("0A000", "42501")
_ROWS = [
    [pool(column)[number % len(pool(column))] for column in ORDER[1:-1]] for number in range(3)
]
_SEEDED = [
    (1, *_ROWS[0], "plain"),
    (2, *_ROWS[1], "it's plain"),
    (3, *(None if number % 3 else one for number, one in enumerate(_ROWS[0])), ""),
    (4, *[None] * (len(ORDER) - 1)),
]
_ROW = f"({', '.join(['%s'] * len(ORDER))})"
_SEED = f"INSERT INTO people ({', '.join(ORDER)}) VALUES {', '.join([_ROW] * len(_SEEDED))}"


class Failed(NamedTuple):
    """An error; those of one SQLSTATE are alike."""

    sqlstate: str
    text: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Failed) and other.sqlstate == self.sqlstate

    def __hash__(self) -> int:
        return hash(self.sqlstate)

    @property
    def is_refusal(self) -> bool:
        return self.sqlstate in REFUSED


class TwinCase(ProtectedCase):
    """``served`` is the chain of the client that owns the values, ``strange`` that of another."""

    config = CONFIG

    @classmethod
    def make_served(cls):
        for purpose in (purposes.SEARCH_HMAC, purposes.STORAGE, purposes.STORAGE_SYMMETRIC):
            cls.keys.writer.generate(purpose, OTHER)
        cls.make_databases()
        cls.strange = cls.serve(OTHER)
        return cls.serve(cls.client)

    @classmethod
    def make_databases(cls):
        with cls.direct() as db:
            for name in ("protected", "twin"):
                db.execute(f"CREATE DATABASE {name}")
            db.execute("ALTER DATABASE twin SET log_statement = none")
            db.execute("ALTER DATABASE twin SET log_min_messages = panic")
            db.execute("ALTER DATABASE twin SET log_min_error_statement = panic")
        for name in ("protected", "twin"):
            sealed = "bytea" if name == "protected" else None
            kinds = {c: sealed if sealed and c in SEALED else KINDS[c] for c in ORDER[1:]}
            columns = ", ".join(f"{column} {kind}" for column, kind in kinds.items())
            with cls.direct(dbname=name) as db:
                db.execute(f"CREATE TABLE people (id int PRIMARY KEY, {columns})")
                db.execute("CREATE VIEW seen AS SELECT * FROM people")
                db.execute("CREATE TABLE other (pid int, title text)")
                db.execute("INSERT INTO other SELECT n, 'title ' || n FROM generate_series(1, 5) n")

    @classmethod
    def serve(cls, client):
        sections = {"server": {"client_id": client}, "logging": {"v": "false"}}
        return cls.protect(cls.keys, {**sections, **token_store(cls.keys)})

    def setUp(self):
        self.twin, self.raw = self.direct(dbname="twin"), self.direct(dbname="protected")
        self.ours = self.connect(self.served, dbname="protected")
        self.stranger = self.connect(self.strange, dbname="protected")
        for db in (self.twin, self.raw, self.ours, self.stranger):
            self.addCleanup(db.close)
            db.execute("SET statement_timeout = 60000")

    def seed(self):
        for db in (self.twin, self.raw):
            db.execute("TRUNCATE people")
        for db in (self.twin, self.ours):
            db.execute(_SEED, [one for row in _SEEDED for one in row], prepare=False)

    def stored(self):
        return self.raw.execute("SELECT people::text FROM people ORDER BY id").fetchall()

    def check_stored(self):
        """Every value is a container or a token, and that of the twin's value."""
        for column in SEALED:
            for (value,) in self.raw.execute(f"SELECT {column} FROM people"):
                if value:
                    self.assertIn(b"%%%", value)
                    self.assertNotIn(MARK.encode(), value)
        for column in TOKENS:
            for (value,) in self.raw.execute(f"SELECT {column} FROM people"):
                self.assertNotIn(value, [one for one in pool(column) if one != ""])
        everything = Drawn("all", "SELECT * FROM people ORDER BY id", None)
        self.assertEqual(run(self.ours, everything, False), run(self.twin, everything, False))


def binary_rows(copied: bytes) -> list[list[bytes | None]]:
    """Return the fields of each row of a binary COPY without extensions, in its order.

    The order is that of the table's pages, and containers fill pages sooner than values do."""
    assert copied.startswith(SIGNATURE + bytes(8)), copied[:20]
    at, rows = len(SIGNATURE) + 8, []
    while (count := int.from_bytes(copied[at : at + 2], "big", signed=True)) != -1:
        at += 2
        fields: list[bytes | None] = []
        for _ in range(count):
            size = int.from_bytes(copied[at : at + 4], "big", signed=True)
            at += 4
            fields.append(copied[at : at + size] if size >= 0 else None)
            at += max(size, 0)
        rows.append(fields)
    assert copied[at + 2 :] == b"", copied[at:]
    return rows


def run(db, one: Drawn, binary: bool):
    """Return the answer of a database: of each statement its tag, its columns and its rows in no
    order; or the SQLSTATE of an error."""
    try:
        if one.data is not None:
            cursor = db.cursor()
            with cursor.copy(one.text) as copy:
                copy.write(one.data)
            return cursor.statusmessage
        if one.kind == "copied":
            with db.cursor().copy(one.text) as copy:
                pieces = [bytes(row) for row in copy]
            if "binary" in one.text:
                return sorted(binary_rows(b"".join(pieces)), key=repr)
            return sorted(pieces)
        cursor = db.cursor(binary=binary and one.parameters is not None)
        prepare = binary if one.parameters is not None else False
        cursor.execute(one.text.encode(), one.parameters, prepare=prepare)
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
