"""The HTTP side (OB-5)."""

from prometheus_client import CollectorRegistry, Gauge
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.guard import Guard
from acra_twisted.telemetry.site import make_site
from acra_twisted.telemetry.zpages import TracePages
from acra_twisted.telemetry.zstore import SpanStore
from tests.support.sample_spans import sample


class Site(SynchronousTestCase):
    def setUp(self):
        registry = CollectorRegistry()
        Gauge("answer", "The answer", registry=registry).set(42)
        store = SpanStore()
        for span in sample():
            store.add(span)
        pages = TracePages("acra-server", store, lambda: [])
        self.site = make_site(Clock(), registry, pages)

    def ask(self, path, method="GET", host="127.0.0.1:9", accept="*/*", more=""):
        protocol = self.site.buildProtocol(None)
        transport = StringTransport()
        protocol.makeConnection(transport)
        head = f"{method} {path} HTTP/1.0\r\nHost: {host}\r\nAccept: {accept}\r\n{more}\r\n"
        protocol.dataReceived(head.encode())
        protocol.connectionLost(Failure(ConnectionDone()))
        status, _, rest = transport.value().decode().partition("\r\n")
        return int(status.split()[1]), rest

    def test_pages(self):
        self.assertIn("answer 42.0", self.ask("/metrics")[1])
        self.assertIn("openmetrics", self.ask("/metrics", accept="application/openmetrics-text")[1])
        self.assertEqual(self.ask("/debug/tracez?name=handleConnection&bucket=0")[0], 200)
        self.assertEqual(self.ask("/debug/trace/" + "1" * 32)[0], 200)
        self.assertEqual(self.ask("/debug/traces?min_ms=0")[0], 200)
        for path in ("/debug/sessions", "/debug/rpcz", "/debug/rpcz?format=json"):
            self.assertEqual(self.ask(path)[0], 200)

    def test_a_token(self):
        token = "a token long enough"
        pages = TracePages("acra-server", SpanStore(), lambda: [])
        self.site = make_site(Clock(), CollectorRegistry(), pages, Guard(token))
        for path in ("/metrics", "/debug/tracez", "/debug/trace/" + "1" * 32, "/debug/sessions"):
            self.assertEqual(self.ask(path)[0], 401, path)
        shown = f"Authorization: Bearer {token}\r\n"
        self.assertEqual(self.ask("/debug/rpcz", more=shown)[0], 200)
        self.assertEqual(self.ask("/debug/rpcz", more=shown, host="acra.example")[0], 200)

    def test_refusals(self):
        for path, code in (
            ("/", 404),
            ("/debug/trace/", 404),
            ("/debug/trace/../../etc/passwd", 404),
            ("/debug/trace/" + "9" * 32, 404),
            ("/debug/tracez?name=x&bucket=12345", 400),
            ("/debug/traces?min_ms=x", 400),
        ):
            self.assertEqual(self.ask(path)[0], code, path)
        self.assertEqual(self.ask("/metrics", method="POST")[0], 405)
        self.assertEqual(self.ask("/metrics", host="evil.example")[0], 421)
        for host in ("localhost:1", "[::1]:1", "10.0.0.7"):
            self.assertEqual(self.ask("/metrics", host=host)[0], 200)

    def test_health(self):
        why = ["starting"]
        self.site = make_site(Clock(), None, None, Guard("a token long enough"), lambda: why[0])
        self.assertEqual(self.ask("/healthz", host="10.1.2.3")[0], 200)
        status, answer = self.ask("/readyz")
        self.assertEqual((status, answer.rpartition("\r\n")[2]), (503, "starting\n"))
        why[0] = ""
        self.assertEqual(self.ask("/readyz")[0], 200)
        self.assertEqual(self.ask("/readyz", method="HEAD")[0], 200)
        self.assertEqual(self.ask("/readyz", method="POST")[0], 405)

    def test_nothing_that_is_not_configured(self):
        self.site = make_site(Clock(), None, None)
        self.assertEqual(self.ask("/metrics")[0], 404)
