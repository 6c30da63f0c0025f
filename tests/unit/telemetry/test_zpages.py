"""The pages: everything escaped, JSON beside HTML."""

import json

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.model import Exchange
from acra_twisted.telemetry.rpcz import RpcStats
from acra_twisted.telemetry.spans import Span
from acra_twisted.telemetry.zpages import TracePages
from acra_twisted.telemetry.zstore import SpanStore
from tests.support.sample_spans import sample
from tests.support.sessions import make_session


class Pages(SynchronousTestCase):
    def setUp(self):
        store = SpanStore()
        for span in sample():
            store.add(span)
        running = Span("<script>", "4" * 32, "", 1, 5, True)
        session = make_session()
        session.user = b"<script>"
        calls = RpcStats("<b>", lambda: 2)
        exchange = Exchange(session, "query", None, 1)
        exchange.closed = 2
        calls.exchange_closed(exchange)
        self.pages = TracePages(
            "acra-server", store, lambda: [running], sessions=lambda: [session], calls=calls
        )

    def html(self, page):
        kind, body = page
        self.assertTrue(kind.startswith("text/html"))
        text = body.decode()
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
        self.assertIn(
            "1 sampled", self.html(self.pages.tracez({"name": "handleConnection", "bucket": "2"}))
        )
        running = {"name": "<script>", "bucket": "running", "format": "json"}
        data = json.loads(self.pages.tracez(running)[1])
        self.assertEqual(data["samples"][0]["trace_id"], "4" * 32)

    def test_sessions(self):
        text = self.html(self.pages.sessions({}))
        self.assertIn("&lt;script&gt;, ", text)
        self.assertIn("idle: 1", text)
        (row,) = json.loads(self.pages.sessions({"format": "json"})[1])["sessions"]
        self.assertEqual(row["user"], "<script>")

    def test_rpcz(self):
        self.assertIn("&lt;b&gt; query", self.html(self.pages.rpcz({})))
        data = json.loads(self.pages.rpcz({"format": "json"})[1])
        self.assertEqual(data["received"]["<b> query"]["total"]["count"], 1)
        bare = TracePages("acra-server", SpanStore(), lambda: [])
        self.html(bare.rpcz({}))
        self.assertIn("No sessions", self.html(bare.sessions({})))

    def test_search(self):
        text = self.html(self.pages.traces({"client_id": "<script>", "verdict": "x"}))
        self.assertIn("&lt;script&gt;", text)
        self.assertIn("Nothing that is kept fits", text)
        self.assertIn("1" * 32, self.html(self.pages.traces({"min_ms": "0.4"})))
        data = json.loads(self.pages.traces({"format": "json"})[1])
        [found] = data["traces"]
        self.assertEqual((found["trace_id"], found["spans"]), ("1" * 32, 2))

    def test_trace(self):
        text = self.html(self.pages.trace("1" * 32, {}))
        self.assertIn("stage censor", text)
        data = json.loads(self.pages.trace("1" * 32, {"format": "json"})[1])
        self.assertEqual(len(data["spans"]), 2)
        self.assertIsNone(self.pages.trace("9" * 32, {}))
