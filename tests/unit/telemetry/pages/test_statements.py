"""The page of statements, in its three forms."""

import csv
import io
import json

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.figures.counting import MINUTE
from acra_twisted.telemetry.figures.rows import of_json
from acra_twisted.telemetry.figures.statements import StatementFigures
from acra_twisted.telemetry.pages.rendering import NotKept, Templates
from acra_twisted.telemetry.pages.search import Unfit
from acra_twisted.telemetry.pages.statements import RANGES, StatementPages, asked
from tests.support.figures import total
from tests.support.sessions import make_session
from tests.support.webpages import body
from tests.unit.telemetry.figures.test_counting import START, a_request


class Pages(SynchronousTestCase):
    def setUp(self):
        self.figures = StatementFigures(START)
        self.now = START
        self.pages = StatementPages(
            "acra-server", self.figures, Templates("acra-server"), lambda: self.now
        )
        self.session = make_session()
        self.session.database = b"<script>"

    def ask(self, text, count=1, **facts):
        for _ in range(count):
            self.figures.counter.exchange_closed(
                a_request(self.session, text, opened=self.now, **facts)
            )

    def json(self, **arguments):
        page = self.pages.page({"format": "json", **arguments})
        self.assertEqual(page.kind, "application/json")
        return json.loads(body(page))

    def test_json_has_what_others_need_to_add_up(self):
        self.ask(b"SELECT 'secret' FROM t", 3, outcome="error", status_code="23505")
        self.ask(b"DELETE FROM u", times=(10, 20, 3000))
        data = self.json()
        self.assertEqual((data["service"], data["shapes"]), ("acra-server", 2))
        self.assertEqual(data["since"], START)
        first, second = data["statements"]
        self.assertEqual((first["summary"], second["errors"]), ("DELETE u", 3))
        self.assertEqual(second["statement"], "SELECT ? FROM t")
        self.assertEqual(second["classes"], {"23": 3})
        rows = [of_json(one) for one in data["statements"]]
        self.assertEqual(total(*rows), data["all"])
        self.assertNotIn("secret", json.dumps(data))

    def test_what_is_asked_for(self):
        self.ask(b"SELECT a FROM t", 3)
        self.ask(b"SELECT b FROM t", times=(10, 20, 9000))
        self.assertEqual(self.json(sort="calls")["statements"][0]["calls"], 3)
        self.assertEqual(self.json(sort="time")["statements"][0]["calls"], 1)
        self.assertEqual(len(self.json(limit="1")["statements"]), 1)
        self.assertEqual(self.json(text="B from")["shapes"], 1)
        self.assertEqual(self.json(database="other")["shapes"], 0)
        self.now = START + 30 * MINUTE
        self.ask(b"SELECT c FROM t")
        self.assertEqual(self.json(range="15m")["shapes"], 1)
        self.assertEqual(self.json(range="1h")["shapes"], 3)

    def test_one_statement_by_minute(self):
        self.ask(b"SELECT a FROM t", 3)
        self.now = START + MINUTE
        self.ask(b"SELECT a FROM t", 2)
        self.ask(b"SELECT b FROM t")
        one = next(s for s in self.json()["statements"] if s["calls"] == 5)
        data = self.json(id=one["id"])
        self.assertEqual(data["statement"]["calls"], 5)
        self.assertEqual(
            [(part["start"], part["minutes"], part["calls"]) for part in data["series"]],
            [(START, 1, 3), (START + MINUTE, 1, 2)],
        )
        self.assertRaises(NotKept, body, self.pages.page({"id": "0" * 16}))

    def test_csv(self):
        self.ask(b"SELECT a FROM t", 3)
        page = self.pages.page({"format": "csv"})
        self.assertTrue(page.kind.startswith("text/csv"))
        self.assertEqual(page.file, "acra-statements.csv")
        (row,) = csv.DictReader(io.StringIO(body(page)))
        self.assertEqual((row["calls"], row["statement"]), ("3", "SELECT a FROM t"))

    def test_html_escapes(self):
        page = self.pages.page({})
        self.assertIn("No requests yet", body(page))
        self.ask(b'SELECT a AS "<script>" FROM t')
        page = self.pages.page({"text": "<script>"})
        self.assertTrue(page.kind.startswith("text/html"))
        text = body(page)
        self.assertNotIn("<script>", text)
        self.assertIn("1 shape of", text)

    def test_what_does_not_fit(self):
        for arguments in (
            *({"range": "2h"}, {"sort": "size"}, {"limit": "0"}, {"limit": "9999"}),
            *({"limit": "\N{SUPERSCRIPT TWO}"}, {"colour": "red"}, {"text": "x" * 257}),
            *({"format": "xml"}, {"id": "x" * 257}),
        ):
            self.assertRaises(Unfit, self.pages.page, arguments)
        self.assertEqual(asked({}).minutes, RANGES["1h"])

    def test_a_piece_is_a_little_work(self):
        for number in range(300):
            self.ask(b"SELECT a FROM t%d" % number)
        pieces = list(self.pages.page({"format": "json", "limit": "1000"}).pieces)
        self.assertGreater(len(pieces), 600)
        self.assertLess(max(map(len, pieces)), 2000)
