"""The pages: everything escaped, JSON beside HTML."""

import json

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.exchange import Exchange, Statement
from acra_twisted.telemetry.figures.statements import StatementFigures
from acra_twisted.telemetry.pages import search
from acra_twisted.telemetry.pages.rendering import NotKept
from acra_twisted.telemetry.pages.search import Unfit
from acra_twisted.telemetry.pages.traces import TracePages
from acra_twisted.telemetry.tracing.spans import Span, new_trace_id
from acra_twisted.telemetry.tracing.store import SpanStore
from acra_twisted.wire.link.tracecontext import TraceContext
from tests.support.sample_spans import sample
from tests.support.sessions import make_session
from tests.support.webpages import body, most_between


class Pages(SynchronousTestCase):
    def setUp(self):
        store = SpanStore()
        for span in sample():
            store.add(span)
        running = Span("<script>", "4" * 32, "", 1, 5, True)
        session = make_session()
        session.user = b"<script>"
        session.system = "<b>"
        figures = StatementFigures(0)
        exchange = Exchange(session, "query", None, 1)
        exchange.closed = 2
        figures.counter.exchange_closed(exchange)
        self.pages = TracePages(
            "acra-server", store, lambda: [running], sessions=lambda: [session], figures=figures
        )

    def html(self, page):
        self.assertTrue(page.kind.startswith("text/html"))
        text = body(page)
        self.assertNotIn("<script>", text)
        self.assertNotIn("<b>", text)
        return text

    def test_tracez(self):
        text = self.html(self.pages.tracez({}))
        self.assertIn("handleConnection", text)
        self.assertIn("&lt;script&gt;", text)

    def test_samples(self):
        text = self.html(self.pages.tracez({"name": "stage censor", "bucket": "errors"}))
        self.assertIn("text=&lt;b&gt;", text)
        self.assertIn("asked &lt;whom&gt;", text)
        self.assertIn(
            "1 sampled", self.html(self.pages.tracez({"name": "handleConnection", "bucket": "2"}))
        )
        running = {"name": "<script>", "bucket": "running", "format": "json"}
        data = json.loads(body(self.pages.tracez(running)))
        self.assertEqual(data["samples"][0]["trace_id"], "4" * 32)

    def test_sessions(self):
        text = self.html(self.pages.sessions({}))
        self.assertIn("&lt;script&gt;, ", text)
        self.assertIn("idle: 1", text)
        (row,) = json.loads(body(self.pages.sessions({"format": "json"})))["sessions"]
        self.assertEqual(row["user"], "<script>")

    def test_rpcz(self):
        self.assertIn("&lt;b&gt; query", self.html(self.pages.rpcz({})))
        data = json.loads(body(self.pages.rpcz({"format": "json"})))
        self.assertEqual(data["received"]["<b> query"]["total"]["count"], 1)
        bare = TracePages("acra-server", SpanStore(), lambda: [])
        self.html(bare.rpcz({}))
        self.assertIn("No sessions", self.html(bare.sessions({})))

    def test_search(self):
        text = self.html(self.pages.traces({"client_id": "<script>", "verdict": "deny"}))
        self.assertIn("&lt;script&gt;", text)
        self.assertIn("Nothing that is kept fits", text)
        self.assertIn("1" * 32, self.html(self.pages.traces({"trace_id": "1"})))
        self.assertNotIn("1" * 32, self.html(self.pages.traces({"min_ms": "0.4"})))
        connections = self.pages.traces({"min_ms": "0.4", "of": "connections"})
        self.assertIn("1" * 32, self.html(connections))
        data = json.loads(body(self.pages.traces({"format": "json"})))
        [found] = data["traces"]
        self.assertEqual((found["trace_id"], found["spans"]), ("1" * 32, 2))

    def test_trace(self):
        text = self.html(self.pages.trace("1" * 32, {}))
        self.assertIn("stage censor", text)
        self.assertIn("+0.000 ms</span> asked &lt;whom&gt; <code>late=False</code>", text)
        data = json.loads(body(self.pages.trace("1" * 32, {"format": "json"})))
        self.assertEqual(len(data["spans"]), 2)
        self.assertRaises(NotKept, body, self.pages.trace("9" * 32, {}))

    def test_a_trace_that_still_runs(self):
        session = make_session()
        session.span = Span("handleConnection", "5" * 32, "", 1, 5, True)
        exchange = Exchange(session, "query", Statement(b"SELECT pg_sleep(99), 'secret'"), 7)
        exchange.span = session.span.child("", 1, 7)
        exchange.sent = 8
        session.outstanding.append((0, 0, exchange, None))
        pages = TracePages(
            "acra-server",
            SpanStore(),
            lambda: [session.span, exchange.span],
            sessions=lambda: [session],
            clock=lambda: 5_000_007,
        )
        data = json.loads(body(pages.trace("5" * 32, {"format": "json"})))
        connection, running = data["spans"]
        self.assertEqual((connection["name"], connection["running"]), ("handleConnection", True))
        self.assertEqual((running["name"], running["end"]), ("SELECT", 5_000_007))
        self.assertEqual(running["attributes"]["db.query.text"], "SELECT pg_sleep(?), ?")
        self.assertTrue(running["attributes"]["acra.in_database"])
        text = self.html(pages.trace("5" * 32, {}))
        self.assertIn("server, running", text)
        self.assertNotIn("secret", text)
        self.assertRaises(NotKept, body, pages.trace("6" * 32, {}))

    def test_a_request_that_runs_has_its_trace_whether_it_is_recorded_or_not(self):
        session = make_session()
        session.span = Span("handleConnection", "5" * 32, "", 1, 5, False)
        exchange = Exchange(session, "query", Statement(b"SELECT pg_sleep(99)"), 7)
        session.outstanding.append((0, 0, exchange, None))
        pages = TracePages(
            "acra-server",
            SpanStore(),
            lambda: [session.span],
            sessions=lambda: [session],
            clock=lambda: 5_000_007,
        )

        def seen(trace_id):
            return json.loads(body(pages.trace(trace_id, {"format": "json"})))["spans"]

        connection, running = seen("5" * 32)
        self.assertEqual((running["name"], running["running"]), ("SELECT", True))
        self.assertEqual(running["parent_id"], connection["span_id"])
        self.assertEqual(seen("5" * 32)[1]["span_id"], running["span_id"])
        exchange.remote = TraceContext("7" * 32, "1" * 16, False)
        exchange.context = TraceContext("7" * 32, "2" * 16, False)
        (running,) = seen("7" * 32)
        self.assertEqual((running["parent_id"], running["span_id"]), ("1" * 16, "2" * 16))
        self.assertIn("running", self.html(pages.trace("7" * 32, {})))

    def test_more_than_is_shown_is_said(self):
        store = SpanStore()
        for _ in range(51):
            span = Span("SELECT t", new_trace_id(), "", 1, 1, True)
            span.end = 2
            store.add(span)
        pages = TracePages("acra-server", store, lambda: [])
        self.assertIn("there are more", self.html(pages.traces({})))
        data = json.loads(body(pages.traces({"format": "json"})))
        self.assertEqual((len(data["traces"]), data["more"]), (50, True))
        self.assertNotIn("there are more", self.html(self.pages.traces({})))

    def test_no_such_argument(self):
        for page, wrong in (
            (self.pages.tracez, {"bucket": "9"}),
            (self.pages.tracez, {"bucket": "-1"}),
            (self.pages.traces, {"min_ms": "x"}),
            (self.pages.traces, {"verdict": "x"}),
        ):
            self.assertRaises(Unfit, page, wrong)


