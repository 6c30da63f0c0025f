"""The question what tables and routines of some names are."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.mysql.lookup import Named, lookup_question, read_lookup
from acra_twisted.encryption.mysql.question import SchemaError
from acra_twisted.encryption.mysql.targets import Target


def digits(*cells):
    return [cell.encode().hex().encode() for cell in cells]


class Lookups(SynchronousTestCase):
    def test_names_are_sent_as_digits(self):
        text = lookup_question([Target("shop", "it's"), Target("ä", "b`\\")])
        self.assertTrue(text.isascii())
        for sign in (b'"', b"`", b"\\", b"||", b"--", b"#", b"/*", b"it's"):
            self.assertNotIn(sign, text)
        for name in ("shop", "it's", "ä", "b`\\"):
            self.assertIn(name.encode().hex().encode(), text)

    def test_the_answer(self):
        rows = [digits("shop", "orders", "0"), digits("shop", "fresh", "1")]
        self.assertEqual(
            read_lookup(rows), [Named("shop", "orders", False), Named("shop", "fresh", True)]
        )
        self.assertEqual(read_lookup([]), [])

    @given(st.lists(st.lists(st.one_of(st.none(), st.binary(max_size=9)), max_size=4)))
    def test_any_rows_are_read(self, rows):
        try:
            found = read_lookup(rows)
        except SchemaError:
            return
        self.assertEqual(len(found), len(rows))
