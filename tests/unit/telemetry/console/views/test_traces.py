"""The view of traces: which requests were these?"""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.site.frame import Console
from acra_twisted.telemetry.console.views import traces
from acra_twisted.telemetry.history.pieces import SLOW
from acra_twisted.telemetry.history.service import HistoryAway
from acra_twisted.telemetry.pages.search import Unfit
from tests.support.histories import piece
from tests.support.hours import MINUTE, NOW, ORDERS, Hour
from tests.support.kepttraces import a_trace
from tests.support.pasts import History
from tests.support.stepping import returned
from tests.support.webpages import body


class Traces(SynchronousTestCase):
    def setUp(self):
        self.hour = Hour(1)
        self.number = 0

    def keep(self, count=1, **given):
        """Keep so many, a second apart."""
        for _ in range(count):
            self.number += 1
            a_trace(self.hour.store, NOW - MINUTE + self.number * 10**9, **given)

    def view(self, **arguments):
        wanted = traces.asked(arguments, NOW)
        self.gathered = returned(traces.gather(self.hour.sources, wanted))
        return traces.as_json(self.gathered)

    def test_nothing_stands_out(self):
        self.keep(3)
        data = self.view()
        self.assertEqual(data["answer"]["rules"], ["nothing"])
        self.assertEqual((data["found"], data["verdicts"]), (3, {"allowed": 3}))
        self.assertAlmostEqual(data["traces"][0]["layers_ms"]["dbfirst"], 2.0)

    def test_alike_ones(self):
        self.keep(2)
        self.keep(4, slow=True, summary="SELECT report")
        self.keep(1, slow=True)
        self.assertEqual(
            self.view()["answer"],
            {
                "text": "4 of the 5 kept slow traces are of one statement, "
                "SELECT report, at 23:59.",
                "rules": ["slow"],
            },
        )
        (href,) = [piece.href for piece in self.gathered.said.pieces if piece.href]
        self.assertEqual(href, "/console/traces?summary=SELECT+report&verdict=slow")

    def test_what_is_said_is_of_kept_ones_and_figures_count_all(self):
        """No two views contradict each other: the overview counts requests that are not kept."""
        for _ in range(7):
            self.hour.ask(1, ORDERS, outcome="denied")
        self.hour.pass_to(0)
        self.keep(4, first=0, status=7, verdict="deny")
        data = self.view(verdict="deny", since="15m")
        self.assertIn("All 4 kept denied traces", data["answer"]["text"])
        self.assertEqual((data["found"], data["counted"]), (4, 7))
        note = returned(traces.shown(self.gathered))["note"]
        self.assertTrue(note.startswith("of 7 requests that were denied:"), note)
        self.keep(1)
        text = self.view(limit="1")["answer"]["text"]
        self.assertIn("kept", text)

    def test_one_client(self):
        for name in ("a", "b", "c"):
            self.keep(1, first=0, status=7, verdict="deny", summary=f"SELECT {name}")
        self.assertIn(
            "All 3 kept denied traces are of one client, shop", self.view()["answer"]["text"]
        )

    def test_few_of_a_verdict(self):
        self.keep(3)
        self.keep(1, status=2, poison_records=1)
        self.keep(2, status=2)
        answer = self.view()["answer"]
        self.assertEqual(answer["rules"], ["poison", "failed"])
        self.assertEqual(
            answer["text"],
            "1 kept trace of 6 was poisoned, at 23:59. 2 kept traces of 6 failed, at 23:59.",
        )
        # One leads to itself, several to their list.
        poisoned, failed = (one.href for one in self.gathered.said.pieces if one.href)
        self.assertRegex(poisoned, "^/console/trace[?]id=[0-9a-f]{32}$")
        self.assertEqual(failed, "/console/traces?verdict=error")
        # The search stays what it was.
        self.view(min_ms="1", offset="0")
        (_, failed) = (one.href for one in self.gathered.said.pieces if one.href)
        self.assertEqual(failed, "/console/traces?min_ms=1&verdict=error")

    def test_what_most_of_them_are_of(self):
        self.keep(3)
        self.keep(2, summary="SELECT account")
        self.keep(1, status=2, client_id="7c1f0a52" * 8)
        facets = [(one["name"], one["traces"]) for one in self.view()["facets"]]
        self.assertEqual(
            facets,
            [
                ("SELECT orders customer", "4"),
                ("SELECT account", "2"),
                ("shop", "5"),
                ("7c1f0a52", "1"),
                ("failed: refused", "1"),
            ],
        )
        hrefs = [href for _, _, href in returned(traces.shown(self.gathered))["facets"]]
        self.assertEqual(hrefs[1], "/console/traces?summary=SELECT+account")
        narrowed = self.view(client_id="shop", summary="SELECT account")
        self.assertEqual(narrowed["facets"], [])

    def test_a_client_of_a_certificate_has_its_name(self):
        digest = "7c1f0a52" * 8
        told = {"peers": {"peers": [{"client_id": digest, "peer": "", "certificate": "CN=app"}]}}
        self.hour.sources = self.hour.sources._replace(fact=told.get)
        self.keep(1, client_id=digest)
        self.view()
        (line,) = returned(traces.shown(self.gathered))["lines"]
        self.assertEqual((line["client"], line["client_id"]), ("app (7c1f0a52)", digest))
        self.assertEqual(line["rows"], "18")

    def test_each_leads_to_its_statement(self):
        self.keep(1)
        shape = Hour(1)
        shape.ask(1, ORDERS)
        self.view()
        (line,) = returned(traces.shown(self.gathered))["lines"]
        self.assertEqual(line["statement"], f"/console/statement?id={shape.shape('orders')}")

    def test_denied_ones_say_why(self):
        rule = {"censor.rule": "deny.table", "denied_by": "censor"}
        self.keep(1, first=0, status=7, verdict="deny", **rule)
        self.view()
        (line,) = returned(traces.shown(self.gathered))["lines"]
        self.assertEqual(line["error"], "censor deny.table")

    def test_of_one_statement(self):
        self.keep(2)
        hour = Hour(1)
        hour.ask(1, ORDERS)
        shape = hour.shape("orders")
        self.assertEqual(self.view(shape=shape)["found"], 2)
        self.assertEqual(self.view(shape="0" * 16)["found"], 0)
        ((name, value, href),) = returned(traces.shown(self.gathered))["others"]
        self.assertEqual((name, value, href), ("shape", "0" * 16, "/console/traces?"))

    def test_nothing_fits(self):
        self.assertEqual(self.view()["answer"]["text"], "No traces yet.")
        self.keep()
        self.assertEqual(
            self.view(statement="nowhere")["answer"]["text"],
            "None of 1 kept trace fits. Without statement there is 1.",
        )

    def test_filters(self):
        self.keep(2)
        self.keep(1, slow=True)
        self.keep(1, poison_records=1)
        self.keep(1, first=90_000)
        for arguments, count in (
            ({"verdict": "slow"}, 1),
            ({"verdict": "poison"}, 1),
            ({"verdict": "allow"}, 3),
            ({"min_ms": "50"}, 1),
            ({"user": "", "limit": "2"}, 5),
        ):
            self.assertEqual(self.view(**arguments)["found"], count, arguments)
        self.assertRaises(Unfit, traces.asked, {"colour": "red"}, NOW)
        self.assertRaises(Unfit, traces.asked, {"verdict": "red"}, NOW)

    def test_parts_of_the_list(self):
        self.keep(5)
        first = self.view(limit="2")["traces"]
        shown = returned(traces.shown(self.gathered))
        self.assertEqual((len(first), shown["shown"]), (2, "1 to 2"))
        self.assertEqual(shown["after"], "/console/traces?limit=2&offset=2")
        self.view(limit="2", offset="4")
        shown = returned(traces.shown(self.gathered))
        self.assertEqual((shown["after"], shown["before"][-8:]), ("", "offset=2"))

    def test_many_keep_to_the_budget(self):
        self.keep(300, slow=True)
        self.keep(300)
        console = Console("acra-server", self.hour.sources)
        self.assertLess(len(body(console.page(traces.VIEW, {}))), 60_000)


