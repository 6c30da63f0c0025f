"""Addresses of one statement; test_doors follows them."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.ranges import range_of
from acra_twisted.telemetry.console.shapelinks import address, traces_of
from tests.support.hours import NOW


class Addresses(SynchronousTestCase):
    def test_no_id_adds_an_argument(self):
        self.assertEqual(address("a&b=<c>"), "/console/statement?id=a%26b%3D%3Cc%3E")
        self.assertEqual(traces_of("a&b"), "/console/traces?shape=a%26b")

    def test_traces_of_a_time(self):
        self.assertEqual(
            traces_of("0a", range_of("24h", NOW)), "/console/traces?shape=0a&since=24h"
        )
