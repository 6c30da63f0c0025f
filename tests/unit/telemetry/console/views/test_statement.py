"""The view of one statement: why it is slow, and since when."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.views import statement
from acra_twisted.telemetry.pages.rendering import NotKept
from acra_twisted.telemetry.pages.search import Unfit
from tests.support.hours import ACCOUNT, NOW, Hour
from tests.support.stepping import returned


class Statement(SynchronousTestCase):
    def view(self, hour, table, **arguments):
        wanted = statement.asked({"id": hour.shape(table), **arguments}, NOW - 1)
        self.gathered = returned(statement.gather(hour.sources, wanted))
        return statement.as_json(self.gathered)

    def test_slow_since(self):
        data = self.view(Hour().slow_since(20), "orders")
        self.assertEqual(data["answer"]["rules"], ["slower"])
        self.assertEqual(
            data["answer"]["text"],
            "Slow since 23:40: mean 41.4 ms instead of 3.26 ms, nearly all of it in: database, "
            "first byte.",
        )
        self.assertEqual(data["break"]["since"], "23:40")
        self.assertEqual(sum(one["calls"] for one in data["columns"]), data["figures"]["calls"])
        self.assertEqual(len(data["columns"]), 60)

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
            "3.00 ms of the 5.80 ms added in: database, first byte",
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

    def test_the_distribution(self):
        self.view(Hour().slow_since(20), "orders")
        shown = statement.shown(self.gathered)
        self.assertEqual(shown["spread_heads"], ("before 23:40", "since"))
        lines = {line["name"]: (line["before"], line["now"]) for line in shown["spread"]}
        self.assertEqual(
            lines, {"2.00 ms to 4.00 ms": ("100 %", "0 %"), "32.0 ms to 64.0 ms": ("0 %", "100 %")}
        )
        self.assertIn("slower", shown["heat"])
        self.assertEqual(shown["figures"][1], ("Mean", "16.0", "ms", "3.26 ms before", True))

    def test_what_cannot_be(self):
        hour = Hour()
        self.assertRaises(Unfit, statement.asked, {}, NOW)
        wanted = statement.asked({"id": "0" * 16}, NOW)
        self.assertRaises(NotKept, returned, statement.gather(hour.sources, wanted))
