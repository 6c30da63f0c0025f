"""This server beside the others."""

from twisted.internet.defer import succeed
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console import serverlines
from acra_twisted.telemetry.console.otherservers import STANDING, Other, Told
from acra_twisted.telemetry.console.site.frame import Console
from acra_twisted.telemetry.console.views import topology
from acra_twisted.telemetry.figures.rows import Layer, Row
from tests.support.hours import ACCOUNT, NOW, Hour
from tests.support.stepping import plain, returned
from tests.support.webpages import body


def calls(number):
    row = Row()
    row.calls = number
    row.layers["whole"] = Layer(number * 1_000_000, {30: number})
    return row


WELL = Other("b:1", "http://b:1/console", Told("b", "good", "All is <b>well</b>.", calls(3600)))
AWAY = Other("c:1", "http://c:1/console", None, "it refuses connections")


class Servers(SynchronousTestCase):
    def sources(self, *others, instance="a"):
        hour = Hour()
        hour.pass_to(3)
        hour.ask(3, ACCOUNT, 5)
        facts = {"origin": {"service.instance.id": instance}}

        def answers(question):
            if question is STANDING:
                return succeed(list(others))
            # What else they are asked, they do not know.
            return succeed([one._replace(told=None, problem="status 400") for one in others])

        return hour.sources._replace(others=answers, fact=facts.get)

    def view(self, sources):
        wanted = topology.asked({}, NOW - 1)
        return plain(topology.as_json(returned(topology.gather(sources, wanted))))

    def test_none_is_named(self):
        sources = self.sources()._replace(others=None)
        data = self.view(sources)
        self.assertEqual((data["servers"], data["together"]), ([], None))
        self.assertNotIn("c-servers", body(Console("s", sources).page(topology.VIEW, {})))

    def test_their_figures_add_up_and_who_is_away_is_told(self):
        sources = self.sources(WELL, AWAY)
        data = self.view(sources)
        well, away = data["servers"]
        self.assertEqual(well["figures"]["calls"], 3600)
        self.assertEqual(well["health"], {"look": "good", "text": "All is <b>well</b>."})
        self.assertEqual((well["counted"], away["counted"]), (True, False))
        self.assertEqual((away["problem"], away["figures"]), ("it refuses connections", None))
        self.assertEqual(data["together"]["calls"], 3605)
        self.assertEqual(data["answer"]["rules"], ["away"])
        self.assertEqual(data["missing"], ["b:1", "c:1"])
        self.assertIn("1 of 2 other servers does not answer: c:1.", data["answer"]["text"])
        page = body(Console("s", sources).page(topology.VIEW, {}))
        self.assertIn("All is &lt;b&gt;well&lt;/b&gt;.", page)
        self.assertIn('<a href="http://c:1/console">c:1</a>', page)
        self.assertIn("it refuses connections", page)
        self.assertIn("2 servers, added up", page)

    def test_a_server_that_is_this_one_counts_once(self):
        sources = self.sources(WELL, instance="b")
        data = self.view(sources)
        self.assertEqual(data["together"]["calls"], 5)
        self.assertIn("Counted already", body(Console("s", sources).page(topology.VIEW, {})))

    def test_several_are_away(self):
        found = serverlines.missing([AWAY, AWAY])
        self.assertEqual(found.text, "2 of 2 other servers do not answer: c:1 is the first.")
        self.assertIsNone(serverlines.missing([WELL]))
