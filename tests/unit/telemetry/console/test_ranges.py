"""Ranges of time and their columns."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.ranges import RANGES, range_of
from acra_twisted.telemetry.figures.counting import MINUTE
from acra_twisted.telemetry.pages.search import Unfit

#: 29 November 2026, 12:00 UTC.
NOON = 1_795_953_600 * 10**9


class Ranges(SynchronousTestCase):
    def test_each_has_a_name_for_a_text(self):
        self.assertEqual(range_of("1h", NOON).said, "hour")
        self.assertTrue(all(range_of(key, NOON).said for key in RANGES))
        each = [range_of(key, NOON).each for key in RANGES]
        self.assertEqual(each, ["minute", "minute", "hour", "3 hours", "12 hours"])

    def test_the_minute_at_hand_is_in_it(self):
        span = range_of("1h", NOON)
        self.assertEqual((span.minutes, span.step, span.columns), (60, 1, 60))
        self.assertEqual(span.column(NOON // MINUTE), 59)
        self.assertEqual(span.begins(59), "12:00")
        self.assertEqual(span.begins(0), "11:01")
        self.assertEqual((span.at(0), span.at(59)), (0, 100))
        self.assertEqual(span.before().until, span.since)
        self.assertEqual(span.before().minutes, 60)
        self.assertEqual(
            [tick.text for tick in span.ticks(few=True)], ["11:01", "11:31", "12:00 UTC"]
        )

    def test_labels_are_of_round_parts(self):
        texts = [tick.text for tick in range_of("1h", NOON + 29 * MINUTE).ticks()]
        self.assertEqual(texts[:3], ["11:30", "11:40", "11:50"])
        self.assertEqual(texts[3:], ["12:00", "12:10", "12:20", "12:29 UTC"])

    def test_long_ones_tell_the_day(self):
        span = range_of("30d", NOON)
        self.assertEqual(span.columns, 60)
        self.assertEqual(span.begins(0), "30 Oct 13:00")
        # Their labels are long: there are fewer, and the page says that all times are UTC.
        texts = [tick.text for tick in span.ticks()]
        self.assertEqual((len(texts), texts[0], texts[-1]), (5, "30 Oct 13:00", "29 Nov 01:00"))

    def test_columns_of_long_ones_are_whole_hours(self):
        for key, step, columns in (("24h", 60, 24), ("7d", 180, 56), ("30d", 720, 60)):
            span = range_of(key, NOON + 25 * MINUTE)
            self.assertEqual((span.step, span.columns), (step, columns))
            self.assertEqual(span.since % 60, 0)
            self.assertEqual(span.elapsed, span.minutes - 34)
            # Each hour is in one column alone.
            counts = [0] * columns
            for hour in range(span.since, span.until, 60):
                counts[span.column(hour)] += 1
                self.assertEqual(span.column(hour), span.column(hour + 59))
            self.assertEqual(set(counts), {step // 60})

    def test_the_last_column_is_as_wide_as_it_has_begun(self):
        span = range_of("24h", NOON + 25 * MINUTE)
        self.assertEqual([span.width(22), span.width(23)], [60, 26])
        self.assertEqual(range_of("1h", NOON).width(59), 1)
        self.assertEqual(range_of("1h", NOON).elapsed, 60)

    @given(st.sampled_from(list(RANGES)), st.integers(0, 60 * 24 * 366 * 60))
    def test_every_minute_has_a_column(self, key, now):
        span = range_of(key, now * MINUTE)
        self.assertEqual(span.column(span.since), 0)
        self.assertEqual(span.column(span.until - 1), span.columns - 1)
        self.assertEqual(span.column(span.since - 1000), 0)
        self.assertEqual(span.column(span.until + 1000), span.columns - 1)
        self.assertLessEqual(span.columns, 60)
        places = [tick.at for tick in span.ticks()]
        self.assertEqual((places[0], places[-1]), (0, 100))

    def test_none_of_that_name(self):
        with self.assertRaisesRegex(Unfit, "range must be one of 15m"):
            range_of("2h", NOON)
