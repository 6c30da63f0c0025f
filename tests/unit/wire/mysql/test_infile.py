"""Files of LOAD DATA: read in any format, written in one."""

from hypothesis import assume, example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.wire.mysql.filepatterns import InfileError, InfileFormat
from acra_twisted.wire.mysql.filerows import decode, encode, join, split
from acra_twisted.wire.mysql.infile import STEP, InfileRows
from tests.support.copied import cut

PLAIN = InfileFormat()
QUOTED = InfileFormat(b",", b'"', b"\\")
DOUBLED = InfileFormat(b",", b'"', b'"')
BARE = InfileFormat(b",", b"", b"")
STARTED = InfileFormat(b"||", b"'", b"!", b">>", b"||\r\n", 1)
#: The sign is one of Python's own in patterns that are put together.
PERCENT = InfileFormat(b",", b"%", b"\\")
FORMATS = (PLAIN, QUOTED, DOUBLED, BARE, STARTED, PERCENT)
#: Pieces of which files are made that mean something in some format.
SIGNS = (
    *(b"\t", b"\n", b"\\", b'"', b",", b"||", b"\r\n", b"!", b"'", b">>", b"N", b"NULL", b"a"),
    b"%",
)
files = st.lists(st.sampled_from(SIGNS), max_size=30).map(b"".join)
values = st.lists(st.one_of(st.none(), files, st.binary(max_size=20)), min_size=2, max_size=2)


def rows_of(data, form=PLAIN, count=2, limit=10_000, places=(), codec="latin-1", step=STEP):
    """The values of a file's rows."""
    rows = InfileRows(form, count, limit, codec, step)
    found = []
    for piece in cut(data, places):
        found += rows.feed(piece).rows
    found += rows.finish().rows
    return [[decode(one) for one in split(row)] for row in found]


def told(data, *given, **more):
    """The values, or the text of the error."""
    try:
        return rows_of(data, *given, **more)
    except InfileError as error:
        return str(error)


