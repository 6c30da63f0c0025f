"""The making of tokens, and the names of their records."""

import itertools
import re

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption import tokenrecords, tokens
from acra_twisted.encryption.errors import ValueRefusedError
from tests.support import vectors

VECTORS = vectors.encryption()["tokens"]["vectors"]


def canonical(text):
    """A vector's value or token in canonical form."""
    return bytes.fromhex(text[4:]) if text.startswith("hex:") else text.encode()


def source(seed):
    """Random bytes that follow from a seed."""
    numbers = itertools.count(seed)

    def random_bytes(count):
        digest = b""
        while len(digest) < count:
            digest += tokens.bucket_of(b"%d" % next(numbers))
        return digest[:count]

    return random_bytes


class Names(SynchronousTestCase):
    def test_keys_and_buckets_are_those_of_acra(self):
        seen = 0
        for vector in VECTORS:
            kind, _, owner = vector["scope"].partition(":")
            if kind != "client":
                continue
            seen += 1
            scope = tokens.scope_of(owner)
            value, token = (
                tokens.encode(vector["type"], canonical(vector[name]), "t.c")
                for name in ("value", "token")
            )
            self.assertEqual(value.hex(), vector["value_encoded"])
            self.assertEqual(token.hex(), vector["token_encoded"])
            self.assertEqual(tokens.decode(vector["type"], token), canonical(vector["token"]))
            self.assertEqual(tokens.KINDS[vector["type"]], vector["enum"])
            self.assertEqual(tokens.bucket_of(scope).hex(), vector["bucket"])
            key = tokens.token_key(vector["type"], token, scope)
            self.assertEqual(key.hex(), vector["token_key"])
            if vector["consistent"]:
                key = tokens.value_key(vector["type"], value, scope)
                self.assertEqual(key.hex(), vector["hash_key"])
        self.assertEqual(seen, 16)

    def test_a_keyed_name_tells_nothing_without_the_key(self):
        names = {
            tokens.keyed_value_key(token_type, b"Anna", tokens.scope_of(owner), key)
            for token_type in ("str", "bytes")
            for owner in ("client", "other")
            for key in (b"k" * 32, b"l" * 32)
        }
        self.assertEqual(len(names), 8)
        self.assertEqual({(len(name), name[:2]) for name in names}, {(34, b"k.")})


class Making(SynchronousTestCase):
    @given(
        st.sampled_from(sorted(tokens.KINDS)), st.binary(min_size=6, max_size=40), st.integers(0)
    )
    def test_a_token_has_the_type_and_length_of_its_value(self, token_type, value, seed):
        if token_type in ("int32", "int64"):
            value = value[:4] * (1 if token_type == "int32" else 2)
        token = tokens.generate(token_type, value, source(seed), "t.c")
        self.assertEqual(len(token), len(value))
        self.assertNotEqual(token, value)
        self.assertEqual(tokens.encode(token_type, tokens.decode(token_type, token), "t.c"), token)
        if token_type == "str":
            self.assertTrue(re.fullmatch(rb"[a-zA-Z0-9]+", token))
        if token_type == "email":
            shape = rb"([a-zA-Z0-9]+)@([a-zA-Z0-9]+)\.([a-z]{2,4})"
            name, host, domain = re.fullmatch(shape, token).groups()
            self.assertIn(len(host) - len(name), (-1, 0))
            self.assertTrue(len(domain) == 2 or len(value) >= 8)

    def test_every_letter_is_as_likely_as_another(self):
        """All 256 bytes once: each letter four times, the bytes beyond that are not used."""
        every = bytes(range(256)) + bytes(8)
        pieces = iter((every[:248], every[:0]))
        token = tokens.generate("str", b"-" * 248, lambda count: next(pieces), "t.c")
        self.assertEqual({token.count(letter) for letter in set(token)}, {4})
        self.assertEqual(len(set(token)), 62)
        unfair = iter((bytes((255, 254, 253, 252, 251, 250, 249, 248)), b"\0" * 8))
        self.assertEqual(
            tokens.generate("str", b"12345678", lambda count: next(unfair), "t.c"), b"a" * 8
        )

    def test_every_integer_can_be_a_token(self):
        for pattern, value in ((b"\xff" * 4, b"-1"), (b"\0\0\0\x80", b"-2147483648")):
            token = tokens.generate("int32", b"\1\0\0\0", lambda _, p=pattern: p, "t.c")
            self.assertEqual(tokens.decode("int32", token), value)

    def test_a_value_is_never_its_own_token(self):
        answers = iter((b"same", b"same", b"ohno"))
        self.assertEqual(tokens.generate("bytes", b"same", lambda _: next(answers), "t.c"), b"ohno")
        error = self.assertRaises(
            ValueRefusedError, tokens.generate, "bytes", b"same", lambda _: b"same", "t.c"
        )
        self.assertEqual((error.sqlstate, error.reason), (b"22000", "token_space"))
        self.assertNotIn("same", str(error))

    def test_an_address_that_is_too_short_is_refused(self):
        error = self.assertRaises(
            ValueRefusedError, tokens.generate, "email", b"a@b.c", source(1), "t.mail"
        )
        self.assertEqual((error.sqlstate, error.reason), (b"22000", "token_value"))
        self.assertIn("t.mail", str(error))
        self.assertNotIn("a@b.c", str(error))

    def test_a_value_that_is_too_long_is_refused(self):
        """Its record could not be read again."""
        longest = bytes(tokens.VALUE_MAX)
        self.assertEqual(len(tokens.generate("bytes", longest, source(1), "t.c")), len(longest))
        record = tokenrecords.seal(tokenrecords.pack(longest, 4), bytes(32), b"c", bytes, 1)
        self.assertEqual(tokenrecords.read(record).created, 1)
        error = self.assertRaises(
            ValueRefusedError, tokens.generate, "bytes", longest + b"x", source(1), "t.c"
        )
        self.assertEqual((error.sqlstate, error.reason), (b"54000", "token_value"))

    def test_a_number_beyond_its_type_is_refused(self):
        for token_type, value in (("int32", b"2147483648"), ("int64", b"x"), ("int32", b"")):
            error = self.assertRaises(
                ValueRefusedError, tokens.encode, token_type, value, "t.number"
            )
            self.assertEqual(error.sqlstate, b"22003")
            self.assertIn("t.number", str(error))

    def test_a_number_of_another_size_is_no_value(self):
        self.assertRaises(ValueError, tokens.decode, "int32", b"12345")