class Older(SynchronousTestCase):
    """Traces that only the history has."""

    def setUp(self):
        self.hour = Hour(1)
        self.history = History(
            *(piece(n, start=NOW + n, verdict="deny", name="SELECT salaries") for n in range(5)),
            piece(9, start=NOW - 10**9, shelf=SLOW),
        )
        self.hour.sources.traces.past = self.history.past

    def view(self, **arguments):
        wanted = traces.asked(arguments, NOW)
        self.gathered = returned(traces.gather(self.hour.sources, wanted))
        return traces.as_json(self.gathered)

    def test_they_are_told_of_and_listed(self):
        data = self.view(limit="2")
        self.assertEqual(data["verdicts"], {"denied": 5, "slow": 1})
        self.assertIn("All 5 kept denied traces are of one statement", data["answer"]["text"])
        self.assertEqual((data["found"], data["kept"], data["more"]), (6, 0, True))
        self.assertEqual([one["spans"] for one in data["traces"]], [1, 1])
        self.assertEqual(data["history_trouble"], "")
        # Two questions: what fits, and the spans of what is listed.
        self.assertEqual(self.history.begun, 2)
        self.assertEqual(self.view(verdict="slow")["found"], 1)

    def test_a_history_that_is_away(self):
        self.history.trouble = HistoryAway("the history cannot be read: SQLITE_BUSY")
        a_trace(self.hour.store, NOW)
        data = self.view()
        self.assertEqual(data["found"], 1)
        self.assertIn("SQLITE_BUSY", data["history_trouble"])
        page = body(Console("acra-server", self.hour.sources).page(traces.VIEW, {}))
        self.assertIn("Not all that is kept is shown: the history cannot be read", page)
