"""Secure Cell in all modes: vectors, what must fail, every changed byte."""

import os
import struct

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import CryptoError
from acra_twisted.themis import cell, kdf, keys, message
from tests.support.vectors import load, unhex


def fixed(iv):
    return lambda size: iv[:size]


class Vectors(SynchronousTestCase):
    def test_seal(self):
        for item in load()["secure_cell_seal"]:
            key, context, text, sealed = unhex(item, "key", "context", "message", "sealed")
            self.assertEqual(cell.open_sealed(key, sealed, context), text)
            self.assertEqual(cell.open_wiped(key, sealed, context), text)
            self.assertEqual(cell.seal(key, text, context, fixed(sealed[16:28])), sealed)
            self.assertEqual(cell.FixedOpener(key, len(text), context).open(sealed), text)
            sealer = cell.FixedSealer(key, len(text), context)
            self.assertEqual(sealer.seal(text, fixed(sealed[16:28])), sealed)
            self.assertRaises(CryptoError, sealer.seal, text + b"x", fixed(sealed[16:28]))

    def test_passphrase(self):
        for item in load()["secure_cell_seal_passphrase"]:
            key, context, text, sealed = unhex(item, "passphrase", "context", "message", "sealed")
            self.assertEqual(cell.open_with_passphrase(key, sealed, context), text)
            self.assertRaises(CryptoError, cell.open_sealed, key, sealed, context)
        parts = [sealed[20:32], sealed[54:70]]
        made = cell.seal_with_passphrase(key, text, context, lambda size: parts.pop(0))
        self.assertEqual(made, sealed)

    def test_token_protect_and_context_imprint(self):
        for item in load()["secure_cell_token_protect"]:
            key, context, text = unhex(item, "key", "context", "message")
            data, token = unhex(item, "data", "token")
            self.assertEqual(cell.open_protected(key, data, token, context), text)
            self.assertEqual(cell.protect(key, text, context, fixed(token[16:28])), (data, token))
        for item in load()["secure_cell_context_imprint"]:
            key, context, text, data = unhex(item, "key", "context", "message", "data")
            self.assertEqual(cell.imprint(key, text, context), data)
            self.assertEqual(cell.open_imprinted(key, data, context), text)

    def test_themis_0_9_6_only_on_demand(self):
        item = load()["secure_cell_0_9_6"]
        key, context, text, sealed = unhex(item, "key", "context", "message", "sealed")
        data, token, imprinted = unhex(item, "token_data", "token", "imprinted")
        self.assertRaises(CryptoError, cell.open_sealed, key, sealed, context)
        self.assertEqual(cell.open_sealed(key, sealed, context, legacy=True), text)
        self.assertEqual(cell.open_protected(key, data, token, context, legacy=True), text)
        self.assertEqual(cell.imprint(key, imprinted, context, legacy=True), text)

    def test_must_fail(self):
        refused = 0
        for item in load()["must_fail"]:
            args = {name: bytes.fromhex(text) for name, text in item["args"].items()}
            with self.assertRaises(CryptoError, msg=item["what"]):
                if item["command"] == "cell_open":
                    cell.open_sealed(args["key"], args["data"], args.get("context", b""))
                elif item["command"] == "cell_seal":
                    cell.seal(args["key"], args["message"], b"", os.urandom)
                elif item["command"] == "message_decrypt":
                    private = keys.decode_private(args["private"])
                    message.decrypt(private, keys.decode_public(args["public"]), args["data"])
                else:
                    self.assertEqual(item["command"], "message_verify")
                    message.verify(keys.decode_public(args["public"]), args["data"])
            refused += 1
        self.assertEqual(refused, 19)


