"""Keys of a user in one text."""

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.wire import scram
from acra_twisted.wire.scramkeys import encode_keys, read_keys
from tests.support.loginvectors import cases


class Texts(SynchronousTestCase):
    def test_keys_fit_the_verifier_that_they_are_for(self):
        for case in cases("verifiers"):
            verifier = scram.read_verifier(case["verifier"].encode())
            salted = bytes.fromhex(case["salted_password"])
            keys = scram.keys_of(salted)
            text = encode_keys(keys, verifier.salt, verifier.iterations)
            self.assertEqual(read_keys(text), (keys.client, verifier))

    def test_neither_is_taken_for_the_other(self):
        keys = scram.Keys(b"c" * 32, b"s" * 32)
        verifier = scram.verifier_of(keys, b"salt", 4096)
        self.assertRaises(scram.ScramError, read_keys, verifier.encode())
        text = encode_keys(keys, b"salt", 4096)
        self.assertRaises(scram.ScramError, scram.read_verifier, text)
        self.assertFalse(scram.is_verifier(text))

    @given(st.binary(max_size=200))
    @example(b"SCRAM-SHA-256-KEYS$")
    @example(b"SCRAM-SHA-256-KEYS$4096:c2FsdA==$:")
    def test_any_bytes_are_keys_or_none(self, data):
        for text in (data, b"SCRAM-SHA-256-KEYS$" + data):
            try:
                key, verifier = read_keys(text)
            except scram.ScramError as error:
                self.assertEqual(str(error), "these are no SCRAM-SHA-256 keys")
            else:
                self.assertEqual((len(key), len(verifier.server_key)), (32, 32))
