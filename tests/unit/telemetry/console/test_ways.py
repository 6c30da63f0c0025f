"""Boxes and lines of who talks to whom."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console import ways
from acra_twisted.telemetry.console.ways import (
    BASE,
    BOXES_MAX,
    CLIENT,
    CONNECTOR,
    SERVER,
    Part,
    picture,
)
from tests.support.crowds import Crowd
from tests.support.stepping import returned


class Pictures(SynchronousTestCase):
    def setUp(self):
        self.crowd = Crowd()

    def picture(self):
        return returned(picture([Part("acra-server", "", self.crowd.rows(), {})]))

    def lines(self, seen):
        return {(one.name, two.name): row.calls for (one, two), row in seen.lines.items()}

    def test_boxes_and_lines(self):
        self.crowd.ask(3, "billing", 2, connector="10.0.0.1")
        self.crowd.ask(3, "jobs", 4, database=b"reports")
        seen = self.picture()
        self.assertEqual(
            self.lines(seen),
            {
                ("billing", "10.0.0.1"): 2,
                ("10.0.0.1", "acra-server"): 2,
                ("acra-server", "shop"): 2,
                ("jobs", "acra-server"): 4,
                ("acra-server", "reports"): 4,
            },
        )
        (server,) = ways.of_kind(seen.boxes, SERVER)
        self.assertEqual(seen.boxes[server].calls, 6)
        self.assertEqual(len(ways.of_kind(seen.boxes, CONNECTOR)), 1)

    def test_more_than_fit_are_one_box(self):
        for number in range(30):
            self.crowd.ask(3, f"client {number}", 30 - number, database=b"d%d" % number)
        seen = self.picture()
        for kind in (CLIENT, BASE):
            boxes = ways.of_kind(seen.boxes, kind)
            self.assertEqual(len(boxes), BOXES_MAX)
            self.assertEqual(sum(seen.boxes[box].calls for box in boxes), 465)
        others = [box for box in seen.boxes if box.name == "others"]
        self.assertEqual(len(others), 2)

    def test_one_more_than_are_drawn_without_the_rest(self):
        for number in range(BOXES_MAX):
            self.crowd.ask(3, f"client {number}")
        names = [box.name for box in ways.of_kind(self.picture().boxes, CLIENT)]
        self.assertEqual(sorted(names), [f"client {number}" for number in range(BOXES_MAX)])

    def test_two_servers_are_one_picture(self):
        self.crowd.ask(3, "shop", 2)
        self.crowd.ask(3, "jobs", 3)
        other = Crowd()
        other.ask(3, "shop", 5)
        there = Part("b:1", "http://b:1/console", other.rows(), {})
        seen = returned(picture([Part("acra-server", "", self.crowd.rows(), {}), there]))
        self.assertEqual(
            self.lines(seen),
            {
                ("shop", "acra-server"): 2,
                ("jobs", "acra-server"): 3,
                ("acra-server", "shop"): 5,
                ("shop", "b:1"): 5,
                ("b:1", "shop"): 5,
            },
        )
        (base,) = ways.of_kind(seen.boxes, BASE)
        self.assertEqual(seen.boxes[base].calls, 10)

    def test_times(self):
        self.crowd.ask(3, "jobs", 4, first=3000)
        seen = self.picture()
        (base,) = ways.of_kind(seen.boxes, BASE)
        (client,) = ways.of_kind(seen.boxes, CLIENT)
        self.assertAlmostEqual(ways.line_ms(base, seen.boxes[base]), 3.0)
        self.assertAlmostEqual(ways.line_ms(client, seen.boxes[client]), 3.1)
