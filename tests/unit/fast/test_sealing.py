"""OpenSSL is called from C where compiled, and found where Python's hashes have it."""

import _hashlib
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.fast import sealing
from acra_twisted.fast.compiled import COMPILED

_ROOT = Path(__file__).parents[3]
#: Asks the module in C, which nobody has told of OpenSSL, and tells it of libraries without it.
_UNBOUND = """
from acra_twisted.fast import _sealing
print(_sealing.bind(b"/does/not/exist"), _sealing.hmac(b"key", b"message"))
try:
    _sealing.Blocks(bytes(32), bytes(4), bytes(6), bytes(12), b"label", b"context")
except RuntimeError as error:
    print(error)
try:
    _sealing.Keyed(b"key", b"begin")
except RuntimeError as error:
    print(error)
"""


class Found(SynchronousTestCase):
    def test_where_compiled_and_nowhere_else(self):
        is_there = COMPILED and hasattr(_hashlib, "__file__")
        self.assertEqual(sealing.blocks is not None, is_there)
        self.assertEqual(sealing.hmac is not None, is_there)
        self.assertEqual(sealing.keyed is not None, is_there)

    def test_what_is_not_for_it_is_left_to_python(self):
        if sealing.blocks is None or sealing.hmac is None:
            return
        self.assertIsNone(sealing.hmac(bytes(65), b"message"))
        self.assertIsNone(sealing.hmac(bytearray(32), b"message"))
        digest = sealing.keyed(bytearray(64), b"begin").digest
        self.assertIsNotNone(digest(bytes(64 * 1024)))
        self.assertIsNone(digest(bytes(64 * 1024 + 1)))
        self.assertIsNone(digest(bytearray(1)))
        self.assertRaises(ValueError, sealing.keyed, bytes(65), b"")
        self.assertRaises(TypeError, sealing.keyed, b"key", bytearray())
        create = sealing.blocks(bytes(32), bytes(4), bytes(6), bytes(12), b"label", b"").create
        drawn = bytes(56)
        for data, random in (
            (b"", drawn),
            (bytearray(b"text"), drawn),
            (bytes((1 << 16) + 1), drawn),
            (b"text", drawn[1:]),
        ):
            self.assertIsNone(create(data, random))
        self.assertEqual(len(create(b"text", drawn)), 142)
        long = bytes((1 << 16) + 1)
        create = sealing.blocks(bytes(32), bytes(4), bytes(6), bytes(12), b"label", long).create
        self.assertIsNone(create(b"text", drawn))
        self.assertRaises(TypeError, create, b"text")
        for parts in (
            (bytes(31), bytes(4), bytes(6), bytes(12), b"label", b""),
            (bytes(32), bytes(5), bytes(6), bytes(12), b"label", b""),
            (bytes(32), bytes(4), bytes(7), bytes(12), b"label", b""),
            (bytes(32), bytes(4), bytes(6), bytes(11), b"label", b""),
        ):
            self.assertRaises(ValueError, sealing.blocks, *parts)

    def test_a_library_without_openssl(self):
        if sealing.blocks is None:
            return
        done = subprocess.run(
            [sys.executable, "-c", _UNBOUND], cwd=_ROOT, capture_output=True, text=True, check=True
        )
        refused = "OpenSSL's functions are not known\n"
        self.assertEqual(done.stdout, "False None\n" + 2 * refused, done.stderr)
