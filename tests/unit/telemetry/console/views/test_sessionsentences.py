"""The sentences about one session."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events
from acra_twisted.telemetry.console.retraced import Request, Retraced
from acra_twisted.telemetry.console.views.sessionsentences import said, trace_of
from acra_twisted.telemetry.logs.recent import RecentEvents
from tests.support.hours import NOW
from tests.support.incidents import HOUR, SECOND, line
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

    def test_events_tell_where_no_request_is_kept(self):
        recent = RecentEvents("acra-server")
        for second in (5, 7):
            recent(line(when=NOW + second * SECOND, error="handler 4: table salaries"))
        recent(line(events.LOGIN_REFUSED, NOW, error="28P01"))
        kept = recent.kept(0, NOW + HOUR)
        told = said(Retraced(None, None, [], 0), kept, "billing").as_json()
        self.assertEqual(told["rules"], ["events"])
        self.assertEqual(
            told["text"],
            "billing was denied 2 times, first at 00:00:05: handler 4: table salaries. "
            "None of its requests is kept.",
        )
        for kind, code in (
            ("read a poison record", events.POISON_RECORD),
            ("was refused", events.LOGIN_REFUSED),
        ):
            recent = RecentEvents("acra-server")
            recent(line(code, NOW))
            told = said(Retraced(None, None, [], 0), recent.kept(0, NOW + 1), "billing").as_json()
            self.assertTrue(told["text"].startswith(f"billing {kind}, at 00:00:00: "), told)

    def test_the_address_of_a_request(self):
        record = request().record
        expected = f"/console/trace?id={record['trace_id']}&span={record['span_id']}"
        self.assertEqual(trace_of(record), expected)
