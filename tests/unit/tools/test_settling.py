"""Second columns are brought up to date while nobody else has their table."""

from types import SimpleNamespace

from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.migrating import DECRYPT, ENCRYPT
from acra_twisted.tools.rowwork import WITHIN, Counts, Habits, MigrationError, Stopped
from acra_twisted.tools.settling import settle, switch
from tests.unit.tools.test_rowcomparing import Table, UpperCase


class People(Table):
    """One part, filled by the job."""

    label = "shop.people"
    parts = ("name",)


class Job:
    """Fills what is empty by ``make``."""

    def __init__(self, make=bytes.upper):
        self.given = SimpleNamespace(command=ENCRYPT, lock_timeout=7)
        self.make = make
        self.told = []
        self.filled = []
        self.refused = 0

    async def moved(self, table, page, words):
        self.filled.append((page, words))
        counts = Counts()
        for row in table.rows:
            if row[0] is not None and row[1] is None:
                row[1] = self.make(row[0])
        if self.refused:
            counts.refuse("row 1", "it is refused")
        return counts

    def second_change(self, part):
        return UpperCase()

    def habits(self, label):
        return Habits(2, False, succeed, lambda: False, lambda page, pages, counts: None)

    def tell(self, text):
        self.told.append(text)

    def end_progress(self):
        pass


class Settling(SynchronousTestCase):
    def settle(self, job, table):
        return Deferred.fromCoroutine(settle(job, table, table))

    def test_what_is_empty_is_filled(self):
        job, table = Job(), People((b"ann", None), (b"bob", b"BOB"), (None, None))
        self.successResultOf(self.settle(job, table))
        self.assertEqual(table.rows, [[b"ann", b"ANN"], [b"bob", b"BOB"], [None, None]])
        self.assertEqual((job.filled, job.told), ([(0, WITHIN)], []))

    def test_what_differs_is_told_and_filled_anew(self):
        job, table = Job(), People((b"ann", b"BOB"), (b"bob", b"BOB"), (None, b"ANN"))
        self.successResultOf(self.settle(job, table))
        self.assertEqual(table.rows, [[b"ann", b"ANN"], [b"bob", b"BOB"], [None, None]])
        [told] = job.told
        self.assertIn("shop.people: 2 rows had other values", told)

    def test_what_differs_again_ends_it(self):
        job, table = Job(lambda value: b"spoilt"), People((b"ann", None))
        error = self.failureResultOf(self.settle(job, table), MigrationError).value
        self.assertIn("1 rows have other values in their second columns as soon as", str(error))

    def test_a_value_that_is_refused_ends_it(self):
        job = Job()
        job.refused = 1
        failure = self.failureResultOf(self.settle(job, People()), MigrationError)
        self.assertIn("row 1: it is refused", str(failure.value))


class Switching(SynchronousTestCase):
    def setUp(self):
        self.job, self.done = Job(), []

    def switch(self, error=None):
        async def carry_out():
            self.done.append("done")
            if error is not None:
                raise error

        async def note(what):
            self.done.append(what)

        return Deferred.fromCoroutine(
            switch(self.job, "shop.people", carry_out, lambda: note("kept"), lambda: note("undone"))
        )

    def test_it_is_kept_and_told(self):
        self.successResultOf(self.switch())
        self.assertEqual(self.done, ["done", "kept"])
        [told] = self.job.told
        self.assertIn("shop.people: switched; the former columns are named NAME__before", told)

    def test_columns_with_stored_values_have_another_name(self):
        self.job.given.command = DECRYPT
        self.successResultOf(self.switch())
        [told] = self.job.told
        self.assertIn("the former columns are named NAME__stored", told)

    def test_what_fails_is_undone(self):
        self.failureResultOf(self.switch(ValueError()), ValueError)
        error = self.failureResultOf(self.switch(Stopped("shop.people", 2)), MigrationError).value
        self.assertEqual(str(error), "stopped; table shop.people is as it was before the switch")
        self.assertEqual(self.done, ["done", "undone"] * 2)
        self.assertEqual(self.job.told, [])
