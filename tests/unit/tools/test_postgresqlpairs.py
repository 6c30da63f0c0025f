"""Pairs of PostgreSQL that are compared; tests/integration/test_migrating.py has real tables."""

import re

from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.postgresql.moving import Part
from acra_twisted.tools.databaseclient import Answer
from acra_twisted.tools.postgresqlpairs import PostgresqlPairs
from acra_twisted.tools.rowcomparing import RowComparer
from acra_twisted.tools.rowwork import Habits, Stopped
from tests.unit.encryption.postgresql.test_moving import PEOPLE, TEXT, attribute, setting

PARTS = [
    Part(setting(f"people.{name}"), attribute(name, at, TEXT), attribute(f"{name}__acra", at + 1))
    for name, at in (("name", 1), ("email", 3))
]


class UpperCase:
    """A second value stands for the first one if it is that in upper case."""

    async def differing(self, pairs):
        return [at for at, (first, second) in enumerate(pairs) if second != first.upper()]


class Table:
    """Rows of four cells, two a page.  An emptied row goes behind all others."""

    def __init__(self, *rows):
        self.rows = dict(enumerate(rows))
        self.questions = 0
        self.asked = []

    async def ask(self, statement, values=(), types=None, formats=None):
        text = statement.decode()
        self.asked.append(text)
        if "pg_relation_size" in text:
            return Answer([[b"%d" % (max(self.rows, default=-1) // 2 + 1)]], [25])
        if text.startswith("UPDATE"):
            for page, item in re.findall(rb'"\((\d+),(\d+)\)"', values[0]):
                first, _, other, _ = self.rows.pop(int(page) * 2 + int(item))
                self.rows[max(self.rows, default=0) + 1] = (first, None, other, None)
            return Answer([], [])
        self.questions += 1
        begin, end = (tuple(map(int, one.strip(b"()").split(b","))) for one in values)
        found = [
            [b"(%d,%d)" % (at // 2, at % 2), *row]
            for at, row in sorted(self.rows.items())
            if begin < (at // 2, at % 2 + 0.5) < end and any(row[1::2])
        ]
        return Answer(
            [row for row in found if row[0] != values[0]][: int(text.split()[-1])], [25] * 5
        )


class Comparing(SynchronousTestCase):
    def compare(self, table, over=False, batch=3, look=False, since=None):
        self.paused = []

        def pause(rows):
            self.paused.append(rows)
            return succeed(None)

        habits = Habits(batch, False, pause, lambda: over, lambda page, pages, counts: None)
        paired = PostgresqlPairs(table, PEOPLE, PARTS, since)
        comparer = RowComparer(paired, [UpperCase(), UpperCase()], habits)
        return Deferred.fromCoroutine(comparer.look() if look else comparer.run())

    def test_a_row_that_differs_in_a_part_is_emptied_in_all(self):
        good = (b"ann", b"ANN", b"a@x", b"A@X")
        table = Table(
            *(good, (b"ann", b"ANN", b"a@x", b"B@X"), good, (None, b"ANN", b"a@x", b"A@X")),
            *((b"bob", None, b"a@x", b"A@X"), (None, None, None, None)),
            *[good] * 300,
            (b"bob", b"ANN", None, None),
        )
        self.assertEqual(self.successResultOf(self.compare(table)), 3)
        emptied = [row for row in table.rows.values() if not any(row[1::2])]
        expected = [(b"ann", None, b"a@x", None), (None, None, b"a@x", None)]
        self.assertEqual(emptied[1:], [*expected, (b"bob", None, None, None)])
        self.assertEqual(sum(row == good for row in table.rows.values()), 302)
        self.assertGreater(table.questions, 100)
        self.assertEqual(self.successResultOf(self.compare(table)), 0)

    def test_a_look_counts_and_changes_nothing(self):
        rows = [(b"ann", b"ANN", b"a@x", b"A@X")] * 7 + [(b"ann", b"BOB", b"a@x", None)] * 2
        table = Table(*rows)
        self.assertEqual(self.successResultOf(self.compare(table, look=True)), 2)
        self.assertEqual(list(table.rows.values()), rows)
        # The first place of a table is none of a row.
        self.assertEqual(sum(self.paused), len(rows) - 1)

    def test_rows_that_were_written_since(self):
        table = Table((b"ann", b"ANN", b"a@x", b"A@X"))
        for since in (None, 700):
            self.assertEqual(self.successResultOf(self.compare(table, since=since)), 0)
            self.assertEqual("pg_catalog.age('700'::xid)" in table.asked[-1], since is not None)

    def test_an_empty_table(self):
        self.assertEqual(self.successResultOf(self.compare(Table())), 0)

    def test_it_stops_between_batches(self):
        self.failureResultOf(self.compare(Table((b"a", b"A", b"b", b"B")), over=True), Stopped)
