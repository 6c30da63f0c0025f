"""Comparison of second columns, whichever their database."""

from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.tools.rowcomparing import PairedRow, RowComparer
from acra_twisted.tools.rowwork import Habits


class UpperCase:
    """A second value stands for the first one if it is that in upper case."""

    def __init__(self):
        self.asked = []

    async def differing(self, pairs):
        self.asked.append(len(pairs))
        return [at for at, (first, second) in enumerate(pairs) if second != first.upper()]


class Table:
    """Rows of two cells for each part, by their numbers."""

    def __init__(self, *rows):
        self.rows = [list(row) for row in rows]
        self.emptied = []

    async def pairs(self, habits, counts):
        for begin in range(0, len(self.rows), habits.batch):
            some = enumerate(self.rows[begin : begin + habits.batch], begin)
            yield [PairedRow(number, [*row]) for number, row in some]

    async def empty(self, places):
        self.emptied += places
        for place in places:
            self.rows[place][1::2] = [None] * (len(self.rows[place]) // 2)


class Comparing(SynchronousTestCase):
    def compare(self, table, look=False):
        self.paused = []

        def pause(rows):
            self.paused.append(rows)
            return succeed(None)

        habits = Habits(3, False, pause, lambda: False, lambda page, pages, counts: None)
        self.changes = [UpperCase(), UpperCase()]
        comparer = RowComparer(table, self.changes, habits)
        return self.successResultOf(
            Deferred.fromCoroutine(comparer.look() if look else comparer.run())
        )

    def test_a_row_that_differs_in_a_part_is_emptied_in_all(self):
        good = (b"ann", b"ANN", b"a@x", b"A@X")
        table = Table(
            *(good, (b"ann", b"ANN", b"a@x", b"B@X"), good, (None, b"ANN", b"a@x", b"A@X")),
            *((b"bob", None, b"a@x", b"A@X"), (None, None, None, None)),
            *[good] * 3,
            (b"bob", b"ANN", None, None),
        )
        self.assertEqual(self.compare(table), 3)
        self.assertEqual(table.emptied, [1, 3, 9])
        self.assertEqual(table.rows[1], [b"ann", None, b"a@x", None])
        self.assertEqual(self.compare(table), 0)
        self.assertEqual(self.paused, [])

    def test_what_is_empty_is_not_compared(self):
        self.assertEqual(self.compare(Table((b"ann", None, b"a@x", b"A@X"), (None,) * 4)), 0)
        self.assertEqual([one.asked for one in self.changes], [[], [1]])

    def test_a_look_counts_and_changes_nothing(self):
        table = Table(*[(b"ann", b"ANN")] * 7, *[(b"ann", b"BOB")] * 2)
        before = [[*row] for row in table.rows]
        for row in table.rows:
            row += [None, None]
        self.assertEqual(self.compare(table, look=True), 2)
        self.assertEqual([row[:2] for row in table.rows], before)
        self.assertEqual(table.emptied, [])
        self.assertEqual(self.paused, [3, 3, 3])
