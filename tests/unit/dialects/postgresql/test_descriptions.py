"""Kept descriptions equal the decoders'; messages that drop statements are never only counted."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.postgresql.descriptions import Descriptions
from acra_twisted.errors import WireError
from acra_twisted.wire.postgres import backend
from tests.support.sessions import columns


class Kept(SynchronousTestCase):
    def test_columns(self):
        descriptions, body = Descriptions(), columns(b"a", b"b")[5:]
        self.assertIsNone(descriptions.known(body))
        found = descriptions.columns(body)
        self.assertEqual(found.names, [b"a", b"b"])
        self.assertIs(descriptions.columns(body), found)
        self.assertIs(descriptions.known(body), found)
        self.assertRaises(WireError, descriptions.columns, b"\0\1a")

    def test_tags(self):
        descriptions = Descriptions()
        for _ in range(2):
            for tag, rows in (
                (b"SELECT 3\0", 3),
                (b"INSERT 0 1\0", 1),
                (b"BEGIN\0", -1),
                (b"SELECT 0\0", 0),
                (b"DEALLOCATE\0", None),
                (b"DISCARD ALL\0", None),
            ):
                self.assertEqual(descriptions.rows(tag), rows)
        self.assertRaises(WireError, descriptions.rows, b"SELECT 1")
        self.assertRaises(WireError, Descriptions().rows, b"")

    def test_rl10_what_no_database_says_is_not_read_and_not_kept(self):
        descriptions = Descriptions()
        self.assertRaises(WireError, descriptions.columns, columns(b"a" * (1 << 20))[5:])
        self.assertRaises(WireError, descriptions.rows, b"SELECT " + b"1" * 5000 + b"\0")
        self.assertEqual(descriptions.rows(b"SELECT " + b"9" * 500 + b"\0"), -1)

    def test_nothing_at_first(self):
        self.assertIsNone(Descriptions().known(b""))
        self.assertRaises(WireError, Descriptions().columns, b"")

    @given(st.binary(max_size=20))
    def test_any_tag(self, tag):
        expected = backend.affected_rows(tag)
        self.assertIn(Descriptions().rows(tag + b"\0"), (expected, None))

    @given(st.lists(st.sampled_from([b"SELECT 1\0", b"UPDATE 2\0", b"\0", b"DISCARD ALL\0"])))
    def test_the_same_again_or_another(self, tags):
        descriptions = Descriptions()
        for tag in tags:
            self.assertEqual(descriptions.rows(tag), Descriptions().rows(tag))

    @given(st.lists(st.sampled_from([columns(b"a")[5:], columns(b"b", b"c")[5:]])))
    def test_the_same_columns_again_or_others(self, bodies):
        descriptions = Descriptions()
        for body in bodies:
            expected = backend.decode_row_description(body).names
            self.assertEqual(descriptions.columns(body).names, expected)
            self.assertEqual(descriptions.known(body).names, expected)
