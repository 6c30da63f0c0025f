"""Figures in large type."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.tiles import tile


class Tiles(SynchronousTestCase):
    def test_the_unit_stands_apart(self):
        self.assertEqual(
            tile("Mean", "6.09 ms", "as before"), ("Mean", "6.09", "ms", "as before", False, "", "")
        )
        self.assertEqual(
            tile("Denied", "8", "0 before", True), ("Denied", "8", "", "0 before", True, "", "")
        )
        self.assertEqual(tile("Whole", "4 min 12 s", "")[1:3], ("4 min 12", "s"))
        self.assertEqual(tile("Requests", "< 0.1 /s", "")[1:3], ("< 0.1", "/s"))

    def test_a_door(self):
        self.assertEqual(
            tile("Denied", "8", "", href="/console/security").href, "/console/security"
        )

    def test_a_line_of_its_values(self):
        self.assertIn('class="ln hot"', tile("Errors", "8", "", True, [0, 1, 5]).line)
        self.assertIn('class="ln"', tile("Errors", "8", "", False, [0, 1, 5]).line)
