"""Kept calls of a statement."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.calls import CALLS_MAX, callers, kept_calls
from acra_twisted.telemetry.figures.shapes import PREPARE, STATEMENT, Shape
from acra_twisted.telemetry.tracing.spans import SERVER, Span
from tests.support.hours import NOW, Hour
from tests.support.kepttraces import SUMMARY, TEXT, a_trace
from tests.support.stepping import returned

SHAPE = Shape("postgresql", "shop", STATEMENT, SUMMARY, TEXT)


class Calls(SynchronousTestCase):
    def setUp(self):
        self.hour = Hour(1)

    def found(self, shape=SHAPE, since=0, until=1 << 62):
        return returned(kept_calls(self.hour.sources, shape, since, until))

    def test_those_of_the_statement_and_of_the_time(self):
        ids = [a_trace(self.hour.store, NOW + number * 10**9) for number in range(4)]
        calls = self.found(since=NOW + 10**9, until=NOW + 3 * 10**9)
        self.assertEqual([call.trace_id for call in calls], [ids[2], ids[1]])
        self.assertEqual(calls[0].took, 2.8)
        other = Shape("postgresql", "other", STATEMENT, SUMMARY, TEXT)
        self.assertEqual(self.found(other), [])
        text = Shape("postgresql", "shop", STATEMENT, SUMMARY, "SELECT ?")
        self.assertEqual(self.found(text), [])
        self.assertEqual(self.found(Shape("postgresql", "shop", "login", "login", "")), [])

    def test_those_that_were_prepared_alone_or_fetched_from_are_others(self):
        kinds = (PREPARE, "fetch")
        for kind in kinds:
            span = Span(f"{kind} {SUMMARY}", "9" * 32, "", SERVER, NOW, True)
            span.end = NOW + 10**6
            known = {"db.namespace": "shop", "db.query.text": TEXT, "acra.verdict": "allow"}
            span.attributes = known
            self.hour.store.add(span)
        self.assertEqual(self.found(), [])
        for kind in kinds:
            shape = Shape("postgresql", "shop", kind, SUMMARY, TEXT)
            self.assertEqual(len(self.found(shape)), 1, kind)

    def test_the_newest_ones_are_taken(self):
        top = Span("mine", "9" * 32, "", SERVER, NOW, True)
        for trace in range(3):
            for number in range(300):
                span = Span(SUMMARY, f"{trace + 1:032x}", "", SERVER, NOW + number + trace, True)
                span.end = span.start + 10**6
                known = {"db.namespace": "shop", "db.query.text": TEXT, "acra.verdict": "allow"}
                span.attributes = known
                self.hour.store.add(span)
        self.hour.store.add(top)
        calls = self.found()
        self.assertEqual(len(calls), CALLS_MAX)
        self.assertEqual(calls[0].start, NOW + 301)

    def test_clients(self):
        for number in range(30):
            a_trace(self.hour.store, NOW + number, client_id=f"c{number % 10}", first=1000 * number)
        found = callers(self.found(), {"peers": [{"client_id": "c3", "peer": "::1"}]})
        self.assertEqual([one.client_id for one in found], [f"c{number}" for number in range(8)])
        self.assertEqual((found[3].calls, list(found[3].peers)), (3, ["::1"]))
        self.assertAlmostEqual(found[3].mean, 13.8)