class Pieces(SynchronousTestCase):
    """However much is kept, little is done for each piece of a page."""

    def setUp(self):
        self.done = 0
        store = SpanStore()
        for _ in range(300):
            span = Span("SELECT t", new_trace_id(), "", 1, 1, True)
            span.end = 2
            for _ in range(30):
                store.add(span)
        sessions = [make_session() for _ in range(5000)]
        for session in sessions:
            session.span = Span("handleConnection", "5" * 32, "", 1, 5, True)

        def each(items):
            for item in items:
                self.done += 1
                yield item

        self.pages = TracePages(
            "acra-server",
            store,
            lambda: each([session.span for session in sessions]),
            sessions=lambda: each(sessions),
        )
        fit = search.Filters.fit
        self.patch(search.Filters, "fit", lambda *args: self.count(fit(*args)))

    def count(self, result):
        self.done += 1
        return result

    def most(self, page):
        return most_between(page.pieces, lambda: self.done)

    def test_every_page(self):
        for page, arguments in (
            (self.pages.tracez, {}),
            (self.pages.traces, {"verdict": "deny"}),
            (self.pages.traces, {}),
            (self.pages.sessions, {}),
            (self.pages.rpcz, {}),
        ):
            for form in ("html", "json"):
                most = self.most(page({**arguments, "format": form}))
                self.assertLessEqual(most, 101, page)
        for form in ("html", "json"):
            self.assertLessEqual(self.most(self.pages.trace("5" * 32, {"format": form})), 101)
        self.assertGreater(self.done, 20_000)
