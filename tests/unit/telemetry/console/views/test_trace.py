"""The view of one trace: where its time went."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.minimap import PARTS
from acra_twisted.telemetry.console.site.frame import Console
from acra_twisted.telemetry.console.views import trace
from acra_twisted.telemetry.figures.shapes import STATEMENT, Shape
from acra_twisted.telemetry.pages.kept import KeptTraces
from acra_twisted.telemetry.pages.rendering import NotKept
from acra_twisted.telemetry.pages.search import Unfit
from acra_twisted.telemetry.tracing.records import as_record
from acra_twisted.telemetry.tracing.spans import INTERNAL, SERVER, Span
from acra_twisted.telemetry.tracing.store import SpanStore
from tests.support.hours import NOW, Hour
from tests.support.kepttraces import SUMMARY, TEXT, US, a_trace, many
from tests.support.livesessions import a_connection, asked_by
from tests.support.stepping import plain, returned
from tests.support.webpages import body


class Trace(SynchronousTestCase):
    def setUp(self):
        self.hour = Hour(1)

    def view(self, arguments):
        wanted = trace.asked(arguments, NOW)
        self.gathered = returned(trace.gather(self.hour.sources, wanted))
        return plain(trace.as_json(self.gathered))

    def said(self, **given):
        trace_id = a_trace(self.hour.store, NOW, **given)
        return self.view({"id": trace_id})["answer"]

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
        shown = returned(trace.shown(self.gathered))
        self.assertEqual(shown["summary"], SUMMARY)
        self.assertEqual(shown["whom"], "shop_rw, shop")
        self.assertEqual(shown["figures"][0][:5], ("Whole", "3.10", "ms", "5 spans", False))
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

    def test_a_link_to_another_viewer(self):
        trace_id = a_trace(self.hour.store, NOW)
        self.view({"id": trace_id})
        self.assertEqual(returned(trace.shown(self.gathered))["elsewhere"], "")
        template = "http://jaeger/trace/{trace_id}"
        self.hour.sources = self.hour.sources._replace(link_template=template)
        self.view({"id": trace_id})
        self.assertEqual(
            returned(trace.shown(self.gathered))["elsewhere"], f"http://jaeger/trace/{trace_id}"
        )

    def test_attributes_that_others_sent(self):
        for odd in ("many", -1, 1.5, True, "<b>"):
            trace_id = a_trace(
                self.hour.store, NOW + 10**9, poison_records=odd, containers_failed=odd
            )
            self.view({"id": trace_id})
            returned(trace.shown(self.gathered))

    def test_what_cannot_be(self):
        for arguments in ({}, {"id": "x" * 32}, {"id": "1" * 32, "span": "<"}, {"what": "1"}):
            self.assertRaises(Unfit, trace.asked, arguments, NOW)
        self.assertRaises(NotKept, self.view, {"id": "1" * 32})

    def test_times_the_typical_one(self):
        for number in range(3):
            a_trace(self.hour.store, NOW - 10**9 * (number + 1))
        answer = self.said(first=48_000, proxy=1000)
        self.assertEqual(
            answer["text"],
            "The database took 97 % of it, 48.0 ms to its first byte, 24 times what is typical of "
            "this statement. Connector, link, proxy and stages took 1.50 ms, 0.800 ms more than "
            "typical, 0.800 ms of that in the proxy.",
        )
        data = plain(trace.as_json(self.gathered))
        self.assertEqual(data["typical"]["calls"], 3)
        self.assertAlmostEqual(data["typical"]["took_ms"], 3.1)
        self.assertAlmostEqual(data["spans"][0]["typical_ms"], 3.1)
        figures = returned(trace.shown(self.gathered))["figures"]
        self.assertEqual(figures[2][3:5], ("24 \N{MULTIPLICATION SIGN} typical (2.00 ms)", True))

    def test_several_requests_are_not_set_against_one(self):
        a_trace(self.hour.store, NOW - 10**9)
        for span in many(NOW, 3):
            self.hour.store.add(span)
        self.assertIsNone(self.view({"id": f"{NOW:032x}"})["typical"])

    def test_the_session_around_it(self):
        connection = a_connection(9, NOW - 10**9)
        ids = []
        for number in range(3):
            for span in asked_by(connection, NOW + number * 10**8, own=True):
                self.hour.store.add(span)
            ids.append(span.trace_id)
        self.hour.store.add(connection)
        data = self.view({"id": ids[1]})
        self.assertEqual(data["session"], {"id": 9, "kept": 3, "previous": ids[0], "next": ids[2]})
        page = self.page(id=ids[1])
        self.assertIn(f'rel="prev" href="/console/trace?id={ids[0]}', page)
        self.assertIn('<a href="/console/session?id=9">session 9</a>', page)

    def test_a_client_of_a_certificate(self):
        digest = "7c1f0a52" * 8
        trace_id = a_trace(self.hour.store, NOW, client_id=digest)
        told = {"peers": {"peers": [{"client_id": digest, "certificate": "CN=shop,O=us"}]}}
        self.hour.sources = self.hour.sources._replace(fact=told.get)
        self.view({"id": trace_id})
        self.assertIn(f'<strong title="{digest}">shop (7c1f0a52)</strong>', self.page(id=trace_id))

    def page(self, **arguments):
        return body(Console("acra-server", self.hour.sources).page(trace.VIEW, arguments))

    def test_a_part_of_it(self):
        trace_id = a_trace(self.hour.store, NOW, first=46_000)
        span = self.view({"id": trace_id})["spans"][1]["span_id"]
        page = self.page(id=trace_id, range="0-400")
        self.assertIn("Show the whole trace", page)
        self.assertIn("3 in this part", page)
        self.assertNotIn("db-a:5432", page.partition("<tbody>")[2].partition("</tbody>")[0])
        # The span that is chosen keeps the part.
        self.assertIn(f"?id={trace_id}&amp;range=0-400&amp;span={span}#detail", page)
        # What cannot be is the whole.
        self.assertNotIn("Show the whole trace", self.page(id=trace_id, range="99999999-5"))

    def test_a_trace_of_a_thousand_spans_keeps_to_the_budget(self):
        """Each request has another name, so that nothing is folded."""
        root = Span("handleConnection", "ab" * 16, "", SERVER, NOW - 10**10, True)
        root.end = NOW
        records = [as_record(root, "acra-server")]
        for number in range(333):
            request = root.child(
                f"SELECT orders customer and more {number}", SERVER, root.start + number * US
            )
            request.end = request.start + US
            request.attributes = {"db.query.text": "SELECT " + "x, " * 1700}
            records.append(as_record(request, "acra-server"))
            for _ in range(2):
                stage = request.child("stage censor", INTERNAL, request.start)
                stage.end = request.end
                records.append(as_record(stage, "acra-server"))
        self.hour.sources = self.hour.sources._replace(traces=Given(records))
        page = self.page(id=root.trace_id)
        self.assertLess(len(page), 60_000)
        rows = page.count("<tr data-depth")
        self.assertGreater(rows, 70)
        self.assertIn(f"1,000 spans, 1 daemon; {1000 - rows} more rows in smaller parts", page)
        self.assertEqual(page.count('class="f-none"'), PARTS)
        end = root.start + 100 * US - root.start
        part = self.page(id=root.trace_id, range=f"0-{end // US}")
        self.assertLess(len(part), 60_000)
        self.assertIn("in this part", part)

    def test_a_trace_of_which_memory_has_a_part_says_so(self):
        for span in many(NOW, 150):
            self.hour.store.add(span)
        page = self.page(id=f"{NOW:032x}")
        self.assertIn("512 spans, 3 daemons (of a longer trace the first 512 are in memory)", page)

    def test_alike_requests_are_one_row(self):
        for span in many(NOW, 100):
            self.hour.store.add(span)
        page = self.page(id=f"{NOW:032x}")
        self.assertIn("<strong>\N{MULTIPLICATION SIGN} 100</strong>", page)
        self.assertIn("alike ones folded to 2 rows", page)
        self.assertLess(len(page), 40_000)


class Given:
    """Traces of which one is given as records."""

    def __init__(self, records):
        self.store = SpanStore()
        self._records = records

    def records(self, trace_id):
        yield ""
        return self._records
