"""Days of the calendar, compared with Python's where that has them."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption import dates

EPOCH = date(2000, 1, 1)


class Days(SynchronousTestCase):
    @given(st.dates())
    def test_they_are_pythons(self, day):
        number = dates.to_days(day.year, day.month, day.day)
        self.assertEqual(EPOCH + timedelta(number), day)
        self.assertEqual(dates.from_days(number), (day.year, day.month, day.day))
        self.assertTrue(dates.is_day(day.year, day.month, day.day))

    @given(st.integers(dates.FIRST, dates.LAST))
    def test_every_day_has_one_number(self, number):
        day = dates.from_days(number)
        self.assertTrue(dates.is_day(*day))
        self.assertEqual(dates.to_days(*day), number)

    def test_the_first_and_the_last(self):
        self.assertEqual(dates.from_days(dates.FIRST), (-4713, 11, 24))
        self.assertEqual(dates.from_days(dates.LAST), (5874897, 12, 31))

    def test_days_that_there_are_not(self):
        for day in ((2000, 0, 1), (2000, 13, 1), (2000, 1, 0), (2000, 1, 32), (2000, 2, 30)):
            self.assertFalse(dates.is_day(*day))
        self.assertEqual(
            [dates.is_day(year, 2, 29) for year in (1900, 2000, 2023, 2024, 0)],
            [False, True, False, True, True],
        )
