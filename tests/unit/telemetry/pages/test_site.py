"""The HTTP side (OB-5)."""

from prometheus_client import CollectorRegistry, Gauge
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.ssl import CertificateOptions
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.pages.access import Guard
from acra_twisted.telemetry.pages.channel import HEAD_SECONDS, Visitors
from acra_twisted.telemetry.pages.scrape import Scrape
from acra_twisted.telemetry.pages.site import BoundedTLS, make_site
from acra_twisted.telemetry.pages.traces import TracePages
from acra_twisted.telemetry.tracing.store import SpanStore
from tests.support.sample_spans import sample
from tests.support.turnclock import TurnClock

TOKEN = "a token long enough"


class Site(SynchronousTestCase):
    def setUp(self):
        registry = CollectorRegistry()
        Gauge("answer", "The answer", registry=registry).set(42)
        store = SpanStore()
        for span in sample():
            store.add(span)
        self.scrape = Scrape(registry)
        self.pages = TracePages("acra-server", store, lambda: [])
        self.make(self.scrape, self.pages)

    def make(self, scrape=None, traces=None, **more):
        self.clock = TurnClock()
        self.site = make_site(self.clock, scrape, traces, **more)

    def ask(self, path, method="GET", host="127.0.0.1:9", accept="*/*", more=""):
        protocol = self.site.buildProtocol(None)
        transport = StringTransport()
        protocol.makeConnection(transport)
        head = f"{method} {path} HTTP/1.0\r\nHost: {host}\r\nAccept: {accept}\r\n{more}\r\n"
        protocol.dataReceived(head.encode())
        self.clock.turn(100)
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

    def test_where_everything_is(self):
        for path in ("/", "/debug", "/debug/"):
            status, page = self.ask(path)
            self.assertEqual(status, 200)
            for place in ("/debug/traces", "/debug/sessions", "/metrics", "/readyz"):
                self.assertIn(f'href="{place}"', page)
        self.assertIn("/debug/rpcz", self.ask("/?format=json")[1])
        self.assertIn("There are:\n/debug/traces", self.ask("/nowhere")[1])
        self.make(self.scrape, None)
        status, text = self.ask("/")
        self.assertEqual(status, 200)
        self.assertIn("/healthz\n/readyz\n/metrics", text)
        self.assertNotIn("/debug", text)

    def test_a_token(self):
        self.make(self.scrape, self.pages, guard=Guard(TOKEN))
        trace = "/debug/trace/" + "1" * 32
        for path in ("/", "/debug", "/metrics", "/debug/tracez", trace, "/debug/sessions"):
            self.assertEqual(self.ask(path)[0], 401, path)
        shown = f"Authorization: Bearer {TOKEN}\r\n"
        self.assertEqual(self.ask("/debug/rpcz", more=shown)[0], 200)
        self.assertEqual(self.ask("/debug/rpcz", more=shown, host="acra.example")[0], 200)

    def test_refusals(self):
        for path, code in (
            ("/nowhere", 404),
            ("/debug/nowhere", 404),
            ("/debug/trace/", 404),
            ("/debug/trace/../../etc/passwd", 404),
            ("/debug/trace/" + "9" * 32, 404),
            ("/debug/tracez?name=x&bucket=12345", 400),
            ("/debug/traces?min_ms=x", 400),
            ("/debug/traces?verdict=errors", 400),
        ):
            self.assertEqual(self.ask(path)[0], code, path)
        self.assertEqual(self.ask("/metrics", method="POST")[0], 405)
        self.assertEqual(self.ask("/metrics", host="evil.example")[0], 421)
        for host in ("localhost:1", "[::1]:1", "10.0.0.7"):
            self.assertEqual(self.ask("/metrics", host=host)[0], 200)

    def test_health(self):
        why = ["starting"]
        self.make(guard=Guard(TOKEN), unready=lambda: why[0])
        self.assertEqual(self.ask("/healthz", host="10.1.2.3")[0], 200)
        status, answer = self.ask("/readyz")
        self.assertEqual((status, answer.rpartition("\r\n")[2]), (503, "starting\n"))
        why[0] = ""
        self.assertEqual(self.ask("/readyz")[0], 200)
        self.assertEqual(self.ask("/readyz", method="HEAD")[0], 200)
        self.assertEqual(self.ask("/readyz", method="POST")[0], 405)

    def test_health_of_what_stands_behind(self):
        class Behind:
            name = "database"

            def problem(self):
                self.asked = Deferred()
                return self.asked

        behind = Behind()
        why = [""]
        self.make(guard=Guard(TOKEN), unready=lambda: why[0], reach=lambda: behind)
        # Only who asks for it waits for it.
        for path in ("/readyz", "/readyz?other", "/healthz?database"):
            self.assertEqual(self.ask(path)[0], 200)
        self.assertFalse(hasattr(behind, "asked"))
        for problem, status in (("", 200), ("database cannot be reached", 503)):
            answer = self.begin("/readyz?database")
            self.assertEqual(answer.value(), b"")
            behind.asked.callback(problem)
            head, _, body = answer.value().partition(b"\r\n\r\n")
            self.assertEqual(int(head.split()[1]), status)
            self.assertEqual(body.decode(), f"{problem or 'ok'}\n")
        # Who has left is not answered.
        answer = self.begin("/readyz?database", leaves=True)
        behind.asked.callback("")
        self.assertEqual(answer.value(), b"")
        why[0] = "stopping"
        self.assertEqual(self.ask("/readyz?database")[0], 503)

    def begin(self, path, leaves=False):
        protocol = self.site.buildProtocol(None)
        transport = StringTransport()
        protocol.makeConnection(transport)
        protocol.dataReceived(f"GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n".encode())
        self.clock.turn(100)
        if leaves:
            protocol.connectionLost(Failure(ConnectionDone()))
        return transport

    def test_nothing_that_is_not_configured(self):
        self.make()
        self.assertEqual(self.ask("/metrics")[0], 404)

    def test_metrics_alone_answer_to_any_name(self):
        self.make(self.scrape)
        for host in ("acra-server:9399", "evil.example", "10.0.0.7"):
            self.assertEqual(self.ask("/metrics", host=host)[0], 200, host)

    def test_pages_answer_to_names_that_are_named(self):
        self.make(self.scrape, self.pages, guard=Guard(hosts=("acra-server",)))
        for path in ("/metrics", "/debug/traces", "/nothing", "/"):
            self.assertEqual(self.ask(path, host="evil.example")[0], 421, path)
            self.assertIn(self.ask(path, host="acra-server:9399")[0], (200, 404), path)
        # Health says nothing that is worth a trick.
        self.assertEqual(self.ask("/healthz", host="evil.example")[0], 200)

    def test_the_host_comes_before_all_else(self):
        bodies = "Content-Length: 9\r\n"
        self.make(self.scrape, self.pages, guard=Guard(TOKEN), unready=lambda: "")
        self.assertEqual(self.ask("/debug/traces", method="POST", more=bodies)[0], 413)
        self.make(self.scrape, self.pages)
        self.assertEqual(self.ask("/x", host="evil.example", method="POST", more=bodies)[0], 421)
        self.assertEqual(self.ask("/x", more="Host: localhost\r\n")[0], 400)
        self.assertEqual(self.ask("http://localhost/metrics")[0], 400)

    def test_pages_from_elsewhere(self):
        navigates = "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n"
        frames = "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe\r\n"
        for site, more, status in (
            ("same-origin", "", 200),
            ("none", navigates, 200),
            ("cross-site", navigates, 200),
            ("same-site", navigates, 200),
            ("cross-site", "", 403),
            ("same-site", frames, 403),
            ("cross-site", "Sec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: image\r\n", 403),
        ):
            asked = f"Sec-Fetch-Site: {site}\r\n{more}"
            self.assertEqual(self.ask("/debug/traces", more=asked)[0], status, asked)

    def test_the_origin_of_who_asks(self):
        """Browsers that do not tell more name the page's own origin, or none."""
        for origins, status in (
            ((), 200),
            (("http://127.0.0.1:9",), 200),
            (("https://127.0.0.1:9",), 200),
            (("http://127.0.0.1",), 403),
            (("http://127.0.0.1:99",), 403),
            (("http://evil.example",), 403),
            (("null",), 403),
            (("",), 403),
            (("http://127.0.0.1:9", "http://evil.example"), 403),
        ):
            asked = "".join(f"Origin: {origin}\r\n" for origin in origins)
            for path in ("/debug/traces", "/metrics"):
                self.assertEqual(self.ask(path, more=asked)[0], status, asked)
        asked = "Origin: https://LOCALHOST:9191\r\n"
        self.assertEqual(self.ask("/metrics", host="localhost:9191", more=asked)[0], 200)

    def test_what_browsers_are_told(self):
        head = self.ask("/debug/traces")[1].partition("\r\n\r\n")[0].lower()
        for told in ("frame-ancestors 'none'", "x-frame-options: deny", "no-store", "nosniff"):
            self.assertIn(told, head)

    def test_head(self):
        for path, status in (
            ("/metrics", 200),
            ("/debug/tracez", 200),
            ("/healthz", 200),
            ("/debug/trace/" + "9" * 32, 404),
            ("/debug/traces?verdict=x", 400),
            ("/nothing", 404),
        ):
            found, rest = self.ask(path, method="HEAD")
            self.assertEqual((found, rest.partition("\r\n\r\n")[2]), (status, ""), path)

    def test_only_http_1_over_tls(self):
        self.assertEqual(self.site.acceptableProtocols(), [b"http/1.1"])

    def test_as_many_connections_as_there_may_be(self):
        visitors = Visitors(4)
        self.make(self.scrape, self.pages, visitors=visitors)
        tls = BoundedTLS(CertificateOptions(), False, self.site)
        for _ in range(4):
            self.site.buildProtocol(None).makeConnection(Deaf())
        self.assertIsNone(self.site.buildProtocol(None))
        self.assertIsNone(tls.buildProtocol(None))

    def test_a_connection_that_never_begins_tls(self):
        """The limits of time are those of the connection below."""
        self.make(self.scrape, self.pages)
        protocol = BoundedTLS(CertificateOptions(), False, self.site).buildProtocol(None)
        lost = []
        transport = Deaf()
        transport.abortConnection = lambda: lost.append(True)
        protocol.makeConnection(transport)
        self.clock.advance(HEAD_SECONDS - 1)
        self.assertEqual(lost, [])
        self.clock.advance(1)
        self.assertEqual(lost, [True])


class Deaf(StringTransport):
    """A connection that does not end when it is told to."""

    def abortConnection(self):
        pass

    def setTcpNoDelay(self, wanted):
        pass
