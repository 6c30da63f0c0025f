"""Secure Message: vectors, signatures, trailing bytes."""

import os

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import CryptoError
from acra_twisted.themis import keys, message
from tests.support.vectors import key_pair, load, unhex


class Vectors(SynchronousTestCase):
    def test_encrypted(self):
        for item in load()["secure_message_encrypt"]:
            text, data, secret = unhex(item, "message", "data", "shared_secret")
            sender, receiver = key_pair(item["sender"]), key_pair(item["receiver"])
            self.assertEqual(message.decrypt(receiver, sender.public_key(), data), text)
            self.assertEqual(message.decrypt_shared(secret, data), text)
            made = message.encrypt(
                sender, receiver.public_key(), text, lambda size, data=data: data[24:36]
            )
            self.assertEqual(made, data)

    def test_signed(self):
        for item in load()["secure_message_sign"]:
            text, data = unhex(item, "message", "data")
            public = key_pair(item["signer"]).public_key()
            for end in (b"", b"\0", b"\0\0"):
                self.assertEqual(message.verify(public, data + end), text)


class Refusals(SynchronousTestCase):
    key = keys.generate()

    def test_round_trip(self):
        signed = message.sign(self.key, b"text")
        self.assertEqual(message.verify(self.key.public_key(), signed), b"text")
        self.assertRaises(CryptoError, message.sign, self.key, b"")
        peer = keys.generate()
        data = message.encrypt(self.key, peer.public_key(), b"text", os.urandom)
        self.assertEqual(len(data), 4 + message.OVERHEAD)

    @given(st.integers(0, 999), st.integers(1, 255))
    def test_a_changed_signed_message(self, place, change):
        signed = bytearray(message.sign(self.key, b"text"))
        # Signatures differ in length.
        signed[place % len(signed)] ^= change
        self.assertRaises(CryptoError, message.verify, self.key.public_key(), bytes(signed))

    @given(st.binary(max_size=100))
    def test_garbage(self, data):
        for head in (b"", message.SIGNED, message.ENCRYPTED):
            public = self.key.public_key()
            self.assertRaises(CryptoError, message.verify, public, head + data)
            self.assertRaises(CryptoError, message.decrypt, self.key, public, head + data)
