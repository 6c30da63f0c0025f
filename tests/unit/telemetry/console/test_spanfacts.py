"""Facts of spans as a page shows them."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.views import trace
from acra_twisted.telemetry.logs.recent import RecentEvents
from tests.support.hours import NOW, Hour
from tests.support.incidents import line
from tests.support.kepttraces import US, a_trace
from tests.support.stepping import plain, returned


class Facts(SynchronousTestCase):
    def setUp(self):
        self.hour = Hour(1)

    def view(self, trace_id):
        wanted = trace.asked({"id": trace_id}, NOW)
        self.gathered = returned(trace.gather(self.hour.sources, wanted))
        return plain(trace.as_json(self.gathered))

    def test_what_was_said(self):
        trace_id = a_trace(self.hour.store, NOW, containers_failed=1, event_code=581)
        span = next(iter(self.hour.store.trace(trace_id).spans()))
        span.add_event((NOW + 5 * US, "asked\u202e", {"tries": 2}))
        self.view(trace_id)
        words = [
            (line["word"], line["text"]) for line in returned(trace.shown(self.gathered))["logs"]
        ]
        self.assertEqual(words[0], ("", "asked<U+202E>: tries 2"))
        self.assertIn(("event 581", "security event"), words)
        self.assertIn(("left as stored", "1 container"), words)

    def test_errors_of_both_databases(self):
        for code, told in (("40P01", "SQLSTATE 40P01"), ("1062", "error 1062")):
            trace_id = a_trace(self.hour.store, NOW)
            span = next(iter(self.hour.store.trace(trace_id).spans()))
            span.attributes = {**span.attributes, "db.response.status_code": code}
            self.view(trace_id)
            logs = returned(trace.shown(self.gathered))["logs"]
            self.assertIn(told, [one["text"] for one in logs])

    def test_its_security_events(self):
        trace_id = a_trace(self.hour.store, NOW, event_code=560)
        events = RecentEvents("acra-server")
        events(line(when=NOW, trace_id=trace_id, error="handler 4: table salaries"))
        events(line(when=NOW, trace_id="9" * 32))
        self.hour.sources = self.hour.sources._replace(events=events)
        self.assertEqual(self.view(trace_id)["events"], [1])
        logs = returned(trace.shown(self.gathered))["logs"]
        (told,) = [one for one in logs if one["href"]]
        self.assertEqual(told["text"], "handler 4: table salaries")
        self.assertIn("event=1", told["href"])
        self.assertFalse([one for one in logs if one["text"] == "security event"])
