"""Asking over HTTP: what comes back, and what ends a question."""

import os
import socket
from pathlib import Path

from twisted.internet import reactor  # noqa: TID251
from twisted.internet.defer import Deferred, succeed
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import (
    Certificate,
    DefaultOpenSSLContextFactory,
    trustRootFromCertificates,
)
from twisted.internet.task import Clock
from twisted.python.filepath import FilePath
from twisted.trial.unittest import SynchronousTestCase, TestCase

from acra_twisted.sandbox.authority import Authority
from acra_twisted.transport.revocation import fetch
from acra_twisted.transport.revocation.fetch import Fetcher, FetchError
from acra_twisted.transport.revocation.policy import UNREACHABLE, UNUSABLE
from acra_twisted.transport.revocation.times import AFTER_FAILURE

OK = b"HTTP/1.1 200 OK\r\n"


class Canned(Protocol):
    """Answers each request with the same bytes; then closes, unless it ``stays``."""

    def __init__(self, server):
        self.server = server

    def connectionMade(self):
        self.server.open += 1
        self.server.most = max(self.server.most, self.server.open)
        self.received = b""

    def dataReceived(self, data):
        self.received += data
        if b"\r\n\r\n" in self.received:
            self.server.requests.append(self.received)
            self.received = b""
            self.answer()

    def answer(self):
        for part in self.server.parts:
            self.transport.write(part)
        if not self.server.stays:
            self.transport.loseConnection()

    def connectionLost(self, reason):
        self.server.open -= 1


class Endless(Canned):
    """Goes on sending for as long as somebody reads."""

    def answer(self):
        self.transport.write(self.server.parts[0])
        self.transport.registerProducer(self, False)

    def resumeProducing(self):
        self.transport.write(self.server.parts[1])

    def stopProducing(self):
        """Twisted: the connection is gone."""


class Server(Factory):
    noisy = False
    stays = False
    kind = Canned

    def __init__(self, *parts):
        self.parts = parts
        self.requests = []
        self.open = self.most = 0

    def buildProtocol(self, address):
        return self.kind(self)


