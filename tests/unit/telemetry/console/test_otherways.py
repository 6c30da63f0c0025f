"""The ways of requests as servers tell each other of them."""

import json

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import succeed
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.gone import Last
from acra_twisted.telemetry.console.otherservers import STANDING, Other, Unreadable
from acra_twisted.telemetry.console.otherways import Ways, as_json, read, silent, ways_of
from acra_twisted.telemetry.console.site.frame import Console
from acra_twisted.telemetry.console.views import topology
from acra_twisted.telemetry.figures.edges import Way
from acra_twisted.telemetry.figures.rows import Row
from tests.support.crowds import Crowd
from tests.support.hours import NOW, Hour
from tests.support.stepping import plain, returned
from tests.support.webpages import body
from tests.unit.telemetry.console.test_otherservers import JSON, ROWS

NAMES = st.text(st.characters(exclude_categories=("Cs",)), max_size=9)
WAYS = st.dictionaries(st.builds(Way, *[NAMES] * 6), ROWS, max_size=4)
INSTANCES = st.sampled_from(("", "a", "b"))


def bytes_of(told):
    return json.dumps(plain(as_json(told))).encode()


def plain_rows(rows):
    return {way: row.as_json() for way, row in rows.items()}


class Told(SynchronousTestCase):
    @given(INSTANCES, WAYS, WAYS)
    def test_what_is_told_comes_back(self, instance, now, before):
        told = ways_of(instance, now, before)
        found = read(bytes_of(told._replace(connectors=[Last("10.0.0.1", 29_000_000, True)])))
        self.assertEqual(found.connectors, [("10.0.0.1", 29_000_000, True)])
        self.assertEqual(found.instance, instance)
        self.assertEqual(plain_rows(found.now), plain_rows(now))
        self.assertEqual(plain_rows(found.before), plain_rows(told.before))
        self.assertEqual(found.heard_before, {way.client_id for way in before} - {""})
        # Of the hour before the databases alone count, and all of it does.
        sums = [Row(), Row()]
        for whole, rows in zip(sums, (before, found.before), strict=True):
            for row in rows.values():
                whole.add(row)
        self.assertEqual(sums[0].as_json(), sums[1].as_json())

    @given(JSON)
    def test_any_json_is_read_or_refused(self, value):
        for name in ("ways", "ways_before", "heard_before", "connectors"):
            told = {"ways": [], "ways_before": [], "heard_before": [], "connectors": []}
            told[name] = value
            for body_of in (told, {**told, name: [value]}):
                try:
                    found = read(json.dumps(body_of).encode())
                except Unreadable:
                    continue
                for way in found.now:
                    "".join(way).encode()

    @given(st.binary())
    def test_any_bytes_are_refused(self, data):
        self.assertRaises(Unreadable, read, data)

    def test_what_is_too_much(self):
        way = {**dict.fromkeys(Way._fields, "x"), "figures": Row().as_json()}
        for wrong in (
            [way] * 202,
            [{**way, "peer": "x" * 301}],
            [{**way, "peer": 5}],
            [{**way, "peer": "\ud800"}],
            [{**way, "figures": {"calls": -1}}],
        ):
            told = {"ways": wrong, "ways_before": [], "heard_before": []}
            self.assertRaises(Unreadable, read, json.dumps(told).encode())

    def test_who_is_silent_was_heard_by_no_server(self):
        here = Ways("a", {Way("x", *[""] * 5): Row()}, {}, frozenset(("x", "y", "z")))
        there = Ways("b", {Way("y", *[""] * 5): Row()}, {}, frozenset("w"))
        self.assertEqual(silent([here]), ["y", "z"])
        self.assertEqual(silent([here, there]), ["w", "z"])


