"""Client ids that the configuration names and whose keys are missing."""

from pathlib import Path

from twisted.internet.defer import Deferred, fail
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.settings import (
    SEARCHABLE,
    ColumnSetting,
    EncryptionSettings,
    TableSetting,
)
from acra_twisted.errors import KeyStoreError
from acra_twisted.keystore.memory import MemoryKeyStore
from acra_twisted.purposes import SEARCH_HMAC, STORAGE_SYMMETRIC
from acra_twisted.server import missingkeys
from tests.unit.server.test_service import settings


def column(name, **more):
    return ColumnSetting("", "people", name, **more)


class Missing(SynchronousTestCase):
    def setUp(self):
        self.keys = MemoryKeyStore()

    def made(self, **changes):
        return settings(acraconnector_transport_encryption_disable=True, **changes)

    def said(self, *columns, keys=None, **changes):
        table = TableSetting("", "people", (), {one.name: one for one in columns})
        configured = EncryptionSettings((table,))
        return missingkeys.at_start(self.made(**changes), configured, keys or self.keys)

    def rules(self, text):
        path = Path(self.mktemp())
        path.write_text(text)
        return str(path)

    def test_the_only_client(self):
        """It is known before it comes, unless its certificate, its key or a rule names it."""
        [key, search] = self.said(column("name", kind=SEARCHABLE), client_id="payments")
        self.assertTrue(key.startswith("column people.name: there is no "), key)
        self.assertIn("of client_id payments, which cannot write it; make it by", key)
        self.assertTrue(search.endswith("--client_id='payments' --generate_hmac_key"), search)
        for changes in ({"client_id": ""}, {"client_id": "x", "tls_client_id_from_cert": True}):
            self.assertEqual(self.said(column("name"), **changes), [])
        self.keys.put(STORAGE_SYMMETRIC, bytes(32), "payments")
        self.keys.put(SEARCH_HMAC, bytes(32), "payments")
        self.assertEqual(self.said(column("name", kind=SEARCHABLE), client_id="payments"), [])

    def test_clients_of_the_map(self):
        self.keys.put(STORAGE_SYMMETRIC, bytes(32), "payments")
        rules = self.rules("payments user=a\nreports user=b\n- user=c\n")
        [one] = self.said(column("name"), column("card"), client_id="x", client_id_map_file=rules)
        self.assertIn("columns people.name, people.card: there is no", one)
        self.assertIn("of client_id reports, which cannot write them", one)

    def test_clients_whose_columns_name_their_owner_open_containers_elsewhere(self):
        self.keys.put(STORAGE_SYMMETRIC, bytes(32), "payments")
        rules = self.rules("payments user=a\nreports user=b\n")
        owned, made = column("name", owner="payments"), {"client_id_map_file": rules}
        self.assertEqual(self.said(owned, stages=("encryptor",), **made), [])
        [one] = self.said(owned, stages=("encryptor", "decryptor"), **made)
        self.assertIn(f"{rules}, line 2: there are no keys of the client id reports", one)
        # Nothing is said twice.
        [one] = self.said(column("name"), stages=("encryptor", "decryptor"), **made)
        self.assertIn("of client_id reports, which cannot write it", one)

    def test_many_columns_are_one_sentence(self):
        [one] = self.said(*(column(f"c{n}") for n in range(9)), client_id="payments")
        self.assertIn(
            "columns people.c0, people.c1, people.c2, people.c3, people.c4 and 4 more", one
        )

    def test_readers(self):
        self.keys.put(STORAGE_SYMMETRIC, bytes(32), "payments")
        readers = frozenset(("payments", "reports", "archive"))
        found = self.said(
            column("name", readers=readers), column("card", readers=readers), client_id="payments"
        )
        for one, client in zip(found, ("archive", "reports"), strict=True):
            self.assertIn(f"people.name, people.card: read names {client}, of which there are", one)
            self.assertTrue(one.endswith(f"acra-keymaker --client_id={client!r}"), one)

    def test_columns_with_owners(self):
        owned = column("name", owner="payments")
        [one] = self.said(owned)
        self.assertIn("of its client_id payments; make it by acra-keymaker", one)
        self.keys.put(STORAGE_SYMMETRIC, bytes(32), "payments")
        self.assertEqual(self.said(owned), [])
        # A client that writes these alone needs none.
        self.assertEqual(self.said(owned, client_id="reports"), [])

    def test_without_protected_columns(self):
        rules = self.rules("payments user=a\n")
        [one] = missingkeys.at_start(self.made(client_id_map_file=rules), None, self.keys)
        self.assertIn(f"{rules}, line 1: there are no keys of the client id payments", one)

    def test_a_key_that_cannot_be_read_is_told_of(self):
        class Broken(MemoryKeyStore):
            def keys(self, purpose, owner=""):
                raise KeyStoreError("it is damaged")

        found = self.said(column("name"), keys=Broken(), client_id="payments")
        self.assertEqual(found, ["it is damaged"])

    def test_a_store_that_answers_later_is_not_waited_for(self):
        class Slow(MemoryKeyStore):
            def keys(self, purpose, owner=""):
                return fail(KeyStoreError("it is away")) if owner == "payments" else Deferred()

        for client in ("payments", "reports"):
            self.assertEqual(self.said(column("name"), keys=Slow(), client_id=client), [])
        self.assertEqual(self.flushLoggedErrors(), [])
