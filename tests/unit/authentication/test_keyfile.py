"""The file of keys of roles."""

import os

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.authentication.authfile import format_line
from acra_twisted.authentication.keyfile import KeyFile, parse
from acra_twisted.errors import ConfigError
from acra_twisted.wire.scram import Keys, verifier_of
from acra_twisted.wire.scramkeys import encode_keys

KEYS = Keys(b"c" * 32, b"s" * 32)
SECRET = encode_keys(KEYS, b"0123456789abcdef", 4096)
LINE = format_line(b"ann", SECRET)


class Files(SynchronousTestCase):
    def write(self, data, mode=0o600):
        path = self.mktemp()
        with open(path, "wb") as file:
            file.write(data)
        os.chmod(path, mode)
        return path

    def test_keys_by_user(self):
        self.assertEqual(KeyFile(self.write(LINE + b"\n")).keys, {b"ann": SECRET})

    def test_it_is_read_anew_as_a_whole_or_not_at_all(self):
        path = self.write(LINE)
        file = KeyFile(path)
        with open(path, "ab") as more:
            more.write(b"\n" + format_line(b"bob", SECRET))
        switch = file.read()
        self.assertEqual(set(file.keys), {b"ann"})
        switch()
        self.assertEqual(set(file.keys), {b"ann", b"bob"})
        with open(path, "ab") as more:
            more.write(b"\nnonsense")
        self.assertRaises(ConfigError, file.read)
        self.assertEqual(set(file.keys), {b"ann", b"bob"})

    def test_others_must_not_be_able_to_read_it_and_it_must_be_there(self):
        self.assertRaises(ConfigError, KeyFile, self.write(LINE, 0o644))
        error = self.assertRaises(ConfigError, KeyFile, self.mktemp())
        self.assertIn("auth_keys_file", str(error))

    def test_neither_a_verifier_nor_a_password_is_enough(self):
        verifier = verifier_of(KEYS, b"salt", 4096).encode()
        for secret in (verifier, b"a password", b"md5" + b"0" * 32, SECRET[:-1]):
            error = self.assertRaises(ConfigError, parse, format_line(b"ann", secret), "keys")
            self.assertIn("keys, line 1", str(error))
            self.assertNotIn(secret.decode(), str(error))

    @given(st.binary(max_size=200))
    @example(LINE)
    def test_any_bytes_are_keys_or_a_mistake(self, data):
        try:
            parse(data, "keys")
        except ConfigError:
            pass
