"""Counts and ends of the work on rows."""

from typing import NamedTuple

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.migrating import CHANGES, ENCRYPT
from acra_twisted.encryption.settings import ColumnSetting
from acra_twisted.tools import rowwork
from acra_twisted.tools.rowwork import Counts, Stopped, due_now


class Counting(SynchronousTestCase):
    def test_the_first_refusals_are_named(self):
        counts = Counts()
        for number in range(100):
            counts.refuse(f"row {number}", "why")
        self.assertEqual((counts.refused, len(counts.told)), (100, rowwork.TOLD))
        self.assertEqual(counts.told[0], "row 0: why")


class Stopping(SynchronousTestCase):
    def test_it_says_where_to_go_on(self):
        error = Stopped("public.people", 64)
        self.assertEqual(error.page, 64)
        self.assertIn("--resume='public.people 64'", str(error))


class Part(NamedTuple):
    setting: ColumnSetting
    beside: bool


class Table(NamedTuple):
    parts: list

    def only(self, parts):
        return Table(parts)


class DueNow(SynchronousTestCase):
    email = Part(ColumnSetting("", "people", "email"), beside=True)
    note = Part(ColumnSetting("", "people", "note"), beside=False)

    def test_columns_in_place_are_left_while_there_are_second_ones(self):
        work = [[Table([self.email, self.note]), Table([self.note])]]
        expected = [[Table([self.email])]], ["people.note"]
        self.assertEqual(due_now(work, ENCRYPT), expected)

    def test_columns_of_other_tables_are_left_as_well(self):
        number = Part(ColumnSetting("", "cards", "number"), beside=False)
        work = [[Table([number])], [Table([self.email])], []]
        expected = [[], [Table([self.email])], []], ["cards.number"]
        self.assertEqual(due_now(work, ENCRYPT), expected)

    def test_all_is_due_without_second_columns_and_for_other_changes(self):
        work = [[Table([self.note])], [Table([self.note])]]
        self.assertEqual(due_now(work, ENCRYPT), (work, ()))
        work = [[Table([self.email, self.note])], [Table([self.note])]]
        for change in CHANGES:
            if change != ENCRYPT:
                self.assertEqual(due_now(work, change), (work, ()))
