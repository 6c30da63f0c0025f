"""Sentences about one statement."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.views import statement
from tests.support.hours import ACCOUNT, NOW, Hour
from tests.support.stepping import returned


class Said(SynchronousTestCase):
    def view(self, hour, table, **arguments):
        wanted = statement.asked({"id": hour.shape(table), **arguments}, NOW - 1)
        return statement.as_json(returned(statement.gather(hour.sources, wanted)))

    def test_faster_again(self):
        hour = Hour()
        for minute in range(59, 0, -1):
            hour.ask(minute, ACCOUNT, 3, first=9_000 if minute > 30 else 1_000)
        self.assertTrue(
            self.view(hour, "account")["answer"]["text"].startswith("Faster since 23:30: mean 1.")
        )

    def test_several_layers(self):
        hour = Hour()
        for minute in range(59, 0, -1):
            slow = minute <= 30
            hour.ask(
                minute, ACCOUNT, 3, first=4_000 if slow else 1_000, censor=3_000 if slow else 200
            )
        self.assertIn(
            "3.00 ms of the 5.80 ms added before the database's first byte",
            self.view(hour, "account")["answer"]["text"],
        )

    def test_slower_than_the_hour_before(self):
        hour = Hour()
        for minute in range(119, 0, -1):
            hour.ask(minute, ACCOUNT, 2, first=9_000 if minute <= 60 else 1_000)
        data = self.view(hour, "account")
        self.assertEqual(data["answer"]["rules"], ["slower-than-before"])
        self.assertIsNone(data["break"])

    def test_denied_ones(self):
        hour = Hour()
        hour.ask(5, b"SELECT amount FROM salaries", 6, outcome="denied")
        self.assertEqual(
            self.view(hour, "salaries")["answer"]["text"], "All of 6 calls were denied."
        )

    def test_nothing_stands_out(self):
        data = self.view(Hour().slow_since(20), "account")
        self.assertEqual(data["answer"]["rules"], ["nothing"])
