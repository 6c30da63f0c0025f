"""The view of topology: who talks to whom, and is the load balanced?"""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.site.frame import Console
from acra_twisted.telemetry.console.views import topology
from acra_twisted.telemetry.pages.search import Unfit
from tests.support.crowds import Crowd
from tests.support.hours import ACCOUNT, NOW, Hour
from tests.support.stepping import plain, returned
from tests.support.webpages import body


class Topology(SynchronousTestCase):
    def setUp(self):
        self.hour = Hour(3)
        self.crowd = Crowd()

    @property
    def sources(self):
        return self.hour.sources._replace(edges=self.crowd.edges)

    def view(self, **arguments):
        wanted = topology.asked(arguments, NOW - 1)
        return plain(topology.as_json(returned(topology.gather(self.sources, wanted))))

    def page(self, **arguments):
        return body(Console("acra-server", self.sources).page(topology.VIEW, arguments))

    def before(self, **given):
        """Both connectors are used in the hour before, evenly."""
        for client, connector in (("shop", "10.0.0.1"), ("billing", "10.0.0.2")):
            self.crowd.ask(30, client, 60, connector=connector, **given)

    def test_nothing_stands_out(self):
        self.before()
        self.crowd.ask(3, "shop", 60, connector="10.0.0.1")
        self.crowd.ask(3, "billing", 60, connector="10.0.0.2")
        data = self.view()
        self.assertEqual(data["answer"]["rules"], ["nothing"])
        self.assertIn("2 clients and 1 database over 2 connectors", data["answer"]["text"])
        self.assertEqual(len(data["boxes"]), 6)
        calls = {(one["from"]["name"], one["to"]["name"]): one["calls"] for one in data["lines"]}
        self.assertEqual(calls["acra-server", "shop"], 120)
        self.assertEqual(calls["10.0.0.1", "acra-server"], 60)

    def test_what_connectors_do_not_tell_is_said(self):
        said = "no connector sends its spans here (tracing_to_server)"
        self.crowd.ask(3, "shop", 60)
        self.assertFalse(self.view()["connectors_unseen"])
        self.assertNotIn(said, self.page())
        self.crowd.ask(3, "shop", 60, connector="10.0.0.1")
        self.assertTrue(self.view()["connectors_unseen"])
        self.assertIn(said, self.page())
        self.hour.ask(3, ACCOUNT)
        (counted,) = self.hour.figures.counter.minute.counted
        counted.count_link(300_000)
        self.assertFalse(self.view()["connectors_unseen"])
        self.assertNotIn(said, self.page())

    def test_nothing_was_in_the_hour_before(self):
        self.crowd.ask(3, "shop", 60)
        text = self.view()["answer"]["text"]
        self.assertIn("1 client and 1 database, and nothing in the hour before.", text)

    def test_connectors_that_do_not_have_even_shares(self):
        self.before()
        self.crowd.ask(3, "shop", 68, connector="10.0.0.1")
        self.crowd.ask(3, "billing", 32, connector="10.0.0.2")
        data = self.view()
        self.assertEqual(data["answer"]["rules"], ["uneven"])
        self.assertIn("68 : 32 over 2 connectors, not evenly.", data["answer"]["text"])
        self.assertIn("68 %", self.page())

    def test_a_database_that_is_slower(self):
        self.before(first=950)
        self.crowd.ask(3, "shop", 60, connector="10.0.0.1", first=4900)
        self.crowd.ask(3, "billing", 60, connector="10.0.0.2", first=4900)
        data = self.view()
        self.assertEqual(data["answer"]["rules"], ["slower"])
        self.assertIn("4.90 ms a request instead of 0.950 ms", data["answer"]["text"])
        page = self.page()
        self.assertIn('class="edge hot"', page)
        self.assertIn("4.90 ms, was 0.950 ms", page)

    def test_a_client_whose_requests_fail(self):
        self.before()
        self.crowd.ask(3, "shop", 60, connector="10.0.0.1")
        self.crowd.ask(3, "billing", 30, connector="10.0.0.2")
        self.crowd.ask(3, "billing", 20, connector="10.0.0.2", outcome="error")
        self.crowd.ask(3, "billing", 10, connector="10.0.0.2", outcome="denied")
        data = self.view()
        self.assertEqual(data["answer"]["rules"][0], "failing")
        self.assertIn(
            "billing: 50 % of its 60 requests did not succeed; 20 failed and 10 were denied.",
            data["answer"]["text"],
        )
        self.assertIn("10 denied", self.page())

    def test_a_client_that_is_silent(self):
        self.before()
        self.crowd.ask(3, "shop", 60, connector="10.0.0.1")
        data = self.view()
        self.assertEqual(data["answer"]["rules"], ["silent"])
        self.assertEqual(data["silent"], ["billing"])

    def test_nothing_yet(self):
        self.assertEqual(self.view()["answer"]["rules"], ["empty"])
        self.assertIn("No request in this time", self.page())
        self.crowd.edges = None
        self.assertEqual(self.view()["answer"]["rules"], ["empty"])

    def test_whose_shares_are_told(self):
        self.crowd.ask(3, "shop application", 6)
        self.assertIn("shares of clients<", self.page())
        for number in (1, 2):
            self.crowd.ask(3, "shop application", 6, connector=f"10.20.0.{number}")
        self.assertIn("shares of connectors; the tick is an even share", self.page())

    def test_ranges_and_what_is_on_the_lines(self):
        self.crowd.ask(30, "shop", 60)
        self.assertEqual(self.view()["boxes"], [])
        self.assertEqual(len(self.view(range="1h")["boxes"]), 3)
        for show, text in (("rate", "/s"), ("p95", " ms"), ("errors", " %")):
            self.assertIn(text, self.page(range="1h", show=show).partition('class="e"')[2][:90])
        for wrong in ({"range": "24h"}, {"show": "x"}, {"other": "1"}):
            self.assertRaises(Unfit, topology.asked, wrong, NOW)

    def test_a_crowd_keeps_to_the_budget_and_shows_names_as_text(self):
        for number in range(150):
            self.crowd.ask(
                3,
                f"<script>{number}" + "x" * 200,
                2,
                connector=f"10.0.{number}.1" if number % 2 else "",
                database=b"d%d" % number,
            )
        page = self.page()
        self.assertLess(len(page.encode()), 60_000)
        self.assertNotIn("<script>1", page)
