"""Rows of MySQL that are changed while others change them; tests/integration/
test_mysql_migrating.py has a real database."""

from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.migrating import ENCRYPT
from acra_twisted.encryption.mysql import moving
from acra_twisted.tools.mysqlclient import MysqlError
from acra_twisted.tools.mysqlrows import WORDS, MysqlRows
from acra_twisted.tools.rowmoving import RowMover
from acra_twisted.tools.rowwork import Habits, MigrationError, Stopped
from tests.support.mysqltable import Rows
from tests.unit.encryption.mysql.test_moving import ID, STORED, table
from tests.unit.tools.test_rowmoving import Shout

PEOPLE = table(ID, STORED)
FACTS = moving.Facts(3, "", [])


class Moving(SynchronousTestCase):
    def setUp(self):
        self.over = False
        self.shown = []

    def run_on(self, rows, page=0, passes=5, batch=3, dry=False):
        habits = Habits(
            batch,
            dry,
            lambda number: succeed(None),
            lambda: self.over,
            lambda page, pages, counts: self.shown.append((page, pages)),
        )
        parts, key = moving.parts(PEOPLE, ENCRYPT), moving.key(PEOPLE)
        made = MysqlRows(rows, PEOPLE.table, parts, key, FACTS, "SKIP LOCKED")
        mover = RowMover(made, [Shout()], habits, WORDS)
        return Deferred.fromCoroutine(mover.run(page, passes))

    def moved(self, rows, **more):
        return self.successResultOf(self.run_on(rows, **more))

    def test_every_row_is_changed_in_batches(self):
        rows = Rows(*[b"row %d" % number for number in range(100)])
        counts = self.moved(rows)
        self.assertEqual((counts.changed, counts.refused, counts.left), (100, 0, 0))
        self.assertEqual(rows.values(), [b"ROW %d" % number for number in range(100)])
        # Three at a time, as they are read.
        self.assertEqual(rows.asked.count("UPDATE `shop`.`people`"), 34)
        self.assertEqual(self.shown[-1], (100, 100))
        self.assertTrue(all(page <= pages for page, pages in self.shown))
        self.assertEqual(self.moved(rows).changed, 0)

    def test_an_empty_table_and_one_that_ends_with_a_batch(self):
        self.assertEqual(self.moved(Rows()).changed, 0)
        self.assertEqual(self.moved(Rows(b"a", b"b", b"c")).changed, 3)

    def test_nothing_is_written_in_a_dry_run(self):
        rows = Rows(b"one", b"TWO", b"three", None)
        self.assertEqual(self.moved(rows, dry=True).changed, 2)
        self.assertEqual({word.split()[0] for word in rows.asked}, {"SELECT"})

    def test_a_row_that_somebody_changes_meanwhile_is_not_overwritten(self):
        rows = Rows(b"one", b"two")

        def meanwhile(text):
            if "FOR UPDATE" in text and rows.rows[1] == b"one":
                rows.rows[1] = b"three"

        rows.before = meanwhile
        self.moved(rows)
        self.assertEqual(rows.values(), [b"THREE", b"TWO"])

    def test_a_row_that_somebody_holds_or_takes_away(self):
        rows = Rows(b"one", b"two", b"three")
        rows.held.add(1)

        def later(text):
            if "FOR UPDATE" in text and 2 in rows.rows:
                del rows.rows[2]
            elif "SNAPSHOT" in text and 2 not in rows.rows:
                rows.held.clear()

        rows.before = later
        self.moved(rows)
        self.assertEqual(rows.rows, {1: b"ONE", 3: b"THREE"})

    def test_a_row_that_is_made_behind_a_pass_is_found(self):
        rows = Rows(*[b"row"] * 10)
        made = [1]

        def meanwhile(text):
            if "`id` > 6" in text and made:
                made.clear()
                rows.rows[0] = b"new"

        rows.before = meanwhile
        self.moved(rows)
        self.assertEqual(set(rows.values()), {b"ROW", b"NEW"})

    def test_the_last_pass_looks_at_one_moment(self):
        rows = Rows(b"ROW")
        self.moved(rows)
        self.assertEqual(
            [word.split()[0] for word in rows.asked], ["SELECT", "START", "SELECT", "COMMIT"]
        )

    def test_what_the_database_refuses(self):
        rows = Rows(b"one", b"two", b"three")
        rows.refuses[b"TWO"] = MysqlError("the database says error 1406", "1406")
        counts = self.moved(rows)
        self.assertEqual(rows.values(), [b"ONE", b"two", b"THREE"])
        self.assertEqual(counts.refused, 1)
        self.assertIn("row with number 2 in the order of its key: ", counts.told[0])
        rows.refuses[b"TWO"] = MysqlError("the database says error 1142", "1142")
        self.failureResultOf(self.run_on(rows), MysqlError)

    def test_a_deadlock_is_tried_again(self):
        rows = Rows(b"one", b"two")
        rows.refuses[b"TWO"] = MysqlError("the database says error 1213", "1213")

        def later(text):
            if "SNAPSHOT" in text:
                rows.refuses.clear()

        rows.before = later
        self.moved(rows)
        self.assertEqual(rows.values(), [b"ONE", b"TWO"])

    def test_what_is_not_read_back_as_written_is_taken_back(self):
        rows = Rows(b"one", b"two")
        rows.spoils = b"spoilt"
        failure = self.failureResultOf(self.run_on(rows), MigrationError)
        self.assertIn("a trigger may change it", str(failure.value))
        self.assertEqual(rows.values(), [b"one", b"two"])
        rows.spoils = None

        def gone(text):
            if text.startswith("UPDATE"):
                rows.before = lambda text: rows.rows.pop(2, None)

        rows.before = gone
        self.failureResultOf(self.run_on(rows), MigrationError)

    def test_it_stops_between_batches_and_goes_on_from_there(self):
        rows = Rows(*[b"row"] * 20)

        def meanwhile(text):
            self.over = rows.asked.count("COMMIT") == 2

        rows.before = meanwhile
        failure = self.failureResultOf(self.run_on(rows), Stopped)
        self.assertEqual(failure.value.page, 9)
        self.assertIn("--resume='shop.people 9'", str(failure.value))
        self.over, rows.before = False, lambda text: None
        done = rows.values().count(b"ROW")
        self.assertEqual(self.moved(rows, page=9).changed, 20 - done)
        self.assertEqual(self.moved(Rows(b"row"), page=99).changed, 1)
