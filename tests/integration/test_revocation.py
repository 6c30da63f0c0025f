"""Revocation over live HTTP: OpenSSL's responder and a server of lists, under each policy."""

import subprocess
import time
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from twisted.internet import reactor  # noqa: TID251 - it waits for real sockets
from twisted.internet.defer import Deferred, ensureDeferred, gatherResults, maybeDeferred
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import LoopingCall
from twisted.trial.unittest import TestCase
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from acra_twisted.transport.revocation.checker import RevocationChecker
from acra_twisted.transport.revocation.fetch import Fetcher
from acra_twisted.transport.revocation.policy import (
    ALLOW_UNKNOWN,
    DENY_UNKNOWN,
    EARLY,
    GOOD,
    NO_SOURCE,
    OTHER,
    PREFER,
    REQUIRE_GOOD,
    REVOKED,
    SIGNATURE,
    SOFT,
    STALE,
    STRICT,
    UNKNOWN,
    UNREACHABLE,
    UNSTAPLED,
    UNUSABLE,
    USE,
    CrlRules,
    OcspRules,
    RevocationPolicy,
)
from tests.support.issued import DAY, HOUR, NOW
from tests.support.openssl_responder import Responder
from tests.support.revocation import OCSP_SIGNING, Revoker

POLICIES = (REQUIRE_GOOD, DENY_UNKNOWN, ALLOW_UNKNOWN, SOFT)
# Accepted, accepted with an event, refused.
A, E, R = "accepted", "event", "refused"


class Silent(Protocol):
    """Takes a question and says nothing, or a byte now and then."""

    drip = None

    def connectionMade(self):
        if self.factory.drips:
            self.drip = LoopingCall(self.transport.write, b"H")
            self.drip.start(0.5).addErrback(lambda failure: None)

    def connectionLost(self, reason):
        if self.drip is not None and self.drip.running:
            self.drip.stop()


class Answering(Resource):
    """Answers all questions with the same bytes."""

    isLeaf = True

    def __init__(self, data):
        super().__init__()
        self.data = data

    def render(self, request):
        return self.data


class Status(Resource):
    """Answers with a status, and bytes that somebody might take for an answer."""

    isLeaf = True

    def __init__(self, code, body=b"", location=None, length=None):
        super().__init__()
        self.code, self.body, self.location, self.length = code, body, location, length
        self.count = 0

    def render(self, request):
        self.count += 1
        request.setResponseCode(self.code)
        if self.location:
            request.setHeader("location", self.location)
        if self.length is None:
            return self.body
        request.setHeader("content-length", str(self.length))
        request.write(self.body)
        return NOT_DONE_YET


class Endless(Resource):
    """Sends a body for as long as somebody reads."""

    isLeaf = True

    def render(self, request):
        request.registerProducer(Source(request), False)
        return NOT_DONE_YET


class Source:
    """A producer that has always more."""

    def __init__(self, request):
        self.request = request

    def resumeProducing(self):
        """Twisted: go on."""
        self.request.write(bytes(65536))

    def stopProducing(self):
        """Twisted: the connection is gone."""


