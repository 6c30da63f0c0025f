"""How many requests a search is about."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.countedrequests import counted, minutes
from tests.support.crowds import Crowd
from tests.support.hours import ACCOUNT, MINUTE, NOW, ORDERS, Hour
from tests.support.stepping import returned


class Counted(SynchronousTestCase):
    def setUp(self):
        hour, crowd = Hour(), Crowd()
        for minute, count in ((70, 5), (3, 2)):
            hour.pass_to(minute)
            hour.ask(minute, ORDERS, count)
            hour.ask(minute, ORDERS, count + 1, outcome="denied")
            hour.ask(minute, ACCOUNT, count + 2, outcome="error")
            crowd.ask(minute, "shop", count, outcome="denied")
            crowd.ask(minute, "billing", 1)
        self.hour = hour
        self.sources = hour.sources._replace(edges=crowd.edges)

    def count(self, **arguments):
        return returned(counted(self.sources, arguments, NOW - 1))

    def test_of_a_statement_and_of_all(self):
        shape = self.hour.shape("orders")
        for arguments, number in (
            ({"since": "1h"}, 9),
            ({"since": "1h", "verdict": "deny"}, 3),
            ({"since": "1h", "verdict": "error"}, 4),
            ({"since": "1h", "verdict": "poison"}, 0),
            ({"since": "1h", "shape": shape, "sort": "slowest", "offset": "20"}, 5),
            ({"since": "24h", "shape": shape, "verdict": "deny"}, 9),
        ):
            self.assertEqual(self.count(**arguments), number, arguments)

    def test_of_a_client(self):
        self.assertEqual(self.count(since="5m", client_id="shop", verdict="deny"), 2)
        self.assertEqual(self.count(since="1h", client_id="billing"), 1)
        self.assertEqual(self.count(since="1h", database="shop"), 3)
        self.sources = self.sources._replace(edges=None)
        self.assertIsNone(self.count(since="1h", client_id="billing"))

    def test_figures_do_not_tell_all_apart(self):
        for arguments in (
            {},
            {"since": "2h"},
            {"since": "1h", "verdict": "slow"},
            {"since": "24h", "client_id": "shop"},
            {"since": "1h", "client_id": "shop", "verdict": "poison"},
            {"since": "1h", "shape": "1" * 16, "client_id": "shop"},
            {"since": "1h", "user": "ann"},
        ):
            self.assertIsNone(self.count(**arguments), arguments)

    def test_minutes_are_those_of_the_figures(self):
        span = minutes("5m", NOW - 1)
        self.assertEqual((span.since, span.until), (NOW // MINUTE - 5, NOW // MINUTE))
        self.assertIsNone(minutes("2h", NOW))
        self.assertIsNone(minutes("", NOW))
