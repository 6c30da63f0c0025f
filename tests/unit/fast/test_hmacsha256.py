"""HMAC-SHA-256 is the library's, whatever the key and the message are."""

import hashlib
import hmac

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.fast import hmacsha256


class Digesting(SynchronousTestCase):
    @given(st.binary(max_size=64), st.binary(max_size=200))
    def test_as_the_library_makes_it(self, key, message):
        expected = hmac.digest(key, message, "sha256")
        self.assertEqual(hmacsha256.digest(key, message), expected)
        self.assertEqual(hmacsha256.digest_by_python(key, message), expected)
        self.assertEqual(hmacsha256.sha256(message), hashlib.sha256(message).digest())

    @given(st.binary(max_size=100), st.binary(max_size=100), st.lists(st.binary(max_size=200)))
    def test_a_key_that_is_kept(self, key, begin, messages):
        given = bytearray(key)
        keyed = hmacsha256.Keyed(given, begin)
        # It may be overwritten.
        given[:] = bytes(len(given))
        for message in messages:
            expected = hmac.digest(key, begin + message, "sha256")
            self.assertEqual(keyed.digest(message), expected)
            self.assertEqual(keyed.digest_by_python(message), expected)
            self.assertEqual(keyed.quick(message), expected)

    def test_a_long_message_behind_a_beginning(self):
        keyed = hmacsha256.Keyed(b"key", b"begin")
        for size in (64 * 1024 - 1, 64 * 1024, 64 * 1024 + 1, 300_000):
            message = bytes(size)
            expected = hmac.digest(b"key", b"begin" + message, "sha256")
            self.assertEqual(keyed.digest(message), expected)
            self.assertIn(keyed.quick(message), (None, expected))

    def test_a_long_key_is_refused(self):
        self.assertRaises(ValueError, hmacsha256.digest, bytes(65), b"")