class Requests(TestCase):
    def setUp(self):
        self.fetcher = Fetcher(reactor)
        self.addCleanup(self.fetcher.stop)

    def serve(self, *parts, kind=Canned, stays=False):
        self.server = Server(*parts)
        self.server.kind, self.server.stays = kind, stays
        port = reactor.listenTCP(0, self.server, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        self.url = f"http://127.0.0.1:{port.getHost().port}/path?query"

    async def refused(self, reason, text, asking=None):
        with self.assertRaises(FetchError) as caught:
            await (asking or self.fetcher.get(self.url, 1000, False))
        self.assertEqual(caught.exception.found.reason, reason)
        self.assertIn(text, str(caught.exception))

    async def test_a_body_with_a_length_or_without_or_in_chunks(self):
        for parts in (
            (OK, b"Content-Length: 4\r\n\r\n", b"bo", b"dy"),
            (OK, b"\r\nbody"),
            (b"HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nbody",),
            (OK, b"Transfer-Encoding: chunked\r\n\r\n1\r\nb\r\n3\r\nody\r\n0\r\n\r\n"),
        ):
            self.serve(*parts)
            self.assertEqual(await self.fetcher.get(self.url, 4, False), b"body")
        self.assertTrue(self.server.requests[0].startswith(b"GET /path?query HTTP/1.1\r\n"))
        self.assertEqual(self.fetcher.counts, {"answered": 4, UNREACHABLE: 0, UNUSABLE: 0})

    async def test_a_question_has_a_body_and_its_type(self):
        self.serve(OK, b"Content-Length: 0\r\n\r\n")
        answer = await self.fetcher.post(self.url, b"asked", "application/x", 4, False)
        self.assertEqual(answer, b"")
        request = self.server.requests[0]
        self.assertTrue(request.startswith(b"POST /path?query HTTP/1.1\r\n"))
        self.assertIn(b"\r\nContent-Type: application/x\r\n", request)
        self.assertTrue(request.endswith(b"asked"))

    async def test_other_statuses_and_redirects_are_no_answers(self):
        for status in (b"404 Not Found", b"500 No", b"204 None", b"301 There"):
            self.serve(b"HTTP/1.1 " + status + b"\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n")
            await self.refused(UNUSABLE, f"status {status[:3].decode()}")
            self.assertEqual(len(self.server.requests), 1)

    async def test_a_body_that_is_too_long_is_not_read(self):
        self.serve(OK, b"Content-Length: 1001\r\n\r\n", stays=True)
        await self.refused(UNUSABLE, "more than 1000 bytes")
        self.serve(OK, b"\r\n" + b"x" * 1001)
        await self.refused(UNUSABLE, "more than 1000 bytes")

    async def test_an_endless_body_or_head_ends(self):
        self.serve(OK + b"\r\n", b"x" * 4096, kind=Endless)
        await self.refused(UNUSABLE, "more than")
        self.serve(OK, b"X-Line: " + b"x" * 400 + b"\r\n", kind=Endless)
        await self.refused(UNUSABLE, "more than")
        self.serve(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 99, kind=Endless)
        await self.refused(UNUSABLE, "more than")

    async def test_half_an_answer_is_none(self):
        self.serve(OK, b"Content-Length: 40\r\n\r\n", b"half")
        await self.refused(UNREACHABLE, "half")

    async def test_garbage_is_no_answer(self):
        self.serve(b"\x00\xff garbage\r\n\r\n")
        await self.refused(UNREACHABLE, "")

    async def test_a_server_that_is_not_there_is_left_alone_for_a_while(self):
        held = socket.socket()
        self.addCleanup(held.close)
        held.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{held.getsockname()[1]}/"
        await self.refused(UNREACHABLE, "refused")
        await self.refused(UNREACHABLE, "a moment ago")

    async def test_one_address_is_asked_one_question_at_a_time(self):
        self.serve(OK, b"Content-Length: 4\r\n\r\nbody")
        asked = [self.fetcher.get(self.url, 4, False) for _ in range(5)]
        for each in asked:
            self.assertEqual(await each, b"body")
        self.assertEqual(self.server.most, 1)

    async def test_what_is_under_way_is_given_up_at_the_end(self):
        self.serve(OK, stays=True)
        asked = [self.fetcher.get(self.url, 4, False) for _ in range(3)]
        self.fetcher.stop()
        for each in asked:
            await self.refused(UNREACHABLE, "", each)

    async def test_a_file_is_read_if_it_is_one(self):
        path = FilePath(self.mktemp())
        self.url = f"file://{path.path}"
        await self.refused(UNREACHABLE, "No such file")
        path.setContent(b"x" * 1000)
        self.assertEqual(await self.fetcher.get(self.url, 1000, False), b"x" * 1000)
        await self.refused(UNUSABLE, "longer", self.fetcher.get(self.url, 999, False))
        path.remove()
        os.mkfifo(path.path)
        await self.refused(UNUSABLE, "is no file")
        await self.refused(UNUSABLE, "http://", self.fetcher.get(self.url, 9, True))


class Encrypted(TestCase):
    def serve(self, authority, name):
        certificate, key = authority.issue("server", hosts=(name,))
        context = DefaultOpenSSLContextFactory(str(key), str(certificate))
        server = Server(OK, b"Content-Length: 4\r\n\r\nbody")
        port = reactor.listenSSL(0, server, context, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        return f"https://localhost:{port.getHost().port}/"

    def authority(self):
        folder = FilePath(self.mktemp())
        folder.makedirs()
        return Authority(Path(folder.path))

    async def test_a_server_by_https_must_show_its_certificate(self):
        authority = self.authority()
        trust = trustRootFromCertificates([Certificate.loadPEM(authority.path.read_text())])
        url = self.serve(authority, "localhost")
        self.assertEqual(await Fetcher(reactor, trust=trust).get(url, 9, False), b"body")
        for other, text in (
            (self.serve(authority, "other.example"), "is for other.example and not for localhost"),
            (self.serve(self.authority(), "localhost"), "not trusted"),
        ):
            with self.assertRaises(FetchError) as caught:
                await Fetcher(reactor, trust=trust).get(other, 9, False)
            self.assertEqual(caught.exception.found.reason, UNREACHABLE)
            self.assertIn(text, str(caught.exception))


class Silence(SynchronousTestCase):
    def test_a_question_has_a_time_and_is_not_repeated_at_once(self):
        clock = Clock()
        pending = []

        def resolve(reactor, host):
            pending.append(Deferred())
            return pending[-1]

        fetcher = Fetcher(clock, resolve=resolve)
        first = fetcher.get("http://ca.example/", 9, False)
        second = fetcher.get("http://ca.example/", 9, False)
        clock.advance(fetch.WHOLE)
        for asked, text in ((first, "http://ca.example:80"), (second, "a moment ago")):
            failure = self.failureResultOf(asked, FetchError)
            self.assertEqual(failure.value.found.reason, UNREACHABLE)
            self.assertIn(text, str(failure.value))
        self.assertEqual(len(pending), 1)
        clock.advance(AFTER_FAILURE)
        fetcher.get("http://ca.example/", 9, False).addErrback(lambda failure: None)
        self.assertEqual(len(pending), 2)
        fetcher.stop()

    def test_only_some_questions_are_asked_at_once_and_wait(self):
        clock, begun = Clock(), []

        def resolve(reactor, host):
            begun.append(host)
            return Deferred()

        fetcher = Fetcher(clock, resolve=resolve)
        failed = []
        for number in range(1100):
            fetcher.get(f"http://{number}.example/", 9, False).addErrback(failed.append)
        self.assertEqual(len(begun), 8)
        self.assertEqual(len(failed), 1100 - 1025)
        self.assertIn("too much", str(failed[0].value))
        fetcher.stop()
        self.assertEqual(len(failed), 1100)


class OfCertificates(TestCase):
    """Addresses that certificates name."""

    def serve(self):
        self.server = Server(OK, b"Content-Length: 4\r\n\r\nbody")
        port = reactor.listenTCP(0, self.server, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        return port.getHost().port

    async def test_private_addresses_are_not_asked_unless_they_are_listed(self):
        port = self.serve()
        url = f"http://127.0.0.1:{port}/"
        for hosts in ((), ("127.0.0.2",), (f"127.0.0.1:{port + 1}",)):
            with self.assertRaises(FetchError) as caught:
                await Fetcher(reactor, hosts).get(url, 9, True)
            self.assertEqual(caught.exception.found.reason, UNUSABLE)
        self.assertEqual(self.server.requests, [])
        for hosts in (("127.0.0.1",), (f"127.0.0.1:{port}",)):
            self.assertEqual(await Fetcher(reactor, hosts).get(url, 9, True), b"body")

    async def test_every_address_of_a_name_must_be_public(self):
        for found in (["127.0.0.1"], ["93.184.216.34", "10.0.0.1"], ["::1"]):
            asked = []

            def resolve(reactor, host, found=found, asked=asked):
                asked.append(host)
                return succeed([(int(socket.AF_INET), address) for address in found])

            with self.assertRaises(FetchError) as caught:
                await Fetcher(reactor, resolve=resolve).get("http://ca.example/", 9, True)
            self.assertIn("not of the public internet", str(caught.exception))
            self.assertEqual(asked, ["ca.example"])

    async def test_a_name_is_looked_up_once_and_that_address_is_dialled(self):
        port = self.serve()
        answers = [["127.0.0.1"], ["10.0.0.1"]]

        def resolve(reactor, host):
            return succeed([(int(socket.AF_INET), each) for each in answers.pop(0)])

        fetcher = Fetcher(reactor, [f"ca.example:{port}"], resolve=resolve)
        self.assertEqual(await fetcher.get(f"http://ca.example:{port}/", 9, True), b"body")
        self.assertEqual(len(answers), 1)
        self.assertIn(b"Host: ca.example", self.server.requests[0])

    async def test_a_redirect_to_this_host_is_not_followed(self):
        port = self.serve()
        away = f"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{port}/\r\n\r\n".encode()
        redirecting = Server(away)
        listening = reactor.listenTCP(0, redirecting, interface="127.0.0.1")
        self.addCleanup(listening.stopListening)
        other = listening.getHost().port
        with self.assertRaises(FetchError):
            await Fetcher(reactor, ["127.0.0.1"]).get(f"http://127.0.0.1:{other}/", 9, True)
        self.assertEqual((len(redirecting.requests), self.server.requests), (1, []))

    async def test_proxies_of_the_environment_are_not_asked(self):
        port = self.serve()
        proxy = self.serve()
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            self.patch(os, "environ", {**os.environ, name: f"http://127.0.0.1:{proxy}"})
        fetcher = Fetcher(reactor)
        self.assertEqual(await fetcher.get(f"http://127.0.0.1:{port}/", 9, False), b"body")
        self.assertEqual(self.server.requests, [])
