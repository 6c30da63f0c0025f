"""Every format against real Themis, both ways; sessions with it on either side."""

import os
import time
import unittest

from acra_twisted.crypto import acrablock, acrastruct
from acra_twisted.errors import CryptoError
from acra_twisted.themis import cell, keys, message
from acra_twisted.themis.session import ClientSession, ServerSession
from tests.support.themis_peer import ThemisError, ThemisPeer

SIZES = (1, 31, 32, 1000, 70_000)


class Peered(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.themis = ThemisPeer()
        cls.addClassCleanup(cls.themis.stop)

    def pair(self):
        made = self.themis.call("gen_keypair")
        return keys.decode_private(made["private"]), made


class Formats(Peered):
    def test_keys(self):
        for _ in range(20):
            private, made = self.pair()
            self.assertEqual(keys.encode_private(private), made["private"])
            self.assertEqual(keys.encode_public(private.public_key()), made["public"])

    def test_cells(self):
        for size in SIZES:
            for context in (b"", b"client"):
                key, text = os.urandom(32), os.urandom(size)
                theirs = self.themis.call("cell_seal", key=key, message=text, context=context)
                self.assertEqual(cell.open_sealed(key, theirs["data"], context), text)
                ours = cell.seal(key, text, context, os.urandom)
                opened = self.themis.call("cell_open", key=key, data=ours, context=context)
                self.assertEqual(opened["message"], text)

    def test_passphrases_tokens_and_imprints(self):
        text, context, key = b"some text", b"context", b"a passphrase"
        theirs = self.themis.call("cell_seal", passphrase=key, message=text, context=context)
        self.assertEqual(cell.open_with_passphrase(key, theirs["data"], context), text)
        ours = cell.seal_with_passphrase(key, text, context, os.urandom)
        opened = self.themis.call("cell_open", passphrase=key, data=ours, context=context)
        self.assertEqual(opened["message"], text)
        key = os.urandom(32)
        made = self.themis.call("token_protect", key=key, message=text, context=context)
        self.assertEqual(cell.open_protected(key, made["data"], made["token"], context), text)
        data, token = cell.protect(key, text, context, os.urandom)
        opened = self.themis.call("token_open", key=key, data=data, token=token, context=context)
        self.assertEqual(opened["message"], text)
        made = self.themis.call("imprint_encrypt", key=key, message=text, context=context)
        self.assertEqual(made["data"], cell.imprint(key, text, context))
        opened = self.themis.call("imprint_decrypt", key=key, data=made["data"], context=context)
        self.assertEqual(cell.open_imprinted(key, made["data"], context), opened["message"])

    def test_messages(self):
        for size in SIZES:
            (own, mine), (peer, theirs) = self.pair(), self.pair()
            text = os.urandom(size)
            ours = message.encrypt(own, peer.public_key(), text, os.urandom)
            opened = self.themis.call(
                "message_decrypt", private=theirs["private"], public=mine["public"], data=ours
            )
            self.assertEqual(opened["message"], text)
            made = self.themis.call(
                "message_encrypt", private=theirs["private"], public=mine["public"], message=text
            )
            self.assertEqual(message.decrypt(own, peer.public_key(), made["data"]), text)
            opened = self.themis.call(
                "message_verify", public=mine["public"], data=message.sign(own, text)
            )
            self.assertEqual(opened["message"], text)
            made = self.themis.call("message_sign", private=theirs["private"], message=text)
            self.assertEqual(message.verify(peer.public_key(), made["data"]), text)

    def test_acras_containers(self):
        for size in SIZES:
            for context in (b"", b"DDDDDDDDabcdefghijklmnop"):
                private, made = self.pair()
                text, key = os.urandom(size), os.urandom(32)
                theirs = self.themis.call(
                    "acrastruct_create", public=made["public"], message=text, context=context
                )
                self.assertEqual(acrastruct.open_with(theirs["data"], private, context), text)
                ours = acrastruct.create(text, private.public_key(), context, os.urandom)
                opened = self.themis.call(
                    "acrastruct_open", private=made["private"], data=ours, context=context
                )
                self.assertEqual(opened["message"], text)
                theirs = self.themis.call(
                    "acrablock_create", key=key, message=text, context=context
                )
                self.assertEqual(acrablock.open_with(theirs["data"], key, context), text)
                ours = acrablock.create(text, key, context, os.urandom)
                opened = self.themis.call("acrablock_open", key=key, data=ours, context=context)
                self.assertEqual(opened["message"], text)

    def test_what_we_change_they_refuse_and_the_other_way_round(self):
        private, made = self.pair()
        ours = bytearray(acrastruct.create(b"text", private.public_key(), b"", os.urandom))
        ours[-1] ^= 1
        with self.assertRaises(ThemisError):
            self.themis.call("acrastruct_open", private=made["private"], data=bytes(ours))
        theirs = self.themis.call("acrastruct_create", public=made["public"], message=b"text")
        data = bytearray(theirs["data"])
        data[-1] ^= 1
        with self.assertRaises(CryptoError):
            acrastruct.open_with(bytes(data), private)


class Sessions(Peered):
    """Handshakes and data, with real Themis on either side."""

    def handshake(self, ours_is_client):
        own, mine = self.pair()
        peer, theirs = self.pair()
        role = "server" if ours_is_client else "client"
        there = self.themis.call(
            "session_new",
            role=role,
            session_id=b"themis",
            private=theirs["private"],
            peers=[{"id": b"acra", "public": mine["public"]}],
        )
        here = (ClientSession if ours_is_client else ServerSession)(
            b"acra",
            own,
            lambda peer_id: peer.public_key() if peer_id == b"themis" else None,
            random_bytes=os.urandom,
            now=time.time,
        )
        number = there["session"]
        text = here.connect() if ours_is_client else here.receive(there["output"])
        while text:
            answer = self.themis.call("session_step", session=number, message=text)
            text = here.receive(answer["output"]) if answer["output"] else b""
        self.assertTrue(here.established)
        return here, number

    def test_data_both_ways(self):
        for ours_is_client in (True, False):
            for _ in range(5):
                here, number = self.handshake(ours_is_client)
                for size in SIZES:
                    text = os.urandom(size)
                    opened = self.themis.call(
                        "session_unwrap", session=number, data=here.wrap(text)
                    )
                    self.assertEqual(opened["message"], text)
                    wrapped = self.themis.call("session_wrap", session=number, message=text)
                    self.assertEqual(here.unwrap(wrapped["data"]), text)
                self.themis.call("session_close", session=number)
