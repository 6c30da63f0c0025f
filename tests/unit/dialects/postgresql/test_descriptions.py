"""What is kept is what the decoders say; what drops statements is never only counted."""

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

    @given(st.binary(max_size=20))
    def test_any_tag(self, tag):
        expected = backend.affected_rows(tag)
        self.assertIn(Descriptions().rows(tag + b"\0"), (expected, None))
