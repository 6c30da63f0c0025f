"""Masked values."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.crypto import acrablock, envelopes
from acra_twisted.encryption.masks import conceal, looks_masked, split
from acra_twisted.encryption.settings import Masking

LEFT, RIGHT = Masking(b"xxxx", 4, True), Masking(b"xxxx", 4, False)
KEY = bytes(range(32))


def sealed(data):
    return envelopes.wrap(envelopes.ACRABLOCK, acrablock.create(data, KEY, b"", bytes))


class Parts(SynchronousTestCase):
    def test_the_readable_part(self):
        self.assertEqual(split(LEFT, b"41111111", True), (b"4111", b"1111", b""))
        self.assertEqual(split(RIGHT, b"11112345", True), (b"", b"1111", b"2345"))

    def test_a_short_value_is_secret_as_a_whole(self):
        for masking in (LEFT, RIGHT, Masking(b"x", 0, True), Masking(b"x", 0, False)):
            self.assertEqual(split(masking, b"1234", False), (b"", b"1234", b""))

    def test_a_character_across_the_boundary_is_secret(self):
        text = "aŻółć".encode()
        self.assertEqual(split(LEFT, text, True), ("aŻ".encode(), "ółć".encode(), b""))
        self.assertEqual(split(LEFT, text, False)[0], text[:4])
        self.assertEqual(split(RIGHT, "Żółća".encode(), True), (b"", "Żół".encode(), "ća".encode()))
        self.assertEqual(split(Masking(b"x", 1, True), "Ż€".encode(), True)[0], b"")

    @given(st.text(min_size=1), st.integers(0, 10), st.booleans())
    def test_the_parts_are_the_value(self, text, length, left):
        parts = split(Masking(b"x", length, left), text.encode(), True)
        self.assertEqual(b"".join(parts), text.encode())
        self.assertTrue(parts.secret)
        self.assertLessEqual(len(parts.before) + len(parts.behind), length)
        for part in parts:
            part.decode()


class WrittenBack(SynchronousTestCase):
    def test_it_is_known(self):
        for masking, value in ((LEFT, b"4111xxxx"), (RIGHT, b"xxxx4111"), (LEFT, b"xxxx")):
            self.assertTrue(looks_masked(masking, value))
        self.assertTrue(looks_masked(LEFT, "aŻxxxx".encode()))

    def test_it_is_known_by_whatever_length_it_was_written(self):
        for masking, value in (
            (LEFT, b"123456xxxx"),
            (LEFT, b"12xxxx"),
            (RIGHT, b"xxxx123456"),
            (RIGHT, b"xxxx1"),
        ):
            self.assertTrue(looks_masked(masking, value), value)

    def test_other_values_are_not(self):
        for masking, value in (
            (LEFT, b"4111"),
            (LEFT, b"4111xxxy"),
            (RIGHT, b"4111xxxx"),
            (LEFT, b"xxxx4111"),
            (LEFT, b"xxx"),
        ):
            self.assertFalse(looks_masked(masking, value), value)

    @given(st.text(min_size=1), st.integers(0, 6), st.booleans(), st.text(min_size=1, max_size=6))
    def test_whatever_a_reader_sees_is_known(self, text, length, left, mask):
        masking = Masking(mask.encode(), length, left)
        parts = split(masking, text.encode(), True)
        stored = parts.before + sealed(parts.secret) + parts.behind
        self.assertTrue(
            looks_masked(masking, conceal(masking, stored, envelopes.outermost(stored)))
        )


class Concealed(SynchronousTestCase):
    def test_every_container_is_covered(self):
        one = sealed(b"secret")
        for stored, shown in (
            (one, b"xxxx"),
            (b"4111" + one, b"4111xxxx"),
            (one + b"4111", b"xxxx4111"),
            (b"a" + one + b"b" + one + b"c", b"axxxxbxxxxc"),
            (b"4111", b"4111"),
        ):
            self.assertEqual(conceal(LEFT, stored, envelopes.outermost(stored)), shown)

    def test_one_in_another_is_covered_with_it(self):
        outer, inner = sealed(bytes(300)), sealed(b"secret")
        stored = outer[:120] + inner + outer[120 + len(inner) :]
        self.assertEqual(len(envelopes.find(stored)), 2)
        stored = b"4111" + stored + b"!"
        self.assertEqual(conceal(LEFT, stored, envelopes.outermost(stored)), b"4111xxxx!")
