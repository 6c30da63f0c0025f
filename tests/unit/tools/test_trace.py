"""acra-trace: what the pages of several daemons say, as one picture."""

import io
import json
import urllib.error
import urllib.parse
from email.message import Message

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import ConfigError
from acra_twisted.telemetry.pages.rendering import NotKept
from acra_twisted.telemetry.pages.search import Unfit
from acra_twisted.telemetry.pages.traces import TracePages
from acra_twisted.telemetry.tracing.spans import Span
from acra_twisted.telemetry.tracing.store import SpanStore
from acra_twisted.tools import pages as pages_module
from acra_twisted.tools import trace
from tests.support.webpages import body

ID = "1" * 32


def pages(service, *spans):
    store = SpanStore()
    for span in spans:
        store.add(span)
    return TracePages(service, store, lambda: [])


class Tool(SynchronousTestCase):
    def setUp(self):
        root = Span("handleConnection", ID, "", 2, 10**18, True)
        root.end = root.start + 5_000_000
        below = root.child("SELECT t", 1, root.start + 1_000_000)
        below.end = below.start + 2_000_000
        below.add_attribute("acra.time.proxy_ms", 2.0)
        below.add_attribute("acra.verdict", "deny")
        below.add_attribute("acra.client_id", "a client")
        below.add_attribute("acra.censor.rule", "deny.table")
        below.fail(7, "blocked")
        self.hosts = {
            "http://connector": pages("acra-connector", root),
            "http://server": pages("acra-server", below),
        }
        self.patch(pages_module.urllib.request, "urlopen", self.answer)

    def answer(self, request, timeout, context):
        url = request.full_url
        parts = urllib.parse.urlsplit(url)
        host = self.hosts.get(f"http://{parts.netloc}")
        if host is None:
            raise urllib.error.URLError(ConnectionRefusedError(111, "Connection refused"))
        asked = dict(urllib.parse.parse_qsl(parts.query))
        if parts.path == "/debug/traces":
            try:
                found = host.traces(asked)
            except Unfit as error:
                text = io.BytesIO(str(error).encode())
                raise urllib.error.HTTPError(url, 400, "", Message(), text) from None
        else:
            found = host.trace(parts.path.rpartition("/")[2], asked)
        try:
            return io.BytesIO(body(found).encode())
        except NotKept:
            raise urllib.error.HTTPError(url, 404, "", Message(), io.BytesIO()) from None

    def run_tool(self, *arguments, environment=None):
        output = io.StringIO()
        trace.main(arguments, environment or {}, output)
        return output.getvalue()

    def test_one_picture(self):
        text = self.run_tool(ID.upper(), "--from=http://connector", "--from=http://server/")
        first, second, *rest = text.splitlines()
        self.assertTrue(first.startswith("acra-connector handleConnection"), first)
        self.assertTrue(second.startswith("acra-server      SELECT t"), second)
        self.assertIn("proxy                        2.000 ms  100.0%", rest)
        self.assertIn("! acra-server SELECT t: blocked (deny.table)", rest)

    def test_json(self):
        environment = {"ACRA_TRACE_FROM": "http://connector, http://server"}
        data = json.loads(self.run_tool(ID, "--json", environment=environment))
        self.assertEqual([s["service"] for s in data["spans"]], ["acra-connector", "acra-server"])

    def test_search(self):
        sources = ("--from=http://connector", "--from=http://server")
        [line] = self.run_tool(*sources).splitlines()
        self.assertIn(f"{ID}  deny   a client  SELECT t", line)
        with self.assertRaisesRegex(ConfigError, "nothing that is kept fits"):
            self.run_tool(*sources, "--verdict=allow")
        self.assertIn(ID, self.run_tool(*sources, "--sort=slowest", "--since=1d", "--limit=1"))
        data = json.loads(self.run_tool(*sources, "--json", "--client_id=a client"))
        self.assertEqual([match["trace_id"] for match in data["traces"]], [ID])

    def test_mistakes(self):
        for arguments, expected in (
            ((ID,), "where are the daemons' trace pages"),
            (("12", "--from=http://server"), "32 hex digits"),
            (("9" * 32, "--from=http://server"), "only recent traces are kept"),
            (("--from=http://nowhere",), "no trace pages there .Connection refused.$"),
            (("--from=file:///etc/passwd",), "does not begin with http://"),
            (("--from=http://server", "--min_ms=x"), "min_ms must be a number"),
            (("--from=http://server", "--verdict=errors"), "one of allow, deny, error"),
        ):
            with self.assertRaisesRegex(ConfigError, expected):
                self.run_tool(*arguments)
