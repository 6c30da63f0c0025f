"""COPY data in lines."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.wire.postgres.copyformat import CopyDataError, CopyFormat
from acra_twisted.wire.postgres.copyrows import rows_of
from tests.support.copied import cut, fed, values

TEXT = CopyFormat()
CSV = CopyFormat("csv", b",", b"")
OTHER_CSV = CopyFormat("csv", b";", b"none", b"'", b"!")
ODD_CSV = CSV._replace(escape=b"\\")
FORMATS = (TEXT, TEXT._replace(delimiter=b"|", null=b"null"), CSV, OTHER_CSV, ODD_CSV)

PLACES = st.lists(st.integers(0, 500), max_size=8)
VALUES = st.text(alphabet="ab,;|\\\"'!\t\r\nN.xż0", max_size=8).map(str.encode)


class AnyLines(SynchronousTestCase):
    @given(
        st.sampled_from(FORMATS),
        st.lists(st.lists(VALUES, min_size=2, max_size=3), max_size=4),
        st.sampled_from((b"\n", b"\r\n")),
        st.booleans(),
        PLACES,
    )
    def test_values_that_are_written_are_read(self, form, table, end, ended, places):
        rows = rows_of(form, 1 << 20)
        made = [
            rows.join(end, [rows.encode(value, place) for place, value in enumerate(values)])
            for values in table
        ]
        data = b"".join(made)
        if not ended:
            data = data.removesuffix(end)
        before, found, behind = fed(form, cut(data, places))
        self.assertEqual((before, b"".join(found), behind), (b"", data, b""))
        again = rows_of(form, 1 << 20)
        read = [
            [again.decode(one, place) for place, one in enumerate(again.split(row))]
            for row in found
        ]
        self.assertEqual(read, table)
        for row in found:
            self.assertEqual(again.join(row, again.split(row)), row)

    @given(st.sampled_from(FORMATS), st.text(alphabet="a,;|\\\"'!\t\r\nN.", max_size=30), PLACES)
    def test_pieces_make_no_difference(self, form, text, places):
        data = text.encode()
        try:
            whole = fed(form, [data])
        except CopyDataError:
            self.assertRaises(CopyDataError, fed, form, cut(data, places))
            return
        self.assertEqual(fed(form, cut(data, places)), whole)

    @given(st.sampled_from(FORMATS), st.binary(max_size=60), PLACES)
    def test_any_bytes_are_rows_or_refused(self, form, data, places):
        try:
            before, found, behind = fed(form, cut(data, places))
        except CopyDataError:
            return
        self.assertTrue(data.startswith(before + b"".join(found) + behind))
        values(form, data)

    def test_a_row_that_is_too_long_is_refused_before_its_end(self):
        for form in (TEXT, CSV):
            rows = rows_of(form, 10)
            self.assertEqual(rows.feed(b"123456789\n").rows, [b"123456789\n"])
            self.assertEqual(rows.feed(b"12345").rows, [])
            self.assertRaises(CopyDataError, rows.feed, b"678901")
            self.assertRaises(CopyDataError, rows_of(form, 10).feed, b"1234567890\n")
        self.assertRaises(CopyDataError, rows_of(CSV, 10).feed, b'"1234\n5678\n')
        self.assertRaises(CopyDataError, rows_of(TEXT, 10).feed, b"1234\\\n5678\\\n")

    def test_a_header_is_no_row(self):
        for form in (TEXT, CSV):
            header = form._replace(header=True)
            self.assertEqual(fed(header, [b"a\nb", b"\nc\n"]), (b"a\n", [b"b\n", b"c\n"], b""))
            self.assertEqual(fed(header, [b"a"]), (b"a", [], b""))
            self.assertEqual(fed(header, []), (b"", [], b""))
        self.assertEqual(fed(CSV._replace(header=True), [b'"a\nb"\n1\n'])[0], b'"a\nb"\n')


class Text(SynchronousTestCase):
    def test_escapes(self):
        found = values(TEXT, b"a\\tb\\n\\\\\\101\\x41\\x4\\q\t\\N\t\\\\N\n\\x\\xg\n")
        self.assertEqual(found, [[b"a\tb\n\\AA\x04q", None, b"\\N"], [b"xxg"]])

    def test_escaped_ends_and_delimiters_are_data(self):
        self.assertEqual(values(TEXT, b"a\\\nb\\\tc\td\n"), [[b"a\nb\tc", b"d"]])
        self.assertEqual(values(TEXT, b"a\\\\\nb\n"), [[b"a\\"], [b"b"]])
        self.assertEqual(values(TEXT, b"a\\\r\nb\n"), [[b"a\r"], [b"b"]])

    def test_a_carriage_return_of_its_own_is_refused(self):
        self.assertEqual(values(TEXT, b"a\\\rb\r\n"), [[b"a\rb"]])
        self.assertIsNone(values(TEXT, b"a\rb\n"))

    def test_a_header_that_other_ends_of_lines_make_of_all_rows_is_refused(self):
        for form in (TEXT, CSV, OTHER_CSV, ODD_CSV):
            for data in (b"name\rsecret\rmore\r", b"name\rsecret\r\n", b"name\rsecret\nmore\n"):
                for pieces in ([data], [data[:6], data[6:]]):
                    with self.assertRaises(CopyDataError) as caught:
                        fed(form._replace(header=True), pieces)
                    self.assertNotIn("secret", str(caught.exception))
            header = form._replace(header=True)
            self.assertEqual(fed(header, [b"a\r\nb\r\n"])[:2], (b"a\r\n", [b"b\r\n"]))

    def test_nothing_is_read_behind_the_end(self):
        self.assertEqual(fed(TEXT, [b"a\n\\", b".\nb\n", b"c\n"]), (b"", [b"a\n"], b"\\.\n"))
        self.assertEqual(fed(TEXT, [b"a\n\\."]), (b"", [b"a\n"], b"\\."))
        self.assertEqual(fed(TEXT, [b"\\.\r\nb"]), (b"", [], b"\\.\r\n"))

    def test_a_value_that_reads_like_null(self):
        form = TEXT._replace(null=b"null")
        written = rows_of(form, 100).encode(b"null", 0)
        self.assertEqual(values(form, written + b"\tnull\n"), [[b"null", None]])
        self.assertRaises(CopyDataError, rows_of(TEXT._replace(null=b""), 100).encode, b"", 0)

    def test_bytes_in_hexadecimal(self):
        self.assertEqual(rows_of(TEXT, 100).encode(b"\\x4142", 0), b"\\\\x4142")

    def test_many_escaped_delimiters_take_no_longer_than_others(self):
        """Values are put together once."""
        row = b"\\\t" * 200_000 + b"\n"
        self.assertEqual(values(TEXT, row), [[b"\t" * 200_000]])


class Csv(SynchronousTestCase):
    def test_a_carriage_return_outside_quotes_is_refused_whatever_is_quoted(self):
        for data in (
            b'"a",b\rc\n',
            b'a\rb,"c"\n',
            b'"a"\r"b"\n',
            b'"a\rb"\rc\n',
            b'"x\ny",b\rc\n',
        ):
            self.assertRaises(CopyDataError, rows_of(CSV, 100).split, data)
        self.assertEqual(rows_of(CSV, 100).split(b'"a\rb",c\r\n'), [b'"a\rb"', b"c"])
        self.assertRaises(CopyDataError, rows_of(OTHER_CSV, 100).split, b"'a!'\r';b\rc\n")
        split = rows_of(OTHER_CSV, 100).split
        self.assertEqual(split(b"'a!'\r';b\n"), [b"'a!'\r'", b"b"])

    def test_quotes(self):
        for data, found in (
            (b'a,"b,c","d""e","f\ng"\n', [[b"a", b"b,c", b'd"e', b"f\ng"]]),
            (b'ab"cd"ef,"x"y"z"\n', [[b"abcdef", b"xyz"]]),
            (b',"",a\n', [[None, b"", b"a"]]),
            (b'"a\r\nb"\r\n', [[b"a\r\nb"]]),
            (b'a,""""\n', [[b"a", b'"']]),
        ):
            self.assertEqual(values(CSV, data), found, data)
        for data in (b'a,"b\n', b'"a""\n', b"a\rb\n", b'"a"\rb\n'):
            self.assertIsNone(values(CSV, data), data)

    def test_another_escape(self):
        for data, found in (
            (b"'a!'b','!!','!x',none,'none'\n".replace(b",", b";"),
             [[b"a'b", b"!", b"!x", None, b"none"]]),
            (b"a!b;'c!\nd'\n", [[b"a!b", b"c!\nd"]]),
        ):  # fmt: skip
            self.assertEqual(values(OTHER_CSV, data), found, data)
        self.assertEqual(values(ODD_CSV, b'"a\\"b",\\x4142\n'), [[b'a"b', b"\\x4142"]])

    def test_null_by_column(self):
        form = CSV._replace(not_null=frozenset({0}), null_in_quotes=frozenset({1}))
        self.assertEqual(values(form, b',"",\n'), [[b"", None, None]])
        rows = rows_of(form, 100)
        self.assertEqual(rows.encode(b"", 0), b'""')
        self.assertRaises(CopyDataError, rows.encode, b"", 1)

    def test_an_end_mark_is_refused(self):
        self.assertIsNone(values(CSV, b"a\n\\.\nb\n"))
        self.assertEqual(rows_of(CSV, 100).encode(b"\\.", 0), b'"\\."')

    def test_bytes_in_hexadecimal_need_no_quotes(self):
        self.assertEqual(rows_of(CSV, 100).encode(b"\\x4142", 0), b"\\x4142")
