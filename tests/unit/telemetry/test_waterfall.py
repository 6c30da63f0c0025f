"""Rows of a waterfall, shares, the terminal's picture."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.waterfall import arrange, as_record, draw, shares
from tests.support.sample_spans import sample


class Waterfall(SynchronousTestCase):
    def setUp(self):
        self.records = [as_record(span, "acra-server") for span in sample()]

    def test_rows(self):
        parent, child = arrange(reversed(self.records))
        self.assertEqual((parent.depth, parent.start, parent.length), (0, 0.0, 1.0))
        self.assertEqual((child.depth, child.start), (1, 0.2))
        self.assertEqual(arrange([]), [])

    def test_an_orphan_stands_at_the_top(self):
        (row,) = arrange(self.records[1:])
        self.assertEqual(row.depth, 0)

    def test_shares(self):
        exchange, stage = self.records
        exchange["attributes"]["acra.time.proxy_ms"] = 1
        stage["attributes"]["acra.stage"] = "censor"
        database = {**stage, "span_id": "d" * 16, "attributes": {}, "kind": "client"}
        found = shares([exchange, stage, database])
        self.assertEqual(found, {"stage censor": 400, "database": 400, "proxy": 499_200})
        self.assertEqual(shares([]), {})

    def test_picture(self):
        first, second = draw(self.records, width=10)
        self.assertIn("|##########| ", first)
        self.assertIn("  stage censor", second)
        self.assertIn("|  #       |!", second)


class Marks(SynchronousTestCase):
    def test_where_the_first_byte_came(self):
        parent, child = (as_record(span, "acra-server") for span in sample())
        child["attributes"]["acra.time.first_byte_ms"] = 0.0002
        rows = arrange([parent, child])
        self.assertIsNone(rows[0].mark)
        self.assertAlmostEqual(rows[1].mark, rows[1].start + 0.0004)
        child["attributes"]["acra.time.first_byte_ms"] = 9e9
        self.assertEqual(arrange([child])[0].mark, 1.0)

    def test_the_connectors_share(self):
        parent, child = (as_record(span, "acra-server") for span in sample())
        parent["attributes"]["db.system.name"] = "postgresql"
        child["attributes"]["acra.time.proxy_ms"] = 1
        self.assertEqual(shares([parent, child])["connector and link"], 499_600)
