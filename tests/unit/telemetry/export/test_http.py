"""Requests to collectors, and spans as log lines."""

import gzip
from pathlib import Path
from socket import gaierror

from twisted.internet import reactor  # noqa: TID251 - it waits for real sockets
from twisted.internet.defer import ensureDeferred
from twisted.internet.ssl import (
    Certificate,
    DefaultOpenSSLContextFactory,
    trustRootFromCertificates,
)
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase, TestCase
from twisted.web.resource import Resource
from twisted.web.server import Site

from acra_twisted.sandbox.authority import Authority
from acra_twisted.telemetry.export.http import HttpExporter, LogExporter
from acra_twisted.telemetry.export.queue import Payload
from tests.support.names import know
from tests.support.sample_spans import sample
from tests.support.web import Agent, Answer


class Http(SynchronousTestCase):
    def send(self, **options):
        agent = Agent(Answer(200))
        exporter = HttpExporter(
            Clock(), "otlp", "http://127.0.0.1:1/x", None, "acra-server", agent=agent, **options
        )
        exporter.open()
        self.successResultOf(ensureDeferred(exporter.send(Payload((b"a", b"b"), {"x-own": "1"}))))
        self.successResultOf(ensureDeferred(exporter.close()))
        return agent

    def test_requests(self):
        agent = self.send(method=b"PUT", headers={"x-token": "t"})
        self.assertEqual(agent.bodies, [b"a", b"b"])
        method, url, headers = agent.requests[0]
        self.assertEqual((method, url), (b"PUT", b"http://127.0.0.1:1/x"))
        found = dict(headers.getAllRawHeaders())
        self.assertEqual((found[b"X-Token"], found[b"X-Own"]), ([b"t"], [b"1"]))
        self.assertNotIn(b"Content-Encoding", found)

    def test_packed(self):
        agent = self.send(compress=True)
        self.assertEqual([gzip.decompress(body) for body in agent.bodies], [b"a", b"b"])
        headers = agent.requests[0][2]
        self.assertEqual(headers.getRawHeaders("content-encoding"), ["gzip"])


class Taking(Resource):
    """A collector."""

    isLeaf = True

    def __init__(self):
        super().__init__()
        self.bodies = []

    def render_POST(self, request):
        self.bodies.append(request.content.read())
        return b""


class Collectors(TestCase):
    """Real requests, to a name that is no internet name."""

    def collector(self, listen):
        self.taking = Taking()
        site = Site(self.taking)
        site.noisy = False
        port = listen(site)
        self.addCleanup(port.stopListening)
        return port.getHost().port

    async def send(self, url, **options):
        exporter = HttpExporter(reactor, "otlp", url, None, "acra-server", **options)
        exporter.open()
        try:
            await exporter.send(Payload((b"a", b"b")))
        finally:
            await exporter.close()

    async def failure(self, sending):
        """Why it failed, as the log has it; nothing was taken."""
        error = await self.assertFailure(ensureDeferred(sending), Exception)
        self.assertEqual(self.taking.bodies, [])
        return HttpExporter(reactor, "otlp", "https://x/", None, "x").explained(error)

    async def test_http(self):
        know(self, "my_collector")
        port = self.collector(lambda site: reactor.listenTCP(0, site, interface="127.0.0.1"))
        await self.send(f"http://my_collector:{port}/x")
        self.assertEqual(self.taking.bodies, [b"a", b"b"])

    def authority(self):
        folder = Path(self.mktemp())
        folder.mkdir()
        return Authority(folder)

    def https(self, authority, name):
        certificate, key = authority.issue("collector", hosts=(name,))
        context = DefaultOpenSSLContextFactory(str(key), str(certificate))
        port = self.collector(
            lambda site: reactor.listenSSL(0, site, context, interface="127.0.0.1")
        )
        return port, trustRootFromCertificates([Certificate.loadPEM(authority.path.read_text())])

    async def test_https(self):
        know(self, "my_collector")
        port, trust = self.https(self.authority(), "my_collector")
        await self.send(f"https://my_collector:{port}/x", trust=trust)
        self.assertEqual(self.taking.bodies, [b"a", b"b"])

    async def test_a_certificate_for_another_name(self):
        know(self, "my_collector")
        port, trust = self.https(self.authority(), "other_collector")
        sending = self.send(f"https://my_collector:{port}/x", trust=trust)
        why = await self.failure(sending)
        self.assertIn("is for other_collector and not for my_collector", why)

    async def test_an_authority_that_is_not_trusted(self):
        know(self, "my_collector")
        port, _ = self.https(self.authority(), "my_collector")
        _, trust = self.https(self.authority(), "my_collector")
        why = await self.failure(self.send(f"https://my_collector:{port}/x", trust=trust))
        self.assertIn("not trusted; its CA must be in tracing_tls_ca", why)

    async def test_a_name_that_nobody_knows(self):
        know(self)
        sending = self.send("http://no_such_name.invalid:1/")
        await self.assertFailure(ensureDeferred(sending), gaierror)


class Log(SynchronousTestCase):
    def test_acras_fields(self):
        lines = []
        globalLogPublisher.addObserver(lines.append)
        self.addCleanup(globalLogPublisher.removeObserver, lines.append)
        exporter = LogExporter()
        exporter.start()
        for span in sample():
            exporter.export(span)
        self.successResultOf(exporter.stop())
        first, second, third = lines
        self.assertEqual((first["span_name"], first["duration"]), ("handleConnection", "0.000"))
        self.assertNotIn("parent_span_id", first)
        self.assertEqual((second["status_code"], second["link_trace_id_0"]), (7, "2" * 32))
        self.assertEqual(
            (third["annotation"], third["span_id"]), ("asked <whom>", second["span_id"])
        )
        self.assertEqual((third["tries"], third["late"]), (2, False))
        self.assertEqual((exporter.counts["sent"], exporter.queued), (2, 0))
