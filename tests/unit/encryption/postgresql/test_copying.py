"""Rows that are copied into a table with protected columns."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.plan import Copied
from acra_twisted.encryption.postgresql.copying import CopiedRows
from acra_twisted.encryption.settings import TOKENIZED, ColumnSetting
from tests.support.copied import cut

NAMES = ("id", "name", "age")
NAME = ColumnSetting("", "people", "name", data_type="str")
AGE = ColumnSetting("", "people", "age", data_type="int32")
COLUMNS = (None, NAME, AGE)


def copied(data, options, store=bytes.upper, limit=1000):
    """The data with each secret stored by a function; ``data`` may be in pieces."""
    rows = CopiedRows(Copied(COLUMNS, options, NAMES), limit)
    found = b""
    for piece in (*data, None):
        fed = rows.finish() if piece is None else rows.feed(piece)
        found += fed.before
        for one in fed.rows:
            row = rows.read(one)
            found += rows.write(row, [store(secret.plaintext) for secret in row.secrets])
        found += fed.behind
    return found


class Rows(SynchronousTestCase):
    def refused(self, data, options):
        with self.assertRaises(ValueRefusedError) as caught:
            copied([data], options)
        return caught.exception.sqlstate, caught.exception.reason

    def test_values_of_protected_columns_change(self):
        for options, data, made in (
            ({}, b"1\tanna\t 42\n2\t\\N\t\\N\n", b"1\t\\\\x414e4e41\t\\\\x3432\n2\t\\N\t\\N\n"),
            ({"format": "csv"}, b'1,"a,b",7\r\n"2",,\r\n', b'1,\\x412c42,\\x37\r\n"2",,\r\n'),
            (
                {"format": "csv", "header": "true"},
                b"id,name,age\n1,a,2",
                b"id,name,age\n1,\\x41,\\x32",
            ),
            ({}, b"1\ta\t2\n\\.\n", b"1\t\\\\x41\t\\\\x32\n\\.\n"),
        ):
            self.assertEqual(copied([data], options), made)

    def test_binary_values_are_of_the_type_that_was_described(self):
        head = b"PGCOPY\n\xff\r\n\0" + bytes(8)
        data = head + b"\0\3\0\0\0\1x\0\0\0\4anna\0\0\0\4\xff\xff\xff\xfb\xff\xff"
        made = head + b"\0\3\0\0\0\1x\0\0\0\4ANNA\0\0\0\2-5\xff\xff"
        self.assertEqual(copied([data], {"format": "binary"}), made)

    def test_the_mark_for_a_default_stays(self):
        for options, data, made in (
            ({"default": "\\D"}, b"1\t\\D\t2\n", b"1\t\\D\t\\\\x32\n"),
            ({"format": "csv", "default": "d"}, b'1,d,2\n1,"d",2\n', b"1,d,\\x32\n1,\\x44,\\x32\n"),
        ):
            self.assertEqual(copied([data], options), made)

    def test_tokens_are_of_the_columns_own_type(self):
        token = AGE._replace(kind=TOKENIZED, token_type="int32")
        head = b"PGCOPY\n\xff\r\n\0" + bytes(8)
        for options, data, made in (
            ({}, b"42\n", b"-7\n"),
            ({"format": "csv"}, b"42\n", b"-7\n"),
            (
                {"format": "binary"},
                head + b"\0\1\0\0\0\4\0\0\0\x2a\xff\xff",
                head + b"\0\1\0\0\0\4\xff\xff\xff\xf9\xff\xff",
            ),
        ):
            rows = CopiedRows(Copied((token,), options, ("age",)), 100)
            fed = rows.feed(data)
            row = rows.read(fed.rows[0])
            self.assertEqual(row.secrets[0].plaintext, b"42")
            self.assertEqual(fed.before + rows.write(row, [b"-7"]) + fed.behind, made)

    def test_bytes_in_escapes_are_the_servers(self):
        rows = CopiedRows(Copied((NAME,), {"null": "ż"}, ("name",)), 100, "LATIN2")
        for text, plaintext in (("Ż\\305\\273", "ŻŻ"), ("ż", None)):
            row = rows.read(text.encode("iso8859_2") + b"\n")
            found = [secret.plaintext.decode() for secret in row.secrets]
            self.assertEqual(found, [plaintext] if plaintext else [])

    @given(st.lists(st.integers(0, 100), max_size=5), st.sampled_from(({}, {"delimiter": "|"})))
    def test_pieces_make_no_difference(self, places, options):
        end = options.get("delimiter", "\t").encode()
        data = b"".join(end.join((b"%d" % n, b"n\\\n", b"%d" % n)) + b"\n" for n in range(5))
        self.assertEqual(copied(cut(data, places), options), copied([data], options))

    def test_rows_that_are_refused(self):
        for options, data, state in (
            ({}, b"1\ta\n", b"22P04"),
            ({}, b"1\ta\t2\t3\n", b"22P04"),
            ({}, b"1\ta\tb\n", b"22P02"),
            ({}, b"1\ta\t99999999999\n", b"22003"),
            ({}, b"1\t\xff\t2\n", b"22021"),
            ({}, b"1\ta\rb\t2\n", b"22P04"),
            ({}, b"x" * 2000, b"22P04"),
            ({"format": "csv"}, b'1,"a', b"22P04"),
            ({"format": "csv"}, b"\\.\n", b"22P04"),
            ({"format": "binary"}, b"x" * 30, b"22P04"),
        ):
            self.assertEqual(self.refused(data, options)[0], state, data[:20])
        self.assertEqual(
            self.refused(b"", {"format": "csv", "quote": "0"}), (b"0A000", "copy_options")
        )

    def test_an_error_has_the_column_and_nothing_of_the_value(self):
        with self.assertRaises(ValueRefusedError) as caught:
            copied([b"1\ta\tsecret\n"], {})
        self.assertIn("people.age", str(caught.exception))
        self.assertNotIn("secret", str(caught.exception))
