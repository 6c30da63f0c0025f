"""Retry-After: seconds and dates, and whatever else may stand there."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.wire.http.retryafter import LONGEST, seconds

NOW = datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC).timestamp()


class Values(SynchronousTestCase):
    def test_seconds(self):
        for text, expected in (("0", 0), ("2", 2), (" 120 ", 120), ("007", 7)):
            self.assertEqual(seconds(text, NOW), expected)

    def test_each_form_of_a_date(self):
        for text in (
            "Sun, 06 Nov 1994 08:49:47 GMT",
            "Sunday, 06-Nov-94 08:49:47 GMT",
            "Sun Nov  6 08:49:47 1994",
            "Sun, 06 Nov 1994 09:49:47 +0100",
        ):
            self.assertEqual(seconds(text, NOW), 10)

    def test_what_has_passed_and_what_is_too_far(self):
        self.assertEqual(seconds("Sun, 06 Nov 1994 08:49:30 GMT", NOW), 0)
        self.assertEqual(seconds("Sun, 06 Nov 2094 08:49:30 GMT", NOW), LONGEST)
        self.assertEqual(seconds("9" * 60, NOW), LONGEST)

    def test_nonsense(self):
        for text in (
            "",
            "soon",
            "-5",
            "1.5",
            "٣",
            "1" * 65,
            "Sun, 99 Nov 1994 99:99:99 GMT",
            "1 2",
        ):
            self.assertEqual(seconds(text, NOW), 0)

    @given(st.text(max_size=80), st.floats(0, 4e9))
    def test_anything(self, text, now):
        self.assertTrue(0 <= seconds(text, now) <= LONGEST)

    @given(st.integers(0, 3000), st.datetimes(datetime(1971, 1, 1), datetime(2400, 1, 1)))
    def test_a_date_is_what_it_says(self, wanted, moment):
        now = moment.replace(tzinfo=UTC, microsecond=0).timestamp()
        text = datetime.fromtimestamp(now + wanted, UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
        self.assertEqual(seconds(text, now), wanted)