class Together(SynchronousTestCase):
    """Topology with other servers."""

    def setUp(self):
        self.hour = Hour(3)
        self.here, self.there = Crowd(), Crowd()

    def sources(self, crowd, instance):
        facts = {"origin": {"service.instance.id": instance}}
        return self.hour.sources._replace(edges=crowd.edges, fact=facts.get)

    def told(self, crowd, instance, **arguments):
        """Another server's answer, as bytes."""
        page = Console("acra-server", self.sources(crowd, instance)).page(
            topology.VIEW, {"servers": "this", "format": "json", **arguments}
        )
        return body(page).encode()

    def answers(self, question):
        if question is STANDING:
            return succeed([AWAY, AWAY, AWAY])
        self.path = question.paths[0]
        one = Other("b:1", "http://b:1/console", question.read(self.told(self.there, "b")))
        return succeed([one, one._replace(at="again:1"), AWAY])

    def view(self, **arguments):
        sources = self.sources(self.here, "a")._replace(others=self.answers)
        self.page = body(Console("acra-server", sources).page(topology.VIEW, arguments))
        wanted = topology.asked(arguments, NOW - 1)
        return plain(topology.as_json(returned(topology.gather(sources, wanted))))

    def test_requests_over_all_servers(self):
        for crowd, client, count in ((self.here, "shop", 70), (self.there, "jobs", 30)):
            crowd.ask(30, client, 10)
            crowd.ask(3, client, count)
        data = self.view()
        self.assertIn("range=5m&servers=this", self.path)
        calls = {(one["from"]["name"], one["to"]["name"]): one["calls"] for one in data["lines"]}
        self.assertEqual(calls["jobs", "b:1"], 30)
        self.assertEqual(calls["shop", "acra-server"], 70)
        (base,) = [box for box in data["boxes"] if box["kind"] == 3]
        self.assertEqual((base["calls"], data["silent"], data["missing"]), (100, [], ["away:1"]))
        self.assertIn("uneven", data["answer"]["rules"])
        self.assertIn("70 : 30 over 2 servers, not evenly", data["answer"]["text"])
        self.assertIn('href="http://b:1/console"', self.page)
        self.assertIn("without the requests of away:1", self.page)

    def through(self, crowd, connector, until):
        """Requests over a connector in each minute of the hour up to one, and others up to now."""
        for minute in range(60, 0, -1):
            if minute >= until:
                crowd.ask(minute, "shop", 3, connector=connector)
            crowd.ask(minute, "shop", 3, connector="10.0.0.9")

    def test_a_connector_that_has_left_all_servers_is_gone(self):
        self.through(self.here, "10.0.0.1", 20)
        self.through(self.there, "10.0.0.1", 12)
        for key in ("5m", "1h"):
            data = self.view(range=key)
            self.assertEqual(data["gone"], [{"connector": "10.0.0.1", "since": "23:49"}], key)
        self.assertIn("Nothing has come here over the connector 10.0.0.1", data["answer"]["text"])

    def test_a_connector_that_only_another_server_heard_is_gone(self):
        self.here.ask(3, "shop", 30)
        self.through(self.there, "10.0.0.1", 20)
        self.assertEqual(self.view()["gone"], [{"connector": "10.0.0.1", "since": "23:41"}])

    def test_a_connector_that_has_gone_to_another_server_is_there(self):
        self.through(self.here, "10.0.0.1", 20)
        self.there.ask(2, "shop", 3, connector="10.0.0.1")
        for key in ("5m", "1h"):
            self.assertEqual(self.view(range=key)["gone"], [], key)
        # A server that does not say when may have it.
        telling = self.told

        def older(*given, **arguments):
            told = json.loads(telling(*given, **arguments))
            del told["connectors"]
            return json.dumps(told).encode()

        self.told = older
        self.assertEqual(self.view(range="1h")["gone"], [])

    def test_this_one_alone(self):
        self.here.ask(3, "shop", 7)
        self.there.ask(3, "jobs", 3)
        data = self.view(servers="this")
        self.assertEqual([way["client_id"] for way in data["ways"]], ["shop"])
        self.assertEqual(data["servers"], [])
        self.assertIn('aria-label="Servers"', self.page)
        self.assertNotIn("b:1", self.page)


AWAY = Other("away:1", "http://away:1/console", None, "it is away")
