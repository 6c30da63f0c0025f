"""Cells longer than an answer; tests/integration/test_column_samples.py reads real ones."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import ConfigError
from acra_twisted.server.pieces import read_cells


def read(rows):
    """Return the cells, and what was asked."""
    asked = []

    async def ask(*arguments):
        asked.append(arguments)
        return rows

    try:
        read_cells(ask, "SELECT v FROM t", 10, 80_000).send(None)
    except StopIteration as end:
        return end.value, asked


class Pieces(SynchronousTestCase):
    def test_they_are_put_together(self):
        cells, [(statement, most)] = read([(b"1", b"ab"), (b"1", b"c"), (b"2", b""), (b"3", b"d")])
        self.assertEqual(cells, [b"abc", b"", b"d"])
        self.assertIn("(SELECT v FROM t)", statement)
        # A cell has a piece at least, and its last one may be short.
        self.assertEqual(most, 20)

    def test_another_answer_is_refused(self):
        for row in ((b"1", None), (None, b"a"), (None, None)):
            self.assertRaises(ConfigError, read, [row])

    @given(st.lists(st.tuples(st.none() | st.binary(), st.none() | st.binary())))
    def test_any_answer(self, rows):
        try:
            cells, _ = read(rows)
        except ConfigError:
            return
        self.assertEqual(b"".join(sorted(cells)) == b"", not any(piece for _, piece in rows))
