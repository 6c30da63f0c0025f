"""``acra-top --statements``, on the pages of two daemons."""

import csv
import io
import json
import os

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import ConfigError
from acra_twisted.telemetry.figures.statements import StatementFigures
from acra_twisted.telemetry.pages.rendering import Templates
from acra_twisted.telemetry.pages.statements import StatementPages
from acra_twisted.tools import top
from tests.support.sessions import make_session
from tests.support.webpages import body
from tests.unit.telemetry.figures.test_counting import START, a_request


def a_daemon(*texts):
    """Return the page of one that got these statements, as a function of the arguments."""
    figures = StatementFigures(START)
    for number, text in enumerate(texts, 1):
        request = a_request(make_session(), text, times=(10, 20, number * 10**6))
        figures.counter.exchange_closed(request)
    pages = StatementPages("acra-server", figures, Templates(""), lambda: START)
    return lambda asked: json.loads(body(pages.page({**asked, "format": "json"})))


class Statements(SynchronousTestCase):
    def setUp(self):
        self.daemons = {
            "http://a": a_daemon(b"SELECT a FROM t", b"SELECT 'x' FROM u"),
            "http://b": a_daemon(b"SELECT 'y' FROM u", b"SELECT 7 FROM v"),
        }
        self.patch(
            top.Pages,
            "get",
            lambda pages, source, path, asked=None: self.daemons[source](asked),
        )
        # Of the terminal: a narrow one has fewer columns.
        self.patch(os, "environ", {**os.environ, "COLUMNS": "120"})

    def run_with(self, *arguments):
        output = io.StringIO()
        top.main(["--from=http://a", "--from=http://b", "--statements", *arguments], {}, output)
        return output.getvalue()

    def test_figures_of_two_daemons_add_up(self):
        seen = {one["statement"]: one for one in json.loads(self.run_with("--json"))}
        self.assertEqual(
            {text: one["calls"] for text, one in seen.items()},
            {"SELECT a FROM t": 1, "SELECT ? FROM u": 2, "SELECT ? FROM v": 1},
        )
        # 2 ms there and 1 ms here.
        self.assertEqual(seen["SELECT ? FROM u"]["total_ms"], 3.0)
        self.assertEqual(seen["SELECT ? FROM u"]["layers"]["whole"]["total_ns"], 3 * 10**6)

    def test_csv(self):
        rows = list(csv.DictReader(io.StringIO(self.run_with("--csv"))))
        self.assertEqual(
            {row["statement"]: row["calls"] for row in rows},
            {"SELECT a FROM t": "1", "SELECT ? FROM u": "2", "SELECT ? FROM v": "1"},
        )
        for wrong in (("--csv", "--json"),):
            self.assertRaises(ConfigError, self.run_with, *wrong)
        with self.assertRaisesRegex(ConfigError, "--csv: goes with --statements"):
            top.main(["--from=http://a", "--csv"], {}, io.StringIO())

    def test_once(self):
        lines = self.run_with("--once").splitlines()
        self.assertEqual(lines[0], "3 shapes of statements, 4 requests in 1h")
        self.assertIn("STATEMENT", lines[2])
        self.assertIn("50.0%         2     1.500", lines[3])
        self.assertTrue(lines[3].endswith("SELECT ? FROM u"))

    def test_orders_and_ranges(self):
        lines = self.run_with("--once", "--order=mean", "--range=3h").splitlines()
        self.assertTrue(lines[3].endswith("SELECT ? FROM v"))
        self.assertTrue(lines[0].endswith("3h"))

    def test_a_daemon_that_talks_nonsense(self):
        for told in ({"statements": [{"id": "x"}]}, {"statements": 7}, [], {"statements": ["x"]}):
            self.daemons["http://b"] = lambda asked, told=told: told
            if told:
                self.assertRaises(ConfigError, self.run_with, "--json")
