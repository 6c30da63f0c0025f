"""An hourly reminder of the bypasses that are in force."""

from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events
from acra_twisted.encryption.settings import Bypass
from acra_twisted.stages.bypassing import Bypasses
from acra_twisted.stages.bypassreminder import BypassReminder

HOUR = 3600
TEXT = "UPDATE people SET name = name || ? WHERE id = ?"
GIVEN = Bypass("migrator", TEXT, frozenset(("people.name",)), 1e6, "ticket 4711", 9, "clean-up")
OTHER = GIVEN._replace(client_id="loader", name="line 12", until=2.5 * HOUR)


class Reminders(SynchronousTestCase):
    def setUp(self):
        self.clock = Clock()
        self.bypasses = Bypasses(self.clock.seconds)
        self.reminder = BypassReminder(self.bypasses)
        self.events = []
        globalLogPublisher.addObserver(self.events.append)
        self.addCleanup(globalLogPublisher.removeObserver, self.events.append)
        self.reminder.start(self.clock)

    def hour(self):
        """Return the reminders of one hour."""
        self.events.clear()
        self.clock.advance(HOUR)
        return [
            one["event_text"] for one in self.events if one.get("code") == events.BYPASSES_IN_FORCE
        ]

    def test_each_hour_tells_the_number_and_the_names(self):
        self.bypasses.put_in_force([GIVEN, OTHER])
        for _ in range(2):
            [told] = self.hour()
            self.assertIn("2 bypasses are in force", told)
            for name in ("'clean-up'", "'line 12'", "'migrator'", "'loader'", "people.name"):
                self.assertIn(name, told)
        self.assertNotIn(TEXT, told)

    def test_one_that_has_ended_is_not_told_of(self):
        self.bypasses.put_in_force([GIVEN, OTHER])
        self.clock.advance(2 * HOUR)
        [told] = self.hour()
        self.assertIn("1 bypass is in force: 'clean-up'", told)
        self.assertNotIn("loader", told)

    def test_nothing_is_told_without_any_and_after_a_reload_that_takes_all_out(self):
        self.assertEqual(self.hour(), [])
        self.bypasses.put_in_force([GIVEN])
        self.assertEqual(len(self.hour()), 1)
        self.bypasses.put_in_force([])
        self.assertEqual(self.hour(), [])

    def test_a_line_has_a_bound(self):
        self.bypasses.put_in_force([GIVEN._replace(name=f"n{number}") for number in range(1000)])
        [told] = self.hour()
        self.assertIn("1000 bypasses are in force", told)
        self.assertIn("and 980 more", told)
        self.assertLess(len(told), 2000)

    def test_it_ends_with_the_daemon(self):
        self.reminder.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.reminder.stop()
