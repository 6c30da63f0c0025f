"""Sentences about one trace."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.views import trace
from acra_twisted.telemetry.tracing.spans import INTERNAL
from tests.support.hours import NOW, Hour
from tests.support.kepttraces import US, a_trace, many, spans_of
from tests.support.stepping import returned


class Said(SynchronousTestCase):
    def setUp(self):
        self.hour = Hour(1)

    def said(self, **given):
        trace_id = a_trace(self.hour.store, NOW, **given)
        gathered = returned(trace.gather(self.hour.sources, trace.asked({"id": trace_id}, NOW)))
        self.answer = gathered.said
        return trace.as_json(gathered)["answer"]

    def test_the_database(self):
        self.assertEqual(
            self.said(first=46_000),
            {
                "text": "The database took 99 % of it, 46.0 ms to its first byte. Connector, link, "
                "proxy and stages took 0.700 ms.",
                "rules": ["database"],
            },
        )

    def test_one_of_ours(self):
        answer = self.said(censor=5_000)
        self.assertEqual(answer["rules"], ["ours"])
        self.assertTrue(answer["text"].startswith("Censor took 63 % of it, 5.00 ms; "))
        self.assertEqual(self.answer.kind, "slow")

    def test_a_stage_of_ones_own_has_its_name(self):
        made = spans_of(NOW, proxy=20_000)
        request = made[-1]
        for name, start in (("stage audit", 0), ("stage audit rows", 13_000)):
            stage = request.child(name, INTERNAL, request.start + start * US)
            stage.end = stage.start + 9_000 * US
            stage.attributes = {"acra.stage": "audit"}
            made.append(stage)
        for span in made:
            self.hour.store.add(span)
        wanted = trace.asked({"id": request.trace_id}, NOW)
        text = returned(trace.gather(self.hour.sources, wanted)).said.as_json()["text"]
        self.assertTrue(text.startswith("Stage audit took 79 % of it, 18.0 ms; "), text)

    def test_nothing_took_most(self):
        answer = self.said(link=1000, proxy=900, censor=900, first=500, rows=500, opening=400)
        self.assertEqual(answer["rules"], ["spread"])
        self.assertIn("the largest is connector and link, 1.00 ms, 26 %.", answer["text"])

    def test_denied(self):
        answer = self.said(
            first=0, rows=0, status=7, verdict="deny", denied_by="censor", **{"censor.rule": "deny"}
        )
        self.assertEqual(answer["rules"][0], "denied")
        self.assertTrue(
            answer["text"].startswith("Denied by censor, rule deny; the database never saw it. "),
            answer,
        )

    def test_failed(self):
        answer = self.said(status=2)
        self.assertEqual(answer["rules"], ["failed", "database"])

    def test_poison(self):
        self.assertEqual(self.said(poison_records=2)["rules"], ["poison", "database"])
        self.assertIn("It read 2 poison records.", self.answer.as_json()["text"])
        self.setUp()
        self.said(poison_records=2, poison_row=1208, poison_column="number")
        self.assertIn(
            "It read 2 poison records, the first one in row 1,208, column number.",
            self.answer.as_json()["text"],
        )

    def test_left_as_stored(self):
        failed = {"containers_failed": 14, "containers_failed.no_key_fits": 14}
        said = self.said(**failed)
        self.assertEqual(said["rules"], ["unopened", "database"])
        text = "14 containers were left as stored: no key fits. The database took "
        self.assertTrue(said["text"].startswith(text), said["text"])

    def test_slower_than_typical_in_no_one_layer(self):
        even = {"link": 500, "proxy": 500, "censor": 500, "first": 500, "rows": 500}
        a_trace(self.hour.store, NOW - 10**9, **even)
        answer = self.said(**{name: 3 * value for name, value in even.items()})
        self.assertEqual(answer["rules"], ["slower-than-typical"])
        self.assertIn(
            "It took 3.0 times what is typical of this statement, 7.50 ms", answer["text"]
        )

    def said_of(self, made):
        for span in made:
            self.hour.store.add(span)
        gathered = returned(
            trace.gather(self.hour.sources, trace.asked({"id": made[0].trace_id}, NOW))
        )
        return gathered.said.as_json()

    def test_a_statement_that_is_repeated(self):
        said = self.said_of(many(NOW, 20))
        self.assertEqual(said["rules"][0], "repeated")
        self.assertTrue(
            said["text"].startswith(
                "SELECT orders customer ran 20 times, each behind the one before: 56.0 ms, 100 % "
                "of the time of all requests. One statement that asks for all of it may be enough. "
            ),
            said["text"],
        )
