"""The functions that applications call."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import writer
from acra_twisted.crypto import acrablock, acrastruct
from acra_twisted.errors import CryptoError
from acra_twisted.themis import keys


class Writer(SynchronousTestCase):
    def test_acrastructs(self):
        private = keys.generate()
        data = keys.encode_public(private.public_key())
        path = self.mktemp()
        with open(path, "wb") as file:
            file.write(data)
        for key in (data, writer.load_public_key(path)):
            made = writer.create_acrastruct(b"text", key, b"zone")
            self.assertEqual(acrastruct.open_with(made, private, b"zone"), b"text")
            self.assertEqual(len(made), 4 + 189)
        self.assertRaises(CryptoError, writer.create_acrastruct, b"text", data[:-1])
        self.assertRaises(CryptoError, writer.create_acrastruct, b"", data)
        self.assertRaises(OSError, writer.load_public_key, path + "-none")

    def test_acrablocks(self):
        made = writer.create_acrablock(b"text", b"k" * 32)
        self.assertEqual(acrablock.open_with(made, b"k" * 32), b"text")
        self.assertEqual(len(made), 4 + 138)
        self.assertRaises(CryptoError, writer.create_acrablock, b"text", b"short")
