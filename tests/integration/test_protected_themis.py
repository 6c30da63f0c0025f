"""Stored values of protected columns and real Themis: each opens what the other has made."""

from __future__ import annotations

import hashlib
import hmac
import os

from acra_twisted import purposes
from acra_twisted.crypto import envelopes
from acra_twisted.crypto.envelopes import ACRABLOCK, ACRASTRUCT
from acra_twisted.themis import keys
from tests.integration.protected import ProtectedCase
from tests.support.themis_peer import ThemisError, ThemisPeer

CONFIG = """
schemas:
  - table: people
    encrypted:
      - {column: name, data_type: str}
      - {column: email, data_type: str, searchable: true}
      - {column: age, data_type: int32}
      - {column: card, data_type: str, masking: xxxx, plaintext_length: 4, plaintext_side: right}
      - {column: old, data_type: str, crypto_envelope: acrastruct, reencrypting_to_acrablocks: true}
      - {column: kept, crypto_envelope: acrastruct, reencrypting_to_acrablocks: false}
"""
COLUMNS = "name, email, age, card, old, kept"
ROW = ("Zaphodius", "zaphod@example.com", 4711, "4012888888881881", "Trilliania", b"\0Marvin\xff")
#: What of each value is encrypted.
SEALED = (b"Zaphodius", b"zaphod@example.com", b"4711", b"401288888888", b"Trilliania", ROW[5])
TYPES = (25, 25, 23, 25, 25, 17)
KINDS = (*[ACRABLOCK] * 4, *[ACRASTRUCT] * 2)


class Themis(ProtectedCase):
    config = CONFIG
    table = (
        "CREATE TABLE people (id int, name bytea, email bytea, age bytea, card bytea, old bytea,"
        " kept bytea)"
    )
    secrets = ("Zaphodius", "zaphod@", "401288888888", "Trilliania", "Marvin")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.themis = ThemisPeer()
        cls.addClassCleanup(cls.themis.stop)
        private, *_ = cls.keys.store.keys(purposes.STORAGE, cls.client)
        [hashing] = cls.keys.store.keys(purposes.SEARCH_HMAC, cls.client)
        cls.key, cls.private = cls.keys.symmetric_key, keys.encode_private(private)
        cls.public = keys.encode_public(cls.keys.storage_public_key)
        cls.hash = b"\x7f" + hmac.digest(bytes(hashing.value), SEALED[1], hashlib.sha256)

    def opened(self, kind, data):
        """Return the content of a container, as real Themis opens it."""
        if kind == ACRABLOCK:
            return self.themis.call("acrablock_open", key=self.key, data=data)["message"]
        return self.themis.call("acrastruct_open", private=self.private, data=data)["message"]

    def made(self, kind, text):
        """A container that real Themis makes."""
        if kind == ACRABLOCK:
            inner = self.themis.call("acrablock_create", key=self.key, message=text)["data"]
        else:
            inner = self.themis.call("acrastruct_create", public=self.public, message=text)["data"]
        return envelopes.wrap(kind, inner)

    def stored(self):
        """The values of a row that real Themis has sealed, as the columns store them."""
        found = [self.made(*one) for one in zip(KINDS, SEALED, strict=True)]
        found[1] = self.hash + found[1]
        found[3] += b"1881"
        return found

    def assert_read(self, db):
        for binary in (False, True):
            cursor = db.cursor(binary=binary)
            cursor.execute(f"SELECT {COLUMNS} FROM people WHERE email = %s", (ROW[1],))
            self.assertEqual(cursor.fetchall(), [ROW])
            self.assertEqual([one.type_code for one in cursor.description], list(TYPES))

    def test_themis_opens_what_applications_write(self):
        with self.connect(self.served) as db:
            text = f"INSERT INTO people ({COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s)"
            db.execute(text, ROW)
            db.execute(text, ROW, binary=True)
            with db.cursor().copy(f"COPY people ({COLUMNS}) FROM STDIN") as copy:
                copy.write_row(ROW)
        with self.direct() as db:
            rows = db.execute(f"SELECT {COLUMNS} FROM people").fetchall()
        self.assertEqual(len(rows), 3)
        for row in rows:
            for value, kind, sealed in zip(row, KINDS, SEALED, strict=True):
                self.assert_sealed(value)
                [found] = envelopes.outermost(value)
                self.assertEqual((found.kind, self.opened(kind, found.data(value))), (kind, sealed))
            self.assertEqual(row[1][:33], self.hash)
            self.assertEqual(row[3][-4:], b"1881")
            damaged = bytearray(row[0])
            damaged[-1] ^= 1
            [found] = envelopes.outermost(bytes(damaged))
            with self.assertRaises(ThemisError):
                self.opened(ACRABLOCK, found.data(bytes(damaged)))

    def test_applications_read_what_themis_has_sealed(self):
        places = ", ".join(["%s"] * len(KINDS))
        with self.direct() as db:
            db.execute(f"INSERT INTO people ({COLUMNS}) VALUES ({places})", self.stored())
        with self.connect(self.served) as db:
            self.assert_read(db)
            db.execute("UPDATE people SET id = 7 WHERE email = %s", (ROW[1],))
            self.assertEqual(db.execute("SELECT id FROM people").fetchall(), [(7,)])
            # Sealed by other keys, or damaged: closed for everybody.
            with self.direct() as other:
                other.execute(
                    "UPDATE people SET name = %s",
                    (
                        envelopes.wrap(
                            ACRABLOCK,
                            self.themis.call(
                                "acrablock_create", key=os.urandom(32), message=SEALED[0]
                            )["data"],
                        ),
                    ),
                )
            [(name,)] = db.execute("SELECT name FROM people").fetchall()
            self.assertTrue(name.startswith("\\x252525"), name)

    def test_applications_write_what_themis_has_sealed(self):
        """It is stored as it is, or as an AcraBlock where the column asks for that."""
        values = self.stored()
        values[0] = self.made(ACRASTRUCT, SEALED[0])
        values[1] = values[1][33:]
        places = ", ".join(["%s"] * len(KINDS))
        given = [f"\\x{one.hex()}" for one in values]
        # A number has no form for a container.
        given[2] = str(ROW[2])
        with self.connect(self.served) as db:
            db.execute(f"INSERT INTO people ({COLUMNS}) VALUES ({places})", given)
            self.assert_read(db)
        with self.direct() as db:
            [row] = db.execute(f"SELECT {COLUMNS} FROM people").fetchall()
        for at in (3, 4, 5):
            self.assertEqual(row[at], values[at])
        self.assertEqual(row[1], self.hash + values[1])
        [found] = envelopes.outermost(row[0])
        self.assertEqual(found.kind, ACRABLOCK)
        self.assertEqual(self.opened(ACRABLOCK, found.data(row[0])), SEALED[0])
