"""Bundles: carried over whole, useless without the secret, hostile ones refused."""

import json
import os

from hypothesis import given
from hypothesis import strategies as st

from acra_twisted import purposes
from acra_twisted.errors import KeyStoreError
from acra_twisted.themis import cell
from acra_twisted.tools import bundle
from tests.unit.keystore.base import OWNER, FolderCase


class Bundles(FolderCase):
    def test_carried_over_with_predecessors(self):
        for purpose in (purposes.STORAGE, purposes.STORAGE, purposes.STORAGE_SYMMETRIC):
            self.writer.generate(purpose, OWNER)
        content, secret = bundle.pack(self.store, self.store.present(), True)
        before = [bundle.plain(purposes.STORAGE, k) for k in self.keys(purposes.STORAGE)]
        self.writer.destroy(purposes.STORAGE, OWNER)
        self.writer.destroy(purposes.STORAGE_SYMMETRIC, OWNER)
        imported = bundle.unpack(self.writer, content, secret)
        self.assertEqual(len(imported), 2)
        after = [bundle.plain(purposes.STORAGE, k) for k in self.keys(purposes.STORAGE)]
        self.assertEqual(after, before)

    def keys(self, purpose):
        return self.store.keys(purpose, OWNER)

    def test_public_keys_alone(self):
        self.writer.generate(purposes.SERVER, OWNER)
        chosen = [(purposes.SERVER, OWNER), (purposes.SEARCH_HMAC, OWNER)]
        content, secret = bundle.pack(self.store, chosen, False)
        public = self.file(OWNER + "_server.pub")
        self.writer.destroy(purposes.SERVER, OWNER)
        bundle.unpack(self.writer, content, secret)
        self.assertEqual(self.keys(purposes.SERVER), ())
        self.assertEqual(self.file(OWNER + "_server.pub"), public)
        self.assertRaises(KeyStoreError, bundle.pack, self.store, chosen[1:], False)

    @given(st.data())
    def test_hostile_bundles(self, data):
        key = {"id": "client/clientid/storage", "public": "", "keys": ["eHg="]}
        entries = data.draw(
            st.sampled_from(
                [
                    None,
                    [],
                    "x",
                    [key],
                    [{"id": "x"}],
                    [{**key, "keys": "x"}],
                    [{**key, "id": "../x"}],
                ]
            )
        )
        content = json.dumps(
            {"format": data.draw(st.sampled_from(["x", bundle._FORMAT])), "keys": entries}
        ).encode()
        secret = os.urandom(32)
        sealed = cell.seal(secret, content, bundle._CONTEXT, os.urandom)
        opening = json.dumps({"encryption": bundle._text(secret)}).encode()
        for args in ((sealed, b"{}"), (sealed, b"\xff"), (sealed[:-1], opening)):
            self.assertRaises(KeyStoreError, bundle.unpack, self.writer, *args)
        if entries != [] or b'"x"' in content[:20]:
            self.assertRaises(KeyStoreError, bundle.unpack, self.writer, sealed, opening)
        self.assertEqual(self.store.present(), [])