class Tampering(SynchronousTestCase):
    sealed = cell.seal(b"key", b"some message", b"context", os.urandom)

    @given(st.integers(0, len(sealed) - 1), st.integers(1, 255))
    def test_every_byte_counts(self, place, change):
        data = bytearray(self.sealed)
        data[place] ^= change
        for open_it in (cell.open_sealed, cell.open_wiped):
            self.assertRaises(CryptoError, open_it, b"key", bytes(data), b"context")

    @given(st.binary(max_size=100))
    def test_garbage(self, data):
        fixed_opener = cell.FixedOpener(b"key", 32)
        self.assertRaises(CryptoError, fixed_opener.open, data)
        self.assertRaises(CryptoError, fixed_opener.open, cell.HEAD + b"\x20\0\0\0" + data)
        for garbage in (data, cell.HEAD + data):
            self.assertRaises(CryptoError, cell.open_sealed, b"key", garbage, b"")
            self.assertRaises(CryptoError, cell.open_wiped, b"key", garbage, b"")
            self.assertRaises(CryptoError, cell.open_with_passphrase, b"key", garbage, b"")

    def test_a_passphrase_cell_cannot_ask_for_endless_work(self):
        item = load()["secure_cell_seal_passphrase"][0]
        key, sealed = unhex(item, "passphrase", "sealed")
        for iterations in (b"\xff\xff\xff\xff", b"\0\0\0\0"):
            data = sealed[:48] + iterations + sealed[52:]
            self.assertRaises(CryptoError, cell.open_with_passphrase, key, data, b"")
        wrong = sealed[:-1] + bytes([sealed[-1] ^ 1])
        self.assertRaises(CryptoError, cell.open_with_passphrase, key, wrong, b"")
        self.assertRaises(CryptoError, cell.open_with_passphrase, key, sealed[:-1], b"")

    def test_a_passphrase_is_stretched_as_often_as_the_cell_says(self):
        salt, iv, length = bytes(16), bytes(12), struct.pack("<I", 4)
        for iterations, opens in ((1, True), (2, True), (0, False)):
            stretched = PBKDF2HMAC(hashes.SHA256(), 32, salt, max(iterations, 1)).derive(b"pass")
            key = kdf.derive(stretched, b"Themis secure cell message key", (length, b"context"))
            sealed = AESGCM(key).encrypt(iv, b"text", b"context")
            data = b"".join(
                (
                    *(bytes.fromhex("000101410c00000010000000"), length, struct.pack("<I", 22)),
                    *(iv, sealed[-16:], struct.pack("<IH", iterations, 16), salt, sealed[:-16]),
                )
            )
            if opens:
                self.assertEqual(cell.open_with_passphrase(b"pass", data, b"context"), b"text")
            else:
                self.assertRaises(CryptoError, cell.open_with_passphrase, b"pass", data, b"context")

    def test_en6_as_much_randomness_as_there_must_be(self):
        for seal, sizes in ((cell.seal, [12]), (cell.seal_with_passphrase, [12, 16])):
            asked = []
            sealed = seal(
                b"key", b"text", b"", lambda size, asked=asked: asked.append(size) or bytes(size)
            )
            self.assertEqual(asked, sizes)
            overhead = cell.OVERHEAD if seal is cell.seal else 70
            self.assertEqual(len(sealed), overhead + 4)

    def test_what_cannot_be_sealed(self):
        self.assertRaises(CryptoError, cell.seal, b"", b"message", b"", os.urandom)
        self.assertRaises(CryptoError, cell.seal, b"key", b"", b"", os.urandom)
        self.assertRaises(CryptoError, cell.open_sealed, b"", self.sealed, b"")
        self.assertRaises(CryptoError, cell.imprint, b"key", b"message", b"")

    def test_en6_nonces_and_a_generator_that_fails(self):
        seen = {cell.seal(b"key", b"same", b"", os.urandom) for _ in range(1000)}
        self.assertEqual(len(seen), 1000)

        def broken(size):
            raise OSError("no randomness")

        self.assertRaises(OSError, cell.seal, b"key", b"message", b"", broken)
