"""Portals are read by FETCH: each shows what it was bound for, to those who may read it."""

from __future__ import annotations

import socket

from tests.integration.base import raw_session
from tests.integration.protected import ProtectedCase
from tests.support.sessions import SYNC, bind, execute, message, messages, parse, query

CONFIG = """
schemas:
  - table: people
    columns: [id, name, email, age]
    encrypted:
      - {column: name, data_type: str, read: [another application]}
      - {column: email, data_type: str}
      - {column: age, data_type: int32}
"""
BOTH = b"SELECT %b FROM people UNION ALL SELECT %b FROM people"
NAMES, MAILS, AGES = (BOTH % (name, name) for name in (b"name", b"email", b"age"))


class FetchedBase(ProtectedCase):
    """The client of ``served`` may not read names; that of ``free`` reads everything."""

    config = CONFIG
    table = "CREATE TABLE people (id int, name bytea, email bytea, age bytea)"
    secrets = ("Zaphodius", "zaphodius@example.org")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        config = cls.folder / "free.yaml"
        config.write_text(CONFIG.replace(", read: [another application]", ""))
        cls.free = cls.protect(cls.keys, {"encryptor": {"encryptor_config_file": str(config)}})

    def setUp(self):
        super().setUp()
        with self.connect(self.served, prepare_threshold=None) as db:
            for number in range(3):
                db.execute(
                    "INSERT INTO people VALUES (%s, 'Zaphodius', 'zaphodius@example.org', 4711)",
                    (number,),
                )

    def talk(self, raw: socket.socket, *requests: bytes) -> bytes:
        """The replies to a batch, up to the database's being ready."""
        raw.sendall(b"".join(requests))
        got = b""
        while not got or not any(kind == "Z" for kind, _ in messages(got)):
            more = raw.recv(1 << 16)
            assert more, "the session has ended"
            got += more
        return got


class FetchedPortals(FetchedBase):
    def begin(self, raw: socket.socket, fetched: bytes) -> None:
        self.talk(raw, query(b"ROLLBACK; DEALLOCATE ALL"))
        self.talk(raw, query(b"BEGIN"))
        self.talk(
            raw,
            *(parse(b"names", NAMES), parse(b"mails", MAILS), parse(b"none", b"SELECT 1")),
            *(parse(b"fetch", b"FETCH ALL FROM " + fetched), SYNC),
        )

    def test_nobody_gets_the_values_of_another_portal(self):
        with raw_session(self.served.port) as raw:
            for portal, other in ((b"p", b"p"), (b"p" * 64, b"p" * 63), (b"p" * 63, b"p" * 70)):
                for first, second in ((b"names", b"mails"), (b"mails", b"names")):
                    self.begin(raw, portal)
                    got = self.talk(
                        raw, bind(portal, first), bind(b"g", b"fetch"), execute(b"g", 1), SYNC
                    )
                    got += self.talk(
                        raw, message(b"C", b"P" + other + b"\0"), bind(other, second), SYNC
                    )
                    got += self.talk(raw, bind(b"", b"fetch"), execute(), SYNC)
                    got += self.talk(raw, execute(b"g"), SYNC)
                    self.assertNotIn(b"Zaphodius", got)

    def test_a_portal_goes_on_as_it_was_bound(self):
        with raw_session(self.free.port) as raw:
            self.begin(raw, b"p")
            self.talk(raw, bind(b"p", b"mails"), bind(b"g", b"fetch"), execute(b"g", 1), SYNC)
            close = message(b"C", b"Pp\0")
            got = self.talk(raw, close, bind(b"p", b"none"), bind(b"", b"fetch"), execute(), SYNC)
            self.assertNotIn(b"zaphodius@", got)
            got = self.talk(raw, execute(b"g"), SYNC)
            self.assertEqual(got.count(b"zaphodius@"), 5)
            self.talk(raw, query(b"ROLLBACK"))
            # All in one batch.
            self.talk(raw, query(b"BEGIN"))
            got = self.talk(
                *(raw, bind(b"p", b"mails"), bind(b"", b"fetch"), execute(b"", 0), close),
                *(bind(b"p", b"none"), bind(b"", b"fetch"), execute(), SYNC),
            )
            self.assertEqual(got.count(b"zaphodius@"), 6)


