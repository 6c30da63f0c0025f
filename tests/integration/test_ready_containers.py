"""Containers that a client writes which ``read`` leaves out: it may have them from that column."""

from __future__ import annotations

import psycopg

from acra_twisted import purposes
from acra_twisted.crypto import acrablock, envelopes
from tests.integration.protected import ProtectedCase, token_store

CONFIG = """
schemas:
  - table: people
    encrypted:
      - {column: hidden, data_type: str, read: [others alone]}
      - {column: secret, read: [others alone]}
      - {column: name, data_type: str}
      - {column: raw}
      - {column: email, data_type: str, searchable: true}
      - {column: card, masking: xxxx, plaintext_length: 4, plaintext_side: left, data_type: str}
      - {column: token, token_type: bytes}
      - {column: word, token_type: str}
"""
TABLE = (
    "CREATE TABLE people (id int PRIMARY KEY, hidden bytea, secret bytea, name bytea, raw bytea,"
    " email bytea, card bytea, token bytea, word text)"
)


class Ready(ProtectedCase):
    config = CONFIG
    table = TABLE

    @classmethod
    def make_served(cls):
        return cls.protect(cls.keys, token_store(cls.keys))

    def setUp(self):
        super().setUp()
        self.db = self.connect(self.served)
        self.addCleanup(self.db.close)
        self.db.execute(
            "INSERT INTO people (id, hidden, secret) VALUES (1, 'of nobody', 'of nobody')"
        )
        [(self.text, self.bytes)] = self.db.execute("SELECT hidden, secret FROM people").fetchall()
        self.assertTrue(self.text.startswith("\\x252525"))
        self.assertTrue(self.bytes.startswith(b"%%%"))

    def refused(self, text, values=()):
        with self.assertRaises(psycopg.Error) as caught:
            self.db.execute(text, values)
        self.assertEqual(caught.exception.sqlstate, "42501")
        self.assertIn("may not read every column", str(caught.exception))

    def test_they_are_not_stored_where_it_reads(self):
        for column, value in (
            ("name", self.text),
            ("raw", self.bytes),
            ("email", self.text),
            ("card", self.text),
        ):
            self.refused(f"UPDATE people SET {column} = %s", (value,))
            literal = value if isinstance(value, str) else "\\x" + value.hex()
            self.refused(f"UPDATE people SET {column} = '{literal}'")
        self.refused("UPDATE people SET raw = %s", (self.bytes[12:],))
        with (
            self.assertRaises(psycopg.Error),
            self.db.cursor().copy("COPY people (id, name) FROM STDIN") as copy,
        ):
            copy.write_row((2, self.text))

    def test_they_are_not_searched_for(self):
        self.db.execute("UPDATE people SET email = 'of nobody'")
        self.refused("SELECT id FROM people WHERE email = %s", (self.text,))

    def test_they_go_back_where_they_were(self):
        self.db.execute("UPDATE people SET hidden = %s, secret = %s", (self.text, self.bytes))
        found = self.db.execute("SELECT hidden, secret FROM people").fetchall()
        self.assertEqual(found, [(self.text, self.bytes)])

    def test_tokens_lead_to_what_was_written(self):
        """No container is opened that is the value of a token."""
        self.db.execute("UPDATE people SET token = %s, word = %s", (self.bytes, self.text))
        found = self.db.execute("SELECT token, word FROM people").fetchall()
        self.assertEqual(found, [(self.bytes, self.text)])

    def test_those_of_others_pass(self):
        """A container that does not open may be written back."""
        block = envelopes.wrap("acrablock", acrablock.create(b"x", bytes(32), b"", bytes))
        self.db.execute("UPDATE people SET raw = %s", (block,))
        self.assertEqual(self.db.execute("SELECT raw FROM people").fetchall(), [(block,)])

    def test_a_client_that_reads_all_writes_its_own(self):
        keys = self.make_keys("others alone")
        served = self.protect(keys, token_store(keys))
        with self.connect(served) as db:
            [secret] = keys.store.keys(purposes.STORAGE_SYMMETRIC, "others alone")
            block = envelopes.wrap("acrablock", acrablock.create(b"y", secret.value, b"", bytes))
            db.execute("UPDATE people SET raw = %s", (block,))
            self.assertEqual(db.execute("SELECT raw FROM people").fetchall(), [(b"y",)])