class Live(TestCase):
    timeout = 120

    def setUp(self):
        self.revoker = Revoker()
        self.leaf = self.revoker.leaf()

    def listen(self, factory):
        port = reactor.listenTCP(0, factory, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        return f"http://127.0.0.1:{port.getHost().port}/"

    def serve(self, resource):
        site = Site(resource)
        site.noisy = False
        return self.listen(site)

    def silent(self, drips=False):
        factory = Factory.forProtocol(Silent)
        factory.noisy, factory.drips = False, drips
        return self.listen(factory)

    def answers(self, data):
        return self.serve(Answering(data))

    def openssl(self, *options, **who):
        responder = Responder(self.revoker, *options, **who)
        self.addCleanup(responder.remove)
        return self.serve(responder)

    def checker(self, policy):
        fetcher = Fetcher(reactor)
        checker = RevocationChecker(
            policy, fetcher, reactor=reactor, authorities=[self.revoker.certificate]
        )
        self.addCleanup(fetcher.stop)
        self.addCleanup(checker.stop)
        return checker

    async def verdicts(self, policies, leaf=None, staple=b""):
        leaf = leaf or self.leaf
        asked = [
            maybeDeferred(self.checker(policy).verdict, leaf.chain, staple) for policy in policies
        ]
        return await gatherResults(asked)

    def outcomes(self, verdicts):
        return [R if not verdict.accepted else E if verdict.event else A for verdict in verdicts]


class ByOcsp(Live):
    """The twelve situations, under requireGood, denyUnknown, allowUnknown and soft."""

    async def check(self, url, reason, *expected, leaf=None, **rules):
        policies = [
            RevocationPolicy(OcspRules(url=url, required=word, **rules)) for word in POLICIES
        ]
        verdicts = await self.verdicts(policies, leaf)
        self.assertEqual({verdict.reason for verdict in verdicts}, {reason})
        self.assertEqual(self.outcomes(verdicts), list(expected))

    async def test_good(self):
        await self.check(self.openssl("-ndays", "1", good=[self.leaf]), GOOD, A, A, A, A)
        await self.check(self.openssl(good=[self.leaf]), GOOD, A, A, A, A)
        by_key = self.openssl("-resp_key_id", good=[self.leaf])
        await self.check(by_key, GOOD, A, A, A, A)
        await self.check(by_key, GOOD, A, A, A, A, require_nonce=True)

    async def test_good_by_a_delegate(self):
        signer = self.revoker.leaf("responder", usages=[OCSP_SIGNING])
        options = {"good": [self.leaf], "signer": signer}
        await self.check(self.openssl(**options), GOOD, A, A, A, A)
        bare = self.openssl("-resp_no_certs", **options)
        await self.check(bare, SIGNATURE, R, R, R, R)
        await self.check(bare, GOOD, A, A, A, A, signer=signer.certificate)

    async def test_revoked(self):
        await self.check(self.openssl(revoked=[self.leaf]), REVOKED, R, R, R, R)
        stale = self.revoker.answer(self.leaf, "revoked", NOW - 9 * DAY, NOW - 8 * DAY)
        await self.check(self.answers(stale), REVOKED, R, R, R, R)

    async def test_unknown(self):
        await self.check(self.openssl(), UNKNOWN, R, R, E, E)

    async def test_stale(self):
        stale = self.revoker.answer(self.leaf, begin=NOW - 2 * DAY, end=NOW - DAY)
        await self.check(self.answers(stale), STALE, R, R, R, E)

    async def test_not_yet_valid(self):
        early = self.revoker.answer(self.leaf, begin=NOW + 12 * HOUR)
        await self.check(self.answers(early), EARLY, R, R, R, E)

    async def test_wrong_signers(self):
        other, usual = Revoker(), self.revoker.leaf("responder")
        for signer in (other.authority, other.leaf(usages=[OCSP_SIGNING]), usual):
            url = self.openssl(good=[self.leaf], signer=signer)
            await self.check(url, SIGNATURE, R, R, R, R)
        changed = bytearray(self.revoker.answer(self.leaf))
        changed[-5] ^= 1
        await self.check(self.answers(bytes(changed)), SIGNATURE, R, R, R, R)

    async def test_about_another(self):
        for answer in (
            self.revoker.answer(self.revoker.leaf()),
            self.revoker.answer(self.leaf, issuer=Revoker().certificate),
        ):
            await self.check(self.answers(answer), OTHER, R, R, R, R)

    async def test_silent_or_slow_or_down(self):
        silent, slow = self.silent(), self.silent(drips=True)
        port = reactor.listenTCP(0, Factory(), interface="127.0.0.1")
        down = f"http://127.0.0.1:{port.getHost().port}/"
        await port.stopListening()
        # At once, for each takes as long as an answer may.
        checks = [self.check(url, UNREACHABLE, R, R, R, E) for url in (down, silent, slow)]
        await gatherResults([ensureDeferred(check) for check in checks], consumeErrors=True)

    async def test_down_after_a_good_answer(self):
        for word in POLICIES:
            responder = Responder(self.revoker, "-ndays", "1", good=[self.leaf])
            self.addCleanup(responder.remove)
            port = reactor.listenTCP(0, Site(responder), interface="127.0.0.1")
            url = f"http://127.0.0.1:{port.getHost().port}/"
            # The responder has a clock of its own.
            now, fetcher = [time.time() + 60], Fetcher(reactor)
            rules = RevocationPolicy(OcspRules(url=url, required=word))
            checker = RevocationChecker(rules, fetcher, reactor=reactor, now=lambda now=now: now[0])
            self.assertEqual((await checker.verdict(self.leaf.chain)).reason, GOOD)
            await port.stopListening()
            now[0] += 2 * 3600
            self.assertEqual((await checker.verdict(self.leaf.chain)).reason, GOOD)
            self.assertEqual(fetcher.counts, {"answered": 1, UNREACHABLE: 1, UNUSABLE: 0})

    async def test_no_answers(self):
        answer = self.revoker.answer(self.leaf)
        to_itself = Status(302, answer, "http://127.0.0.1:1/")
        for resource in (
            Answering(bytes.fromhex("30030a0103")),  # tryLater
            Answering(bytes.fromhex("30030a0102")),  # internalError
            Answering(bytes.fromhex("30030a0106")),  # unauthorized
            Answering(b"<html>"),
            Answering(answer + bytes(70_000)),
            Status(500, answer),
            Status(404, answer),
            to_itself,
            Endless(),
        ):
            await self.check(self.serve(resource), UNUSABLE, R, R, R, E)
        self.assertEqual(to_itself.count, 4)

    async def test_nobody_to_ask(self):
        await self.check("", NO_SOURCE, R, E, E, E, from_cert=PREFER)
        leaf = Revoker(responders=["http://127.0.0.1:1/"]).leaf()
        policies = [RevocationPolicy(OcspRules(required=word)) for word in POLICIES]
        verdicts = await self.verdicts(policies, leaf)
        self.assertEqual(self.outcomes(verdicts), [R, A, A, A])

    async def test_must_staple(self):
        leaf = self.revoker.leaf(must_staple=True)
        url = self.openssl(good=[leaf])
        policies = [
            RevocationPolicy(OcspRules(url=url, required=word), stapling=True) for word in POLICIES
        ]
        verdicts = await self.verdicts(policies, leaf)
        self.assertEqual({verdict.reason for verdict in verdicts}, {UNSTAPLED})
        self.assertEqual(self.outcomes(verdicts), [R, R, R, R])
        staple = self.revoker.answer(leaf)
        self.assertEqual(self.outcomes(await self.verdicts(policies, leaf, staple)), [A] * 4)

    async def test_addresses_of_certificates_are_public_or_listed(self):
        hidden = Answering(b"")
        url = self.serve(hidden)
        leaf = Revoker(responders=[url]).leaf()
        await self.check("", UNUSABLE, R, R, R, E, leaf=leaf, from_cert=USE)


class ByList(Live):
    """The situations of lists, under strict and soft."""

    async def check(self, url, reason, *expected, leaf=None, **rules):
        policies = [
            RevocationPolicy(crl=CrlRules(url=url, required=word, **rules))
            for word in (STRICT, SOFT)
        ]
        verdicts = await self.verdicts(policies, leaf)
        self.assertEqual({verdict.reason for verdict in verdicts}, {reason})
        self.assertEqual(self.outcomes(verdicts), list(expected))

    def lists(self, data):
        return self.serve(Answering(data))

    async def test_listed_or_not(self):
        await self.check(self.lists(self.revoker.list()), GOOD, A, A)
        await self.check(self.lists(self.revoker.list(self.leaf)), REVOKED, R, R)
        old = self.revoker.list(self.leaf, begin=NOW - 9 * DAY, end=NOW - DAY)
        await self.check(self.lists(old), REVOKED, R, R)

    async def test_times_and_signers(self):
        expired = self.revoker.list(begin=NOW - 9 * DAY, end=NOW - DAY)
        await self.check(self.lists(expired), STALE, R, E)
        await self.check(self.lists(self.revoker.list(begin=NOW + 12 * HOUR)), EARLY, R, E)
        await self.check(self.lists(Revoker().list()), SIGNATURE, R, R)
        await self.check(self.lists(Revoker("Another CA").list()), OTHER, R, R)

    async def test_no_lists(self):
        listed = self.revoker.list()
        for resource in (
            Answering(b"<html>"),
            Status(500, listed),
            Status(302, listed, "http://127.0.0.1:1/"),
            Status(200, listed, length=1 << 26),
        ):
            await self.check(self.serve(resource), UNUSABLE, R, E)

    async def test_silence(self):
        await self.check(self.silent(), UNREACHABLE, R, E)
        await self.check("file:///nowhere/list", UNREACHABLE, R, E)

    async def test_none_named(self):
        await self.check("", NO_SOURCE, E, E, from_cert=USE)

    async def test_a_long_list_of_openssl_in_a_file(self):
        written = self.openssl_list(5_000)
        await self.check(f"file://{written}", REVOKED, R, R)
        await self.check(f"file://{written}", GOOD, A, A, leaf=self.revoker.leaf())

    async def test_a_list_of_openssl_with_a_weak_signature(self):
        await self.check(f"file://{self.openssl_list(1, 'sha1')}", UNUSABLE, R, E)

    def openssl_list(self, entries, digest="sha256"):
        """Return the path of a list that ``openssl ca -gencrl`` has made."""
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        authority = self.revoker.authority
        (folder / "ca.pem").write_bytes(
            authority.certificate.public_bytes(serialization.Encoding.PEM)
        )
        (folder / "ca.key").write_bytes(
            authority.key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        serials = [self.leaf.certificate.serial_number, *range(0x200000, 0x200000 + entries)]
        (folder / "index.txt").write_text(
            "".join(
                f"R\t491231235959Z\t251101000000Z\t{serial:06X}\tunknown\t/CN=x\n"
                for serial in serials
            )
        )
        (folder / "ca.cnf").write_text(
            "[ca]\ndefault_ca = own\n[own]\ndatabase = index.txt\ndefault_md = sha256\n"
            "default_crl_days = 1\ncertificate = ca.pem\nprivate_key = ca.key\n"
        )
        command = ["openssl", "ca", "-config", "ca.cnf", "-gencrl", "-md", digest]
        command += ["-out", "list.pem"]
        subprocess.run(command, check=True, cwd=folder, capture_output=True)
        return folder / "list.pem"


class Following(Live):
    async def test_an_open_session_is_told_that_its_certificate_is_revoked(self):
        served = Answering(self.revoker.list())
        policy = RevocationPolicy(crl=CrlRules(url=self.serve(served)))
        checker = self.checker(policy)
        await checker.start()
        self.assertEqual(checker.verdict(self.leaf.chain).reason, GOOD)
        told = Deferred()
        checker.follow(self.leaf.chain[0], lambda: told.callback(None))
        served.data = self.revoker.list(self.leaf, begin=NOW - HOUR / 2)
        (await checker.reload())()
        await told
        self.assertEqual(checker.verdict(self.leaf.chain).reason, REVOKED)