class NamesGivenAway(FetchedBase):
    """Code of the database gives the name of a cursor, portal or statement to another one."""

    def setUp(self):
        super().setUp()
        with self.direct() as db:
            db.execute(
                "CREATE OR REPLACE FUNCTION reopen(c refcursor, q text) RETURNS int LANGUAGE"
                " plpgsql AS $$ BEGIN CLOSE c; OPEN c FOR EXECUTE q; RETURN 1; END $$;"
                "CREATE OR REPLACE FUNCTION run(q text) RETURNS int LANGUAGE"
                " plpgsql AS $$ BEGIN EXECUTE q; RETURN 1; END $$"
            )

    def hidden(self, text: bytes) -> bytes:
        """A literal for a text that names no protected table."""
        return b"'" + text.replace(b"people", b"peo' || 'ple") + b"'"

    def test_a_portal_and_a_cursor(self):
        direct = b"SELECT email FROM people"
        for first in (MAILS, direct):
            for make in (
                lambda raw, text: self.talk(raw, parse(b"s", text), bind(b"c", b"s"), SYNC),
                lambda raw, text: self.talk(raw, query(b"DECLARE c CURSOR FOR " + text)),
            ):
                with raw_session(self.served.port) as raw:
                    self.talk(raw, query(b"BEGIN"))
                    make(raw, first)
                    got = self.talk(raw, query(b"SELECT reopen('c', " + self.hidden(NAMES) + b")"))
                    self.assertIn(b"SELECT 1", got)
                    for way in (query(b"FETCH 1 FROM c"), execute(b"c", 1) + SYNC):
                        self.talk(raw, query(b"SAVEPOINT s"))
                        self.assertNotIn(b"Zaphodius", self.talk(raw, way))
                        self.talk(raw, query(b"ROLLBACK TO s"))

    def test_a_statement(self):
        direct = b"SELECT email FROM people"
        for first in (MAILS, direct):
            for make, ask in (
                (parse(b"s", first) + SYNC, bind(b"", b"s") + execute() + SYNC),
                (query(b"PREPARE s AS " + first), query(b"EXECUTE s")),
            ):
                with raw_session(self.served.port) as raw:
                    self.talk(raw, make)
                    got = self.talk(raw, ask)
                    if make[:1] == b"P":
                        self.assertEqual(got.count(b"zaphodius@"), 6 if first is MAILS else 3)
                    self.assertNotIn(b"Zaphodius", got)
                    self.talk(raw, query(b"SELECT run('DEALLOCATE s')"))
                    prepare = self.hidden(b"PREPARE s AS " + NAMES)
                    got = self.talk(raw, query(b"SELECT run(" + prepare + b")"))
                    self.assertIn(b"SELECT 1", got)
                    for _ in range(2):
                        self.assertNotIn(b"Zaphodius", self.talk(raw, ask), (first, ask))

    def test_who_reads_everything_reads_by_names(self):
        with raw_session(self.free.port) as raw:
            self.talk(raw, query(b"BEGIN"))
            self.talk(raw, query(b"DECLARE c CURSOR FOR " + NAMES))
            self.assertEqual(self.talk(raw, query(b"FETCH 4 FROM c")).count(b"Zaphodius"), 4)
            self.talk(raw, query(b"PREPARE s AS " + NAMES))
            self.assertEqual(self.talk(raw, query(b"EXECUTE s")).count(b"Zaphodius"), 6)
            self.talk(raw, parse(b"q", NAMES), bind(b"p", b"q"), execute(b"p", 2), SYNC)
            self.assertEqual(self.talk(raw, execute(b"p", 3), SYNC).count(b"Zaphodius"), 3)
