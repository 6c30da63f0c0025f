"""Traces of what is kept and of what still runs."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.history.service import HistoryAway
from acra_twisted.telemetry.pages.kept import KeptTraces
from acra_twisted.telemetry.tracing.spans import Span
from acra_twisted.telemetry.tracing.store import SpanStore
from tests.support.histories import piece
from tests.support.kepttraces import a_trace
from tests.support.pasts import History
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

    def test_the_history_has_older_ones(self):
        history = History(piece(7))
        self.kept.past = history.past
        (record,) = returned(self.kept.records(f"{7:032x}"))
        self.assertEqual(record["span_id"], f"{7:016x}")
        recent = a_trace(self.store, 500)
        begun = history.begun
        self.assertEqual(len(returned(self.kept.records(recent))), 4)
        self.assertEqual(history.begun, begun)

    def test_some_of_them_as_each_alone(self):
        ids = [a_trace(self.store, 500 + number) for number in range(3)]
        self.running = [Span("", ids[1], "", 1, 700, True), Span("", "9" * 32, "", 1, 700, True)]
        self.kept.past = History(piece(7)).past
        wanted = [*ids, f"{7:032x}", "8" * 32]
        found = returned(self.kept.some(wanted))
        self.assertEqual([len(found[one]) for one in wanted], [4, 5, 4, 1, 0])
        for one in wanted:
            self.assertEqual(found[one], returned(self.kept.records(one)))

    def test_sessions_are_looked_at_once_for_all_of_them(self):
        ids = [a_trace(self.store, 500 + number) for number in range(3)]
        looked = []
        self.kept = KeptTraces("acra-server", self.store, sessions=lambda: looked.append(1) or ())
        returned(self.kept.some(ids))
        self.assertEqual(looked, [1])

    def test_why_there_is_nothing_is_said(self):
        self.assertIn("trace_store_file", self.kept.why_missing())
        history = History()
        self.kept.past = history.past
        self.assertEqual(returned(self.kept.records("1" * 32)), [])
        self.assertIn("the history does not have it", self.kept.why_missing())
        history.trouble = HistoryAway("the history is closed")
        self.assertEqual(returned(self.kept.records("1" * 32)), [])
        self.assertIn("the history is closed", self.kept.why_missing())
