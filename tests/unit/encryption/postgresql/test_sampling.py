"""Questions for some stored values; tests/integration/test_column_samples.py asks real tables."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.postgresql import sampling, types
from acra_twisted.encryption.postgresql.schema import PARTITIONED, TABLE, Attribute, Relation
from acra_twisted.errors import ConfigError

BYTES = Attribute('na"me', 2, types.BYTEA, types.BYTEA)
TEXT = Attribute("name", 2, types.TEXT, types.TEXT)
ROOT = Relation(7, "public", "peo ple", PARTITIONED, [BYTES])
PARTS = [Relation(oid, "public", f"part{oid}", TABLE, [BYTES]) for oid in (8, 9)]


class Sampling(SynchronousTestCase):
    def test_the_question(self):
        text = sampling.question(ROOT, PARTS, BYTES, 50, 1_000)
        self.assertIn('t."na""me"', text)
        self.assertIn('FROM "public"."peo ple" t TABLESAMPLE', text)
        self.assertIn("ARRAY[8, 9]::oid[]", text)
        self.assertIn("LIMIT 50", text)
        self.assertIn("<= 1000", text)

    def test_a_cell_is_the_value(self):
        self.assertEqual(sampling.stored(BYTES, b"00ff"), b"\x00\xff")
        self.assertEqual(sampling.stored(BYTES, b"\\x41".hex().encode()), b"\\x41")
        for cell in (b"0", b"zz", b"\xff\xff"):
            self.assertRaises(ConfigError, sampling.stored, BYTES, cell)

    def test_a_column_of_text_has_the_text_of_what_is_stored(self):
        for text, value in ((rb"\x4142", b"AB"), (rb"\xyz", rb"\xyz"), (b"AB", b"AB")):
            self.assertEqual(sampling.stored(TEXT, text.hex().encode()), value)

    @given(st.binary())
    def test_any_cell_is_a_value_or_refused(self, cell):
        for attribute in (BYTES, TEXT):
            try:
                self.assertIs(type(sampling.stored(attribute, cell)), bytes)
            except ConfigError:
                pass
