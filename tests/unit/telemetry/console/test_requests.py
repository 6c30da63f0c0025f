"""Facts of a request from its spans."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console import requests
from acra_twisted.telemetry.figures.shapes import PREPARE, STATEMENT, Shape
from tests.support.kepttraces import SUMMARY, TEXT, many, records_of, spans_of

START = 1_000_000_000


class Requests(SynchronousTestCase):
    def only(self, **given):
        return requests.main_of(records_of(spans_of(START, **given)))

    def test_verdicts(self):
        for given, verdict in (
            ({}, "allowed"),
            ({"slow": True}, "slow"),
            ({"status": 2}, "failed"),
            ({"status": 7, "verdict": "deny"}, "denied"),
            ({"status": 7, "verdict": "hangup"}, "denied"),
            ({"status": 2, "poison_records": 1}, "poison"),
        ):
            self.assertEqual(requests.verdict_of(self.only(**given)), verdict)
            self.assertIn(verdict, requests.BADGES)
        self.assertEqual(requests.verdict_of({**self.only(), "running": True}), "running")

    def test_the_request_of_a_trace(self):
        # It is that of AcraServer, for a connector does not know the statement.
        self.assertIn("db.query.text", self.only()["attributes"])
        failed = spans_of(START, link=0, first=10, status=2)
        records = records_of([*many(START, 2), *failed])
        self.assertEqual(requests.main_of(records)["span_id"], failed[-1].span_id)
        self.assertIsNone(requests.main_of(records_of(spans_of(START)[1:2])))

    def test_its_shape(self):
        record = self.only()
        shape = Shape("postgresql", "shop", STATEMENT, SUMMARY, TEXT)
        self.assertEqual(requests.shape_id(record), shape.id)
        prepared = {**record, "name": f"prepare {SUMMARY}"}
        shape = Shape("postgresql", "shop", PREPARE, SUMMARY, TEXT)
        self.assertEqual(requests.shape_id(prepared), shape.id)
        self.assertEqual(requests.shape_id({**record, "attributes": {}}), "")

    def test_the_first_that_says_it(self):
        records = records_of(spans_of(START))
        self.assertEqual(requests.first(records, "acra.client_id"), "shop")
        self.assertEqual(requests.first(records, "nothing"), "")
