"""The sentences about one session."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.retraced import Request, Retraced
from acra_twisted.telemetry.console.views.sessionsentences import said, trace_of
from tests.support.hours import NOW
from tests.support.kepttraces import records_of, spans_of


def request(**given):
    return Request(records_of(spans_of(NOW, link=0, **given))[-1], {})


class Said(SynchronousTestCase):
    def told(self, *found):
        return said(Retraced(None, None, found, 0), (), "billing").as_json()

    def test_two_of_the_rules_at_most_the_weightiest_first(self):
        told = self.told(
            request(),
            request(status=2),
            request(verdict="deny", status=7),
            request(poison_records=1),
            request(poison_records=1),
        )
        self.assertEqual(told["rules"], ["poison", "denied"])
        self.assertIn("billing read a poison record 2 times, first at 00:00:00", told["text"])

    def test_nothing_stands_out(self):
        self.assertEqual(
            self.told(request())["text"], "1 request of billing is kept, and nothing stands out."
        )
        self.assertEqual(self.told()["rules"], ["empty"])

    def test_the_address_of_a_request(self):
        record = request().record
        expected = f"/console/trace?id={record['trace_id']}&span={record['span_id']}"
        self.assertEqual(trace_of(record), expected)
