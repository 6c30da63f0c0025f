"""Traces of what is kept and of what still runs."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.pages.kept import KeptTraces
from acra_twisted.telemetry.tracing.spans import Span
from acra_twisted.telemetry.tracing.store import SpanStore
from tests.support.kepttraces import a_trace
from tests.support.stepping import returned


class Kept(SynchronousTestCase):
    def setUp(self):
        self.store = SpanStore()
        self.running = []
        self.kept = KeptTraces("acra-server", self.store, lambda: self.running, clock=lambda: 900)

    def test_spans_by_their_start(self):
        trace_id = a_trace(self.store, 500)
        records = returned(self.kept.records(trace_id))
        self.assertEqual(len(records), 4)
        self.assertEqual(records, sorted(records, key=lambda record: record["start"]))
        self.assertEqual(
            {record["service"] for record in records}, {"acra-connector", "acra-server"}
        )

    def test_one_that_still_runs(self):
        trace_id = a_trace(self.store, 500)
        self.running = [
            Span("", trace_id, "", 1, 700, True),
            Span("", "9" * 32, "", 1, 700, True),
        ]
        (record,) = [r for r in returned(self.kept.records(trace_id)) if r.get("running")]
        self.assertEqual((record["name"], record["end"]), ("(exchange)", 900))

    def test_nothing_of_it(self):
        self.assertEqual(returned(self.kept.records("1" * 32)), [])
