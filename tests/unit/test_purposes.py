"""File names and key ids, there and back; owners that must not become paths (CL-7)."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import purposes
from acra_twisted.errors import KeyStoreError

OWNERS = {purposes.CLIENT: "client 1", purposes.ZONE: "DDDDDDDDabcdefghIJKLMNOP", "": ""}


class Names(SynchronousTestCase):
    def test_there_and_back(self):
        files = set()
        for purpose in purposes.ALL:
            owner = OWNERS[purpose.owner]
            path = purposes.file_of(purpose, owner)
            files.add(path)
            self.assertEqual(purposes.purpose_of(path), (purpose, owner))
            key_id = purpose.key_id.format(owner)
            self.assertEqual(purposes.parse_key_id(key_id), (purpose, owner))
        self.assertEqual(len(files), len(purposes.ALL))

    def test_acras_names(self):
        for purpose, expected in (
            (purposes.STORAGE, "client_storage"),
            (purposes.STORAGE_SYMMETRIC, "client_storage_sym"),
            (purposes.CONNECTOR, "client"),
            (purposes.SERVER, "client_server"),
            (purposes.SEARCH_HMAC, "client_hmac"),
        ):
            self.assertEqual(purposes.file_of(purpose, "client"), expected)
            self.assertEqual(purposes.context_of(purpose, "client"), b"client")
        path = ".poison_key/poison_key"
        self.assertEqual(purposes.public_file_of(purposes.POISON, ""), path + ".pub")
        self.assertEqual(purposes.context_of(purposes.POISON, ""), path.encode())

    def test_unknown_key_ids(self):
        for text in ("", "client/", "client//storage", "client/abc/storage", "poison"):
            error = self.assertRaises(KeyStoreError, purposes.parse_key_id, text)
            self.assertIn("id", str(error))

    @given(st.text(max_size=300))
    def test_cl7_owners(self, owner):
        try:
            path = purposes.file_of(purposes.STORAGE, owner)
        except KeyStoreError as error:
            self.assertTrue(not owner or owner not in str(error) or len(owner) < 5)
            return
        self.assertTrue(purposes.is_client_id(owner))
        self.assertNotIn("/", path)

    def test_cl7_hostile_owners(self):
        for owner in ("../../etc", "a/b/c/d", "client\0", "client\n", "clïent", "x" * 257, "abcd"):
            self.assertRaises(KeyStoreError, purposes.file_of, purposes.SERVER, owner)
        self.assertRaises(KeyStoreError, purposes.file_of, purposes.POISON, "owner")

    def test_files_that_are_no_keys(self):
        for path in ("abc", ".poison_key/other", "a/b/c/d_storage", "client\n_hmac"):
            self.assertIsNone(purposes.purpose_of(path), path)
