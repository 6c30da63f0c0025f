"""NULL of a COPY in CSV that digits can spell."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.sql.copying import null_may_be_digits


class Null(SynchronousTestCase):
    def test_texts(self):
        for text, expected in (
            (b"COPY t TO STDOUT", False),
            (b"COPY t TO STDOUT (FORMAT csv)", False),
            (b"COPY t TO STDOUT (FORMAT csv, NULL '')", False),
            (b"COPY t TO STDOUT WITH CSV NULL AS '\\N'", False),
            (b"COPY t TO STDOUT (FORMAT csv, NULL 'none', DELIMITER E'\\t')", False),
            (b"COPY (SELECT NULL, '00') TO STDOUT CSV", False),
            (b"COPY (SELECT 1 WHERE a IS NULL AND b = '00') TO STDOUT", False),
            (b"COPY t TO STDOUT (FORMAT csv, NULL '00')", True),
            (b"copy t to stdout with csv null as 'FF'", True),
            (b"COPY t TO STDOUT (FORMAT csv, null /* x */ '\\x61')", True),
            (b"COPY t TO STDOUT (FORMAT csv, NULL E'\\\\x61')", True),
            (b"COPY t TO STDOUT (FORMAT csv, NULL U&'\\005cx61')", True),
            (b"COPY t TO STDOUT (FORMAT csv, NULL $$\\x61$$)", True),
            (b"COPY t TO STDOUT (NULL '\\\\x61', FORMAT 'csv')", True),
            (b"COPY a TO STDOUT; COPY t TO STDOUT (FORMAT csv, NULL '6')", True),
            (b"COPY t TO STDOUT (FORMAT csv, NULL '6", True),
            (b"COPY t TO STDOUT (FORMAT E'\\x63sv', \"null\" '00')", True),
        ):
            self.assertEqual(null_may_be_digits(text), expected, text)

    # What may stand between words.
    gaps = st.lists(st.sampled_from([b" ", b"\n", b"/* ' */", b'-- "\n']), min_size=1).map(b"".join)

    @given(
        st.lists(gaps, min_size=4, max_size=4), st.sampled_from([b"NULL", b'"null"', b'U&"null"'])
    )
    def test_whatever_stands_between(self, gaps, name):
        parts = (b"COPY t TO STDOUT (FORMAT csv, DELIMITER ';',", name, b"'00'", b")")
        text = b"".join(part + gap for part, gap in zip(parts, gaps, strict=True))
        self.assertTrue(null_may_be_digits(text))
        self.assertFalse(null_may_be_digits(text.replace(b"'00'", b"'-'")) and name[:1] != b"U")

    @given(st.binary(max_size=60))
    def test_anything_at_all(self, text):
        self.assertFalse(null_may_be_digits(text.replace(b"U&", b"").replace(b"u&", b"")))
