"""The configuration of protected columns before a start: keys of owners, readers, and tokens."""

import base64
import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import purposes
from acra_twisted.errors import ConfigError
from acra_twisted.keystore.cache import KeyCache
from acra_twisted.keystore.filesystem import FilesystemKeyStore
from acra_twisted.keystore.masterkey import VARIABLE
from acra_twisted.keystore.secret import Secret
from acra_twisted.keystore.writer import KeyWriter
from acra_twisted.options import Settings
from acra_twisted.server import columnchecks
from tests.unit.server.test_service import settings

MASTER = bytes(range(32))


class Columns(SynchronousTestCase):
    def setUp(self):
        self.patch(
            os, "environ", {**os.environ, VARIABLE: base64.b64encode(MASTER).decode("ascii")}
        )
        self.folder = Path(self.mktemp())
        self.folder.mkdir(mode=0o700)
        store = FilesystemKeyStore(os.path.abspath(self.folder), Secret(MASTER))
        self.store, self.writer = store, KeyWriter(store)

    def settings(self, *columns, **changes):
        file = Path(self.mktemp())
        shown = ", ".join(f"{{{column}}}" for column in columns)
        file.write_text(f"schemas: [{{table: people, encrypted: [{shown}]}}]")
        made = settings(
            **{
                "stages": ("encryptor", "decryptor"),
                "client_id": "",
                "encryptor_config_file": str(file),
                "keys_dir": str(self.folder),
                **changes,
            }
        )
        return Settings(made, {"encryptor": {"config_file": ""}})

    def refused(self, *columns, **changes):
        made = self.settings(*columns, **changes)
        error = self.assertRaises(ConfigError, columnchecks.check_protected, made)
        return str(error).splitlines()

    def remarks(self, *columns, **changes):
        return list(columnchecks.check_protected(self.settings(*columns, **changes)))

    def make(self, *made):
        for purpose in made:
            self.writer.generate(purpose, "payments")

    def test_a_server_that_protects_nothing(self):
        self.assertEqual(list(columnchecks.check_protected(settings(stages=("decryptor",)))), [])
        self.assertFalse(columnchecks.use_tokens(settings(stages=("decryptor",))))

    def test_keys_that_the_owner_of_a_column_needs(self):
        """Each is told by itself, with what makes it, and a column with its keys is not."""
        consistent = "token_type: str, consistent_tokenization: true"
        for kind, needed in (
            ("data_type: str", ["--generate_symmetric_storage_key"]),
            ("searchable: true", ["--generate_symmetric_storage_key", "--generate_hmac_key"]),
            ("crypto_envelope: acrastruct", ["--generate_acrawriter_keys"]),
            ("token_type: str", ["--generate_symmetric_storage_key"]),
            (consistent, ["--generate_symmetric_storage_key", "--generate_hmac_key"]),
        ):
            lines = self.refused(f"column: name, client_id: payments, {kind}")
            self.assertEqual(len(lines), len(needed), kind)
            for line, flag in zip(lines, needed, strict=True):
                self.assertIn("column people.name: there is no", line)
                self.assertTrue(line.endswith(f"--client_id='payments' {flag}"), line)
        (line,) = self.refused("column: a, client_id: payments", "column: b, client_id: payments"
                               )[1:]  # fmt: skip
        self.assertIn("people.b", line)
        self.make(purposes.STORAGE_SYMMETRIC)
        self.assertEqual(self.remarks("column: name, client_id: payments"), [])
        (line,) = self.refused("column: name, client_id: payments, searchable: true")
        self.assertIn("search HMAC key", line)
        acra = {"token_ids": "acra"}
        self.assertEqual(self.remarks(f"column: a, client_id: payments, {consistent}", **acra), [])

    def test_a_public_key_is_enough_to_write_acrastructs(self):
        column = "column: name, client_id: payments, crypto_envelope: acrastruct"
        self.make(purposes.STORAGE)
        (self.folder / "payments_storage").unlink()
        self.assertEqual(self.remarks(column), [])

    def test_what_a_start_says(self):
        """The same as a check, and missing keys of an owner as well: they may come later."""
        keys = KeyCache(self.store, 10, lambda: 0.0)

        def said(*columns, keys=keys, **changes):
            return columnchecks.missing_keys(self.settings(*columns, **changes), keys)

        plain = {"acraconnector_transport_encryption_disable": True, "client_id": "payments"}
        [owner] = said("column: name, client_id: payments")
        self.assertIn("of its client_id payments; make it by", owner)
        [client] = said("column: name", **plain)
        self.assertIn("of client_id payments, which cannot write it", client)
        [reading] = said("column: name", stages=("decryptor",), **plain)
        self.assertIn("client_id: there are no keys of the client id payments", reading)
        self.assertEqual(said("column: name", keys=None, **plain), [])
        self.assertEqual(said("column: name", stages=(), **plain), [])

    def test_readers_beside_the_owner(self):
        self.make(purposes.STORAGE_SYMMETRIC)
        for readers, parts in (
            ("payments", []),
            ("reports", ["nobody reads it", "no effect for reports"]),
            ("payments, reports, archive", ["effect for archive", "effect for reports"]),
        ):
            found = self.remarks(f"column: name, client_id: payments, read: [{readers}]")
            self.assertEqual(len(found), len(parts), readers)
            for remark, part in zip(found, parts, strict=True):
                self.assertIn("column people.name: read", remark)
                self.assertIn(part, remark)

    def test_columns_with_tokens(self):
        for kind, has in (("data_type: str", False), ("token_type: str", True)):
            made = self.settings("column: a", f"column: name, {kind}")
            self.assertEqual(columnchecks.use_tokens(made), has)
