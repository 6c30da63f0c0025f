"""One pass cuts what the regular expressions cut."""

from hypothesis import example, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.sql.scan import scan
from acra_twisted.sql.skeleton import split_by_expressions
from tests.unit.sql.test_skeleton import SOUP

_BYTES = st.lists(
    st.sampled_from(
        [bytes([byte]) for byte in b"'\"`\\0129.ax_$ -e\x00\x01\x02\x03\x04\x05\x80\xc3\xa9"]
    ),
    max_size=12,
)


class Scan(SynchronousTestCase):
    def check(self, text):
        for quote in (b'"', b"`"):
            self.assertEqual(scan(text, quote[0]), split_by_expressions(text, quote), text)

    def test_a_statement(self):
        found = scan(b"SELECT \"a\" FROM t WHERE b = 'x' AND c1 = 2.50", 0x22)
        self.assertEqual(
            found,
            (
                b'SELECT "a" FROM t WHERE b = \x01 AND c1 = \x04',
                [b"'x'", b"2.50"],
                b"SELECT \x02 FROM t WHERE b = \x01 AND c1 = \x04",
            ),
        )

    @settings(max_examples=1000)
    @given(st.one_of(SOUP, _BYTES).map(b"".join))
    @example(b"1.5.5")
    @example(b"'a''b'")
    @example(b'""a"')
    @example("'\u00e9' 1".encode())
    def test_as_the_regular_expressions(self, text):
        self.check(text)

    @settings(max_examples=300)
    @given(st.binary(max_size=40))
    def test_of_any_bytes(self, text):
        self.check(text)
