"""The view of one trace: where its time went."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.site.frame import Console
from acra_twisted.telemetry.console.views import trace
from acra_twisted.telemetry.figures.shapes import STATEMENT, Shape
from acra_twisted.telemetry.pages.kept import KeptTraces
from acra_twisted.telemetry.pages.rendering import NotKept
from acra_twisted.telemetry.pages.search import Unfit
from acra_twisted.telemetry.tracing.spans import INTERNAL, SERVER, Span
from tests.support.hours import NOW, Hour
from tests.support.kepttraces import SUMMARY, TEXT, US, a_trace
from tests.support.stepping import returned
from tests.support.webpages import body


class Trace(SynchronousTestCase):
    def setUp(self):
        self.hour = Hour(1)

    def view(self, arguments):
        wanted = trace.asked(arguments, NOW)
        self.gathered = returned(trace.gather(self.hour.sources, wanted))
        return trace.as_json(self.gathered)

    def said(self, **given):
        trace_id = a_trace(self.hour.store, NOW, **given)
        return self.view({"id": trace_id})["answer"]

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
        self.assertEqual(self.gathered.said.kind, "slow")

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
        self.assertIn("It read 2 poison records.", self.gathered.said.as_json()["text"])

    def test_still_running(self):
        span = Span("", "4" * 32, "", 1, NOW - 3000 * US, True)
        self.hour.sources = self.hour.sources._replace(
            traces=KeptTraces("acra-server", self.hour.store, lambda: [span], clock=lambda: NOW)
        )
        data = self.view({"id": "4" * 32})
        self.assertEqual(data["answer"]["rules"][0], "running")
        self.assertIn("Still running after 3.00 ms: 1 span has not ended.", data["answer"]["text"])

    def test_the_page(self):
        trace_id = a_trace(self.hour.store, NOW, opening=100)
        self.view({"id": trace_id})
        shown = trace.shown(self.gathered)
        self.assertEqual(shown["summary"], SUMMARY)
        self.assertEqual(shown["whom"], "shop_rw, shop")
        self.assertEqual(shown["figures"][0], ("Whole", "3.10", "ms", "5 spans", False))
        self.assertEqual(shown["figures"][1][1:3], ("0.800", "ms"))
        self.assertEqual(shown["spans"], "5 spans, 2 daemons")
        shape = Shape("postgresql", "shop", STATEMENT, SUMMARY, TEXT)
        self.assertIn(f"id={shape.id}&", shown["statement"])
        # The one that took most is open.
        self.assertEqual(shown["detail_name"], f"postgresql {SUMMARY}")
        self.assertIn(("server.address", "db-a"), shown["detail"])

    def test_a_span_is_chosen(self):
        trace_id = a_trace(self.hour.store, NOW)
        first = self.view({"id": trace_id})["spans"][0]
        data = self.view({"id": trace_id, "span": first["span_id"]})
        self.assertEqual(data["chosen"], first["span_id"])
        self.assertEqual((first["layer"], first["itself_ms"]), ("link", 0.3))

    def test_what_was_said(self):
        trace_id = a_trace(self.hour.store, NOW, containers_failed=1, event_code=581)
        span = next(iter(self.hour.store.trace(trace_id).spans()))
        span.add_event((NOW + 5 * US, "asked\u202e", {"tries": 2}))
        self.view({"id": trace_id})
        words = [(line["word"], line["text"]) for line in trace.shown(self.gathered)["logs"]]
        self.assertEqual(words[0], ("", "asked<U+202E>: tries 2"))
        self.assertIn(("event 581", "security event"), words)
        self.assertIn(("left as stored", "1 container"), words)

    def test_a_link_to_another_viewer(self):
        trace_id = a_trace(self.hour.store, NOW)
        self.view({"id": trace_id})
        self.assertEqual(trace.shown(self.gathered)["elsewhere"], "")
        template = "http://jaeger/trace/{trace_id}"
        self.hour.sources = self.hour.sources._replace(link_template=template)
        self.view({"id": trace_id})
        self.assertEqual(trace.shown(self.gathered)["elsewhere"], f"http://jaeger/trace/{trace_id}")

    def test_attributes_that_others_sent(self):
        for odd in ("many", -1, 1.5, True, "<b>"):
            trace_id = a_trace(
                self.hour.store, NOW + 10**9, poison_records=odd, containers_failed=odd
            )
            self.view({"id": trace_id})
            trace.shown(self.gathered)

    def test_what_cannot_be(self):
        for arguments in ({}, {"id": "x" * 32}, {"id": "1" * 32, "span": "<"}, {"what": "1"}):
            self.assertRaises(Unfit, trace.asked, arguments, NOW)
        self.assertRaises(NotKept, self.view, {"id": "1" * 32})

    def test_a_trace_of_many_spans_keeps_to_the_budget(self):
        root = Span("handleConnection", "ab" * 16, "", SERVER, NOW - 10**10, True)
        root.end = NOW
        self.hour.store.add(root)
        for number in range(170):
            request = root.child(
                "SELECT orders customer and more", SERVER, root.start + number * US
            )
            request.end = request.start + US
            request.attributes = {"db.query.text": "SELECT " + "x, " * 300}
            self.hour.store.add(request)
            for _ in range(2):
                stage = request.child("stage censor", INTERNAL, request.start)
                stage.end = request.end
                self.hour.store.add(stage)
        console = Console("acra-server", self.hour.sources)
        page = body(console.page(trace.VIEW, {"id": root.trace_id}))
        self.assertLess(len(page), 60_000)
        self.assertIn("more in the JSON", page)
        every = body(console.page(trace.VIEW, {"id": root.trace_id, "format": "json"}))
        self.assertEqual(every.count('"span_id"'), 511)
