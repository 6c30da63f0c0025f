"""Tables of charts of layers."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console import areatable


class Table(SynchronousTestCase):
    def test_layers_and_the_whole(self):
        heads = areatable.heads(["proxy", "dbfirst"])
        self.assertEqual(heads, ["Time", "Proxy", "Database, first byte", "Whole"])
        means = [{"proxy": 0.5, "dbfirst": 4.5}, {}, {"dbfirst": 2.0}]
        rows = list(areatable.rows(["09:00", "09:01", "09:02"], means, ["proxy", "dbfirst"]))
        self.assertEqual(rows[0], ["09:00", "0.500", "4.50", "5.00"])
        self.assertEqual(rows[1], ["09:01", *["\N{EN DASH}"] * 3])
        self.assertEqual(rows[2], ["09:02", "0", "2.00", "2.00"])