class Reading(SynchronousTestCase):
    def test_escapes(self):
        data = rb"a\tb\nc\rd\be\0f\Zg\\h\'" + b"\\\t\\\n\t\\N\n"
        expected = [b"a\tb\nc\rd\be\0f\x1ag\\h'\t\n", None]
        self.assertEqual(rows_of(data), [expected])
        self.assertEqual(rows_of(b"\\Na\tN\n"), [[b"Na", b"N"]])

    def test_signs_around_fields(self):
        self.assertEqual(
            rows_of(b'"a,""b\n\\"",NULL\n"NULL",a"b"\n"\\N",\\N\n"a"b,c",""\n', QUOTED),
            [
                [b'a,"b\n"', None],
                [b"NULL", b'a"b"'],
                [None, None],
                [b'a"b,c', b""],
            ],
        )
        self.assertEqual(
            rows_of(b'"a""",b""c\n\\n,"d"\n', DOUBLED), [[b'a"', b'b"c'], [b"\\n", b"d"]]
        )
        self.assertEqual(rows_of(b"a\\,NULL\n", BARE), [[b"a\\", b"NULL"]])

    def test_lines_that_begin_with_something(self):
        data = b"head'||\r\n||\r\nrest>>a||'b||\r\n'||\r\n>>!N||c||d"
        self.assertEqual(
            told(data, STARTED), "a row has missing values, or more than it has columns"
        )
        data = data.removesuffix(b"||d")
        self.assertEqual(rows_of(data, STARTED), [[b"a", b"b||\r\n"], [None, b"c"]])
        self.assertEqual(rows_of(b"head||\r\nno row at all\n>", STARTED), [])

    def test_the_last_line_need_not_be_ended(self):
        for data, expected in (
            (b"a\tb", [[b"a", b"b"]]),
            (b"a\tb\\", [[b"a", b"b\\"]]),
            (b"a\tb\t", [[b"a", b"b"]]),
            (b"a\tb\t\nc\td\t\n", [[b"a", b"b"], [b"c", b"d"]]),
            (b"", []),
        ):
            self.assertEqual(rows_of(data), expected)
        self.assertEqual(rows_of(b'a,"b"', QUOTED), [[b"a", b"b"]])
        # Servers keep the signs then.
        self.assertEqual(told(b'a,"b"', DOUBLED), "the last field is not ended")
        self.assertEqual(told(b'a,"b\n', QUOTED), "the last field is not ended")

    def test_rows_with_another_number_of_values(self):
        for data in (b"a\n", b"\n", b"a\tb\tc\n", b"a\tb\n\n", b"a\t", b"a\tb\t\t", b"a\tb\tc"):
            self.assertIn("missing values", told(data), data)
        self.assertEqual(rows_of(b"\na\n", count=1), [[b""], [b"a"]])

    def test_a_row_that_is_too_long(self):
        for data in (b"a" * 60, b"a\t" + b"b" * 60, b'"' + b"\n" * 60):
            rows = InfileRows(QUOTED._replace(fields=b"\t"), 2, 50)
            with self.assertRaises(InfileError):
                for at in range(len(data)):
                    rows.feed(data[at : at + 1])
                rows.finish()
        self.assertEqual(len(rows_of(b"a\tb\n" * 100, limit=5)), 100)

    def test_lines_that_are_left_out_are_in_the_character_set(self):
        form = PLAIN._replace(skipped=1)
        data = b"\xe2\na\tb\n"
        self.assertEqual(rows_of(data, form), [[b"a", b"b"]])
        self.assertIn("character set", told(data, form, codec="utf-8"))
        self.assertEqual(rows_of("é\na\tb\n".encode(), form, codec="utf-8"), [[b"a", b"b"]])

    @given(files, st.sampled_from(FORMATS), st.lists(st.integers(0, 60)), st.integers(1, 3))
    def test_wherever_it_is_cut(self, data, form, places, count):
        self.assertEqual(told(data, form, count, places=places), told(data, form, count))

    @example(b"a" * 8, PLAIN, [], 1)
    @given(files, st.sampled_from(FORMATS), st.lists(st.integers(0, 60)), st.integers(1, 3))
    def test_however_much_is_taken_of_a_field(self, data, form, places, count):
        found = told(data, form, count, places=places, step=8)
        self.assertEqual(found, told(data, form, count))

    @given(st.lists(values, max_size=4), st.sampled_from((QUOTED, DOUBLED)))
    def test_values_that_a_server_has_written(self, rows, form):
        """SELECT ... INTO OUTFILE writes such."""

        def written(value):
            if value is None:
                return b"NULL" if form is DOUBLED else b"\\N"
            value = value.replace(b"\\", b"\\\\") if form.escape == b"\\" else value
            return b'"' + value.replace(b'"', b'""') + b'"'

        data = b"".join(b",".join(map(written, row)) + b"\n" for row in rows)
        assume(form is DOUBLED or not any(one == b"N" for row in rows for one in row))
        self.assertEqual(rows_of(data, form), rows)


class LongFields(SynchronousTestCase):
    """They are read in steps: nothing is left for the end but their last bytes."""

    def check(self, form, before, content, behind, value):
        rows = InfileRows(form, 1, 1 << 22)
        most, number, found = 0, (1 << 20) // len(content), []
        data = before + content * number + behind
        for at in range(0, len(data), 8192):
            found += rows.feed(data[at : at + 8192]).rows
            most = max(most, rows.unread)
        found += rows.finish().rows
        self.assertLess(most, STEP + 8192, form)
        [row] = found
        self.assertTrue(decode(split(row)[0]) == value * number, (form, content))

    def test_of_escapes(self):
        for form, before, content, behind, value in (
            (PLAIN, b"", b"\\\\", b"\n", b"\\"),
            (PLAIN, b"", b"\\\t", b"\n", b"\t"),
            (PLAIN, b"", b"ab", b"", b"ab"),
            (QUOTED, b'"', b'""', b'"\n', b'"'),
            (QUOTED, b'"', b"\\n", b'"', b"\n"),
            (QUOTED, b'"', b",\n", b'"\n', b",\n"),
            (DOUBLED, b'"', b'""', b'"\n', b'"'),
            (BARE, b"", b"\\\t", b"\n", b"\\\t"),
        ):
            self.check(form, before, content, behind, value)

    def test_a_row_has_its_limit(self):
        rows = InfileRows(PLAIN, 1, 1 << 16)
        with self.assertRaises(InfileError):
            for _ in range(9):
                rows.feed(b"\\a" * 4096)


class Writing(SynchronousTestCase):
    @given(st.lists(values, max_size=5), st.lists(st.integers(0, 80)))
    def test_what_is_written_is_read_again(self, rows, places):
        data = b"".join(
            join([b"\\N" if one is None else encode(one) for one in row]) for row in rows
        )
        self.assertEqual(rows_of(data, places=places), rows)
