"""Portals are read by FETCH: each shows what it was bound for, to those who may read it."""

from __future__ import annotations

import socket

from tests.integration.base import raw_session
from tests.integration.protected import ProtectedCase
from tests.support.sessions import SYNC, bind, execute, message, messages, parse, query

CONFIG = """
schemas:
  - table: people
    columns: [id, name, email]
    encrypted:
      - {column: name, data_type: str, read: [another application]}
      - {column: email, data_type: str}
"""
BOTH = b"SELECT %b FROM people UNION ALL SELECT %b FROM people"
NAMES, MAILS = BOTH % (b"name", b"name"), BOTH % (b"email", b"email")


class FetchedPortals(ProtectedCase):
    config = CONFIG
    table = "CREATE TABLE people (id int, name bytea, email bytea)"
    secrets = ("Zaphodius", "zaphodius@example.org")

    def setUp(self):
        super().setUp()
        with self.connect(self.served, prepare_threshold=None) as db:
            for number in range(3):
                db.execute(
                    "INSERT INTO people VALUES (%s, 'Zaphodius', 'zaphodius@example.org')",
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
                    self.assertEqual(b"zaphodius@" in got, first == b"mails")
                    got += self.talk(
                        raw, message(b"C", b"P" + other + b"\0"), bind(other, second), SYNC
                    )
                    got += self.talk(raw, bind(b"", b"fetch"), execute(), SYNC)
                    got += self.talk(raw, execute(b"g"), SYNC)
                    self.assertNotIn(b"Zaphodius", got)

    def test_a_portal_goes_on_as_it_was_bound(self):
        with raw_session(self.served.port) as raw:
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
