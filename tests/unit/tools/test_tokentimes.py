"""Dates and sizes of acra-tokens."""

import os
import time
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.tools.tokentimes import human, unix_seconds


class Times(SynchronousTestCase):
    def setUp(self):
        self.addCleanup(self.set, os.environ.get("TZ"))
        self.set("Europe/Kyiv")

    def set(self, zone):
        """Set the time zone of this process."""
        if zone is None:
            del os.environ["TZ"]
        else:
            os.environ["TZ"] = zone
        time.tzset()

    def at(self, *parts):
        return int(datetime(*parts, tzinfo=UTC).timestamp())

    def test_every_form(self):
        """Kyiv is two hours before UTC in winter, three in summer."""
        for text, parts in (
            ("2024-01-31T12:30:15Z", (2024, 1, 31, 12, 30, 15)),
            ("2024-01-31T12:30:15.9+05:00", (2024, 1, 31, 7, 30, 15)),
            ("2024-01-31T12:30:15", (2024, 1, 31, 10, 30, 15)),
            ("2024-07-31 12:30:15", (2024, 7, 31, 9, 30, 15)),
            ("2024-01-31T12:30", (2024, 1, 31, 10, 30)),
            ("2024-01-31 12:30", (2024, 1, 31, 10, 30)),
            ("2024-01-31", (2024, 1, 30, 22)),
            ("Jan 2024", (2023, 12, 31, 22)),
            ("September 2024", (2024, 8, 31, 21)),
            ("2024", (2023, 12, 31, 22)),
        ):
            self.assertEqual(unix_seconds(text), self.at(*parts), text)

    def test_others_are_refused(self):
        for text in ("", "24", "Janu 2024", "2024-13-01", "2024-01-31T25:00", "31.01.2024", "0000"):
            self.assertRaises(ValueError, unix_seconds, text)

    @given(st.text(max_size=25))
    def test_any_text_is_a_time_or_none(self, text):
        try:
            self.assertIsInstance(unix_seconds(text), int)
        except ValueError:
            pass


class Sizes(SynchronousTestCase):
    def test_units(self):
        for size, text in (
            (0, "0 B"),
            (512, "512 B"),
            (513, "0.50 KB"),
            (1536, "1.50 KB"),
            (524_289, "0.50 MB"),
            (3 << 20, "3.00 MB"),
            (5 << 40, "5120.00 GB"),
        ):
            self.assertEqual(human(size), text)
