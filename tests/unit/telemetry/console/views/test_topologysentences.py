"""The sentences about who talks to whom."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.views.topologysentences import address, said
from acra_twisted.telemetry.console.ways import BASE, CLIENT, SERVER, Box, Part, picture
from tests.support.crowds import Crowd
from tests.support.stepping import returned


class Said(SynchronousTestCase):
    def picture(self, *counts):
        """A picture of servers that have so many requests each."""
        parts = []
        for number, count in enumerate(counts):
            crowd = Crowd()
            crowd.ask(3, "shop", count)
            parts.append(Part(f"s{number}", f"http://s{number}/console", crowd.rows(), {}))
        return returned(picture(parts))

    def test_servers_that_do_not_have_even_shares(self):
        told = said(("5m", "5 min"), self.picture(80, 20), (), None).as_json()
        self.assertEqual(told["rules"], ["uneven"])
        self.assertIn("80 : 20 over 2 servers, not evenly. s0 has most of it.", told["text"])

    def test_even_ones_are_counted(self):
        text = said(("5m", "5 min"), self.picture(50, 50), (), None).as_json()["text"]
        self.assertIn("1 client and 1 database over 2 servers, and nothing in the hour", text)

    def test_addresses_of_boxes(self):
        self.assertEqual(address(Box(SERVER, "s", "http://s/console")), "http://s/console")
        self.assertEqual(address(Box(SERVER, "s", "")), "/console/sessions")
        self.assertEqual(address(Box(CLIENT, "a b", "a b")), "/console/traces?client_id=a+b")
        self.assertEqual(address(Box(BASE, "shop", "shop")), "/console/statements?db=shop")
