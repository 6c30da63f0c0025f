"""Making, rotating and destroying keys in a folder (KE-4, KE-5)."""

import os
import re

from acra_twisted import purposes
from acra_twisted.errors import CryptoError, KeyStoreError
from acra_twisted.keystore import files, writer
from acra_twisted.keystore.filesystem import FilesystemKeyStore
from acra_twisted.themis import keys
from tests.unit.keystore.base import OWNER, FolderCase


class Writing(FolderCase):
    def test_modes(self):
        self.assertFalse(self.writer.generate(purposes.STORAGE, OWNER))
        self.writer.generate(purposes.POISON)
        for name, mode in (
            (OWNER + "_storage", 0o600),
            (OWNER + "_storage.pub", 0o644),
            (".poison_key", 0o700),
            (".poison_key/poison_key", 0o600),
        ):
            self.assertEqual(os.stat(self.path(name)).st_mode & 0o777, mode, name)

    def test_rotation(self):
        for _ in range(3):
            rotated = self.writer.generate(purposes.STORAGE, OWNER)
        self.assertTrue(rotated)
        for name in (OWNER + "_storage.old", OWNER + "_storage.pub.old"):
            names = os.listdir(self.path(name))
            self.assertEqual(len(names), 2)
            for text in names:
                self.assertTrue(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d*[1-9])?", text))
        self.assertEqual(len(self.store.keys(purposes.STORAGE, OWNER)), 3)

    def test_ke5_a_failed_rotation_loses_nothing(self):
        self.writer.generate(purposes.STORAGE, OWNER)
        before = self.file(OWNER + "_storage")

        def broken(*args):
            raise OSError(28, "No space left on device")

        self.patch(files, "write", broken)
        self.assertRaises(KeyStoreError, self.writer.generate, purposes.STORAGE, OWNER)
        self.assertEqual(self.file(OWNER + "_storage"), before)

    def test_no_half_of_a_new_pair_is_left(self):
        write = files.write

        def full(path, content, mode=0o600):
            if path.endswith(".pub"):
                raise OSError(28, "No space left on device")
            write(path, content, mode)

        for _ in range(2):
            self.patch(files, "write", full)
            error = self.assertRaises(
                KeyStoreError, self.writer.generate_missing, purposes.STORAGE, OWNER
            )
            self.assertIn("No space left on device", str(error))
            self.patch(files, "write", write)
        self.assertTrue(self.writer.generate_missing(purposes.STORAGE, OWNER))
        self.assertIsNotNone(self.store.public_key(purposes.STORAGE, OWNER))
        self.assertEqual(len(self.store.keys(purposes.STORAGE, OWNER)), 1)

    def test_a_private_key_stays_where_its_public_one_is(self):
        synchronize = files.sync_folder

        def failing(folder):
            synchronize(folder)
            if any(name.endswith(".pub") for name in os.listdir(folder)):
                raise OSError(5, "Input/output error")

        self.patch(files, "sync_folder", failing)
        self.assertRaises(KeyStoreError, self.writer.generate_missing, purposes.STORAGE, OWNER)
        self.assertIsNotNone(self.store.public_key(purposes.STORAGE, OWNER))
        self.assertEqual(len(self.store.keys(purposes.STORAGE, OWNER)), 1)

    def test_ke4_destroyed_with_its_predecessors(self):
        for owner in (OWNER, "another"):
            for _ in range(2):
                self.writer.generate(purposes.STORAGE, owner)
        self.writer.destroy(purposes.STORAGE, OWNER)
        self.assertEqual(self.store.keys(purposes.STORAGE, OWNER), ())
        self.assertIsNone(self.store.public_key(purposes.STORAGE, OWNER))
        self.assertEqual(len(self.store.keys(purposes.STORAGE, "another")), 2)
        self.assertRaises(KeyStoreError, self.writer.destroy, purposes.STORAGE, OWNER)
        self.writer.generate(purposes.SEARCH_HMAC, OWNER)
        self.writer.destroy(purposes.SEARCH_HMAC, OWNER)

    def test_a_master_key_of_another_folder_seals_nothing(self):
        self.writer.generate(purposes.STORAGE, OWNER)
        self.writer.generate(purposes.SEARCH_HMAC, OWNER)
        before = sorted(os.listdir(self.folder))
        other = writer.KeyWriter(FilesystemKeyStore(self.folder, writer.new_master_key()))
        for purpose, owner in (
            (purposes.SEARCH_HMAC, OWNER),
            (purposes.SEARCH_HMAC, "another"),
            (purposes.STORAGE, "another"),
            (purposes.POISON, ""),
        ):
            error = self.assertRaises(KeyStoreError, other.generate, purpose, owner)
            self.assertIn("another master key", str(error))
        self.assertEqual(sorted(os.listdir(self.folder)), before)
        self.writer.generate(purposes.SEARCH_HMAC, "another")

    def test_a_damaged_key_is_in_nobodys_way_but_its_own(self):
        self.writer.generate(purposes.STORAGE_SYMMETRIC, OWNER)
        self.writer.generate(purposes.SEARCH_HMAC, OWNER)
        path = self.path(purposes.file_of(purposes.SEARCH_HMAC, OWNER))
        os.truncate(path, 20)
        again = writer.KeyWriter(self.store)
        self.assertFalse(again.generate(purposes.SEARCH_HMAC, "another"))
        error = self.assertRaises(KeyStoreError, again.generate, purposes.SEARCH_HMAC, OWNER)
        self.assertIn("does not open", str(error))

    def test_a_peers_public_key(self):
        public = keys.encode_public(keys.generate().public_key())
        self.writer.put_public(purposes.CONNECTOR, OWNER, public)
        self.assertEqual(self.file(OWNER + ".pub"), public)
        self.assertRaises(CryptoError, self.writer.put_public, purposes.CONNECTOR, OWNER, b"no key")

    def test_a_folder_that_cannot_be_made(self):
        files.write(self.path("file"), b"")
        self.assertRaises(KeyStoreError, writer.make_folder, self.path("file", "folder"))
        self.assertEqual(len(writer.new_master_key().value), 32)
