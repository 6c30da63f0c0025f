"""The view of statements: situations are planted, and its sentence and JSON tell them."""

import csv
import io

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.site.frame import Console
from acra_twisted.telemetry.console.views import statements
from acra_twisted.telemetry.pages.search import Unfit
from tests.support.hours import ACCOUNT, CARD, NOW, ORDERS, Hour
from tests.support.stepping import returned
from tests.support.webpages import body


class Statements(SynchronousTestCase):
    def view(self, hour, **arguments):
        wanted = statements.asked(arguments, NOW - 1)
        self.gathered = returned(statements.gather(hour.sources, wanted))
        return statements.as_json(self.gathered)

    def test_many_long_statements_keep_to_the_budget(self):
        hour = Hour()
        for minute in range(119, 0, -3):
            hour.pass_to(minute)
            for number in range(60):
                names = b", ".join(b'"a column %d"' % column for column in range(100))
                outcome = {"outcome": "denied"} if number % 3 == 0 else {}
                text = b"SELECT %s FROM t%d" % (names, number)
                hour.ask(minute, text, opening=200, **outcome)
        console = Console("acra-server", hour.sources)
        page = body(console.page(statements.VIEW, {}))
        self.assertLess(len(page), 60_000)
        self.assertIn("1 to 25 shown", page)
        self.assertIn("offset=25", page)
        last = body(console.page(statements.VIEW, {"offset": "50"}))
        self.assertIn("51 to 60 shown", last)
        self.assertNotIn("Further", last)

    def test_numbers_are_doors(self):
        hour = Hour()
        hour.ask(1, ORDERS, 3, outcome="denied")
        self.view(hour)
        page = body(Console("acra-server", hour.sources).page(statements.VIEW, {}))
        door = f"/console/traces?shape={hour.shape('customer')}&amp;since=1h"
        self.assertIn(f'<a href="{door}">3</a>', page)
        self.assertIn(f'<a class="nw" href="{door}&amp;verdict=deny">', page)
        # A call of a function has no text by which its traces are found.
        hour.ask(1, b"", 2, outcome="denied", kind="call")
        page = body(Console("acra-server", hour.sources).page(statements.VIEW, {}))
        self.assertNotIn('href="&amp;', page)
        self.assertEqual(page.count("verdict=deny"), 1)

    def test_csv_has_all_that_fit_and_no_literals(self):
        hour = Hour()
        for number in range(60):
            hour.ask(1, b"SELECT 'secret' FROM t%d" % number)
        hour.ask(1, b"UPDATE u SET a = 'secret'")
        self.view(hour, q="select", sort="calls")
        text = "".join(statements.VIEW.exports["csv"](self.gathered))
        rows = list(csv.DictReader(io.StringIO(text)))
        self.assertEqual({row["calls"] for row in rows}, {"1"})
        self.assertEqual(len(rows), 60)
        self.assertNotIn("secret", text)
        self.assertNotIn("UPDATE", text)

    def test_one_became_slow(self):
        data = self.view(Hour().slow_since(20))
        self.assertEqual(data["answer"]["rules"], ["top-slower", "ours"])
        self.assertRegex(
            data["answer"]["text"],
            r"^One statement takes 74 % of all time\. SELECT orders customer has 27 % of the "
            r"calls, and its mean went from 3\.26 ms to 16\.0 ms; all of it before the "
            r"database's first byte\. SELECT card costs most of the proxy: 4\.16 ms a call, of "
            r"that 3\.90 ms in encryption\.$",
        )
        first = data["statements"][0]
        self.assertEqual((first["summary"], first["calls"]), ("SELECT orders customer", 240))
        self.assertAlmostEqual(first["mean_before_ms"], 3.26)
        self.assertAlmostEqual(sum(one["share"] for one in data["statements"]), 1)
        self.assertEqual(data["calls"], sum(one["calls"] for one in data["statements"]))

    def test_new_ones_that_are_denied(self):
        hour = Hour()
        for minute in range(110, 0, -1):
            for text in (ORDERS, ACCOUNT, CARD, b"COMMIT"):
                hour.ask(minute, text)
        hour.ask(5, b"SELECT amount FROM salaries", 6, outcome="denied")
        data = self.view(hour)
        self.assertEqual(data["answer"]["text"], "1 statement is new, all of them denied.")
        self.assertEqual(data["statements"][-1]["denied"], 6)
        self.assertIsNone(data["statements"][-1]["mean_before_ms"])

    def test_a_quiet_hour(self):
        hour = Hour()
        for minute in range(110, 0, -1):
            for text in (ORDERS, ACCOUNT, CARD, b"COMMIT"):
                hour.ask(minute, text)
        self.assertEqual(self.view(hour)["answer"]["rules"], ["nothing"])
        # Where nobody watched before, nothing is called new.
        young = Hour(30)
        for text in (ORDERS, ACCOUNT, CARD, b"COMMIT"):
            young.ask(5, text)
        self.assertEqual(self.view(young)["answer"]["rules"], ["nothing"])
        self.assertEqual(self.view(Hour())["answer"]["rules"], ["empty"])

    def test_what_is_asked_for(self):
        hour = Hour().slow_since(20)
        data = self.view(hour, q="CARD")
        self.assertEqual([one["summary"] for one in data["statements"]], ["SELECT card"])
        self.assertEqual(self.view(hour, db="other")["shapes"], 0)
        data = self.view(hour, sort="calls")
        self.assertEqual(data["statements"][0]["summary"], "SELECT account")
        for wrong in ({"sort": "size"}, {"range": "1y"}, {"q": "x" * 257}):
            self.assertRaises(Unfit, statements.asked, wrong, NOW)

    def test_the_sentence_fits_the_order(self):
        hour = Hour()
        hour.ask(1, ACCOUNT, 9)
        self.assertEqual(self.view(hour, sort="calls")["answer"]["rules"], ["top"])
        for number in range(40):
            hour.ask(1, b"SELECT a FROM t%d" % number, 3, first=9_000)
        answer = self.view(hour, sort="calls")["answer"]
        # Of all that fit, and not of those on the page alone.
        self.assertTrue(
            answer["text"].startswith(
                "SELECT account runs most often: 7.0 % of all calls. "
                "Least often: 40 statements, 3 calls each."
            ),
            answer["text"],
        )
        answer = self.view(hour, sort="mean")["answer"]
        self.assertRegex(
            answer["text"],
            r"^SELECT t\d+ takes longest: 9\.36 ms a call, of that 9\.00 ms before the database",
        )
        self.assertEqual(self.view(Hour(), sort="mean")["answer"]["rules"], ["empty"])

    def test_what_the_page_shows(self):
        self.view(Hour().slow_since(20))
        shown = returned(statements.shown(self.gathered))
        lines = list(shown["lines"])
        self.assertRegex(lines[0]["change"], r"^\+390 %$")
        self.assertTrue(lines[0]["worse"])
        self.assertIn("ln hot", lines[0]["spark"])
        self.assertEqual(lines[1]["change"], "same")
        self.assertIn("3 of 3 shapes, 900 calls", shown["note"])
