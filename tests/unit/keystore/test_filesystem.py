"""Folders as Acra makes them: read, rotated, swapped, damaged (KE-2)."""

import os
import shlex
import shutil

from zope.interface.verify import verifyObject

from acra_twisted import purposes
from acra_twisted.crypto import acrablock, acrastruct
from acra_twisted.crypto.envelopes import ACRABLOCK, ACRASTRUCT
from acra_twisted.errors import KeyStoreError
from acra_twisted.interfaces import IKeyStore
from acra_twisted.keystore import files
from acra_twisted.keystore.filesystem import FilesystemKeyStore
from acra_twisted.keystore.openers import make_opener
from acra_twisted.keystore.secret import Secret
from acra_twisted.themis import keys
from tests.support.vectors import load, unhex
from tests.unit.keystore.base import MASTER, OWNER, FolderCase


class Reading(FolderCase):
    def refused(self, expected, function, *args):
        self.assertIn(expected, str(self.assertRaises(KeyStoreError, function, *args)))

    def test_a_file_made_by_acra(self):
        for item in load()["keystore_v1_file"]:
            master, plain, file = unhex(item, "master_key", "plain", "file")
            files.write(self.path(item["context_text"]), file)
            store = FilesystemKeyStore(self.folder, Secret(master))
            (key,) = store.keys(purposes.CONNECTOR, item["context_text"])
            self.assertEqual(keys.encode_private(key), plain)

    def test_pairs_and_symmetric_keys(self):
        verifyObject(IKeyStore, self.store)
        self.assertEqual(self.store.keys(purposes.STORAGE, OWNER), ())
        self.assertIsNone(self.store.public_key(purposes.STORAGE, OWNER))
        for purpose in purposes.ALL:
            owner = {purposes.CLIENT: OWNER, purposes.ZONE: "D" * 8 + "a" * 16, "": ""}
            self.writer.generate(purpose, owner[purpose.owner])
            (key,) = self.store.keys(purpose, owner[purpose.owner])
            if purpose.is_pair:
                public = self.store.public_key(purpose, owner[purpose.owner])
                self.assertEqual(key.public_key(), public)
            else:
                self.assertEqual(len(key.value), 32)
        self.assertEqual({p for p, _ in self.store.present()}, set(purposes.ALL))
        self.store.check()

    def test_rotated_keys_newest_first(self):
        made = []
        for _ in range(3):
            self.writer.generate(purposes.STORAGE, OWNER)
            made.insert(0, self.store.public_key(purposes.STORAGE, OWNER))
        found = [key.public_key() for key in self.store.keys(purposes.STORAGE, OWNER)]
        self.assertEqual(found, made)

    def test_an_opener_of_both_kinds(self):
        self.writer.generate(purposes.STORAGE, OWNER)
        self.writer.generate(purposes.STORAGE_SYMMETRIC, OWNER)
        opener = make_opener(self.store, purposes.STORAGE, purposes.STORAGE_SYMMETRIC, OWNER)
        public = self.store.public_key(purposes.STORAGE, OWNER)
        (symmetric,) = self.store.keys(purposes.STORAGE_SYMMETRIC, OWNER)
        struct = acrastruct.create(b"text", public, b"", os.urandom)
        block = acrablock.create(b"text", symmetric.value, b"", os.urandom)
        self.assertEqual(opener.open(ACRASTRUCT, struct, {}), b"text")
        self.assertEqual(opener.open(ACRABLOCK, block, {}), b"text")

    def test_ke2_another_master_key_and_swapped_files(self):
        self.writer.generate(purposes.STORAGE, OWNER)
        other = FilesystemKeyStore(self.folder, Secret(bytes(32)))
        self.refused("another master key", other.check)
        shutil.copy(self.path(OWNER + "_storage"), self.path("intruder_storage"))
        self.refused("does not open", self.store.keys, purposes.STORAGE, "intruder")

    def test_ke2_damaged_files(self):
        self.writer.generate(purposes.STORAGE, OWNER)
        sealed = self.file(OWNER + "_storage")
        for content in (b"", sealed[:20], sealed[:-1], sealed[:-1] + bytes([sealed[-1] ^ 1])):
            files.write(self.path(OWNER + "_storage"), content)
            self.refused("does not open", self.store.keys, purposes.STORAGE, OWNER)
        files.write(self.path(OWNER + "_storage.pub"), b"no key")
        self.refused("cut off", self.store.public_key, purposes.STORAGE, OWNER)
        self.writer.destroy(purposes.STORAGE, OWNER)
        self.writer.put(purposes.STORAGE, OWNER, bytearray(b"no container"))
        self.refused("storage keypair", self.store.keys, purposes.STORAGE, OWNER)

    def test_ke1_a_key_that_others_can_read(self):
        self.writer.generate(purposes.STORAGE, OWNER)
        os.chmod(self.path(OWNER + "_storage"), 0o644)
        self.refused("chmod 600", self.store.keys, purposes.STORAGE, OWNER)

    def test_ke1_a_start_looks_at_the_modes_of_all_keys(self):
        for purpose in (purposes.STORAGE, purposes.SERVER):
            self.writer.generate(purpose, OWNER)
            self.writer.generate(purpose, OWNER)
        self.store.check()
        path = self.path(purposes.file_of(purposes.STORAGE, OWNER))
        (old,) = os.listdir(path + ".old")
        for one in (path, os.path.join(path + ".old", old)):
            os.chmod(one, 0o644)
            self.refused(f"chmod 600 {shlex.quote(one)}", self.store.check)
            os.chmod(one, 0o600)

    def test_version_2_is_named(self):
        files.write(self.path("version"), b"Acra Keystore v2")
        self.refused("version 2", FilesystemKeyStore, self.folder, Secret(MASTER))

    def test_public_keys_elsewhere(self):
        public = self.path("public")
        os.mkdir(public)
        store = FilesystemKeyStore(self.folder, Secret(MASTER), public)
        type(self.writer)(store).generate(purposes.STORAGE, OWNER)
        self.assertTrue(os.path.exists(os.path.join(public, OWNER + "_storage.pub")))
        self.assertIsNotNone(store.public_key(purposes.STORAGE, OWNER))

    def test_closed(self):
        master = self.store.master.value
        self.store.forget()
        self.store.close()
        self.assertEqual(master, bytes(32))
