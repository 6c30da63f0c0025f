"""A leg's judge: what it does with verdicts, sessions and tickets."""

from types import SimpleNamespace

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from prometheus_client import generate_latest
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from zope.interface.verify import verifyObject

from acra_twisted import events
from acra_twisted.daemon.peerjudge import PeerJudge
from acra_twisted.interfaces import IPeerJudge
from acra_twisted.telemetry.metrics.daemon import DaemonMetrics
from acra_twisted.telemetry.metrics.revocation import RevocationMetrics
from acra_twisted.transport import certificates
from acra_twisted.transport.credentials import Credentials
from acra_twisted.transport.evidence import Evidence
from acra_twisted.transport.revocation.policy import (
    GOOD,
    REVOKED,
    UNASKED,
    UNREACHABLE,
    UNSEEN,
    UNSTAPLED,
    RevocationPolicy,
    Verdict,
)
from acra_twisted.transport.verifier import CertificateRefused
from tests.support.tlsfiles import TLSFiles


class Checker:
    """Gives the verdicts that it is told."""

    def __init__(self):
        self.verdicts, self.asked, self.chains, self.followed = [], [], {}, []
        self.forgotten = []
        self.policy = RevocationPolicy()

    def verdict(self, chain, staple=b""):
        self.asked.append((chain, staple))
        return self.verdicts.pop(0)

    def known(self, leaf):
        return self.chains.get(leaf)

    def untold(self, leaf, verdict):
        self.forgotten.append((leaf, verdict))

    def follow(self, leaf, revoked):
        self.followed.append(revoked)
        return lambda: self.followed.remove(revoked)


class Channel:
    """A connection, as far as a judge knows it."""

    def __init__(self, span=None):
        self.parent_span, self.ends, self.why, self.is_gone = span, [], None, False
        self.transport = SimpleNamespace(getPeer=lambda: IPv4Address("TCP", "192.0.2.1", 5))

    def until_lost(self, stop):
        self.ends.append(stop)

    def revoked(self, why):
        self.why = why.value


class Span:
    """A span, as far as a judge knows it."""

    trace_id, span_id = "t", "s"

    def __init__(self):
        self.attributes, self.failed, self.children, self.is_over = {}, None, [], False

    def add_attribute(self, name, value):
        self.attributes[name] = value

    def fail(self, code, text):
        self.failed = text


class Tracing:
    def child(self, parent, name, kind):
        span = Span()
        parent.children.append((name, span))
        return span

    def finish(self, span):
        span.is_over = True


class Judging(TLSFiles):
    def setUp(self):
        super().setUp()
        certificate = x509.load_pem_x509_certificate(self.certificate.read_bytes())
        self.leaf = certificate.public_bytes(Encoding.DER)
        self.checker, self.events = Checker(), []
        self.metrics = DaemonMetrics("acraserver")
        self.counts = RevocationMetrics(self.metrics)
        self.judge = self.make()

    def make(self, closes=True, connects=False):
        return PeerJudge(
            "client",
            self.checker,
            event=lambda code, text, **fields: self.events.append((code, fields)),
            metrics=self.counts,
            tracing=Tracing(),
            closes=closes,
            connects=connects,
        )

    def ask(self, verdict, channel=None, **evidence):
        self.checker.verdicts.append(verdict)
        found = Evidence((self.leaf, b"ca"), **evidence)
        return self.judge.judge(found, channel or Channel())

    def test_it_is_one(self):
        verifyObject(IPeerJudge, self.judge)

    def test_who_is_good_passes_without_a_word(self):
        self.assertIsNone(self.ask(Verdict(True, GOOD), staple=b"s"))
        self.assertEqual(self.checker.asked, [((self.leaf, b"ca"), b"s")])
        self.assertEqual(self.events, [])
        self.assertIn(
            'acra_revocation_checks_total{accepted="true",leg="client",result="good"} 1.0',
            generate_latest(self.metrics.registry).decode(),
        )

    def test_who_is_not_asked_about_is_not_counted(self):
        self.assertIsNone(self.ask(UNASKED))
        self.assertNotIn("checks_total{", generate_latest(self.metrics.registry).decode())

    def test_who_is_revoked_is_refused_with_an_event(self):
        verdict = Verdict(False, REVOKED, True, "was revoked on Monday")
        error = self.assertRaises(CertificateRefused, self.ask, verdict)
        self.assertEqual(error.problem, certificates.REVOKED)
        self.assertEqual(error.public, "its certificate has been revoked")
        self.assertEqual(error.subject, "CN=server,O=Sandbox")
        self.assertIn("was revoked on Monday", str(error))
        ((code, fields),) = self.events
        self.assertEqual(code, events.REVOKED)
        self.assertEqual(
            fields,
            {
                "leg": "client",
                "certificate": "CN=server,O=Sandbox",
                "error": "the certificate was revoked on Monday",
                "peer": "192.0.2.1",
                "peer_port": 5,
            },
        )
        self.assertEqual(self.checker.followed, [])

    def test_who_nobody_can_speak_for_is_refused_by_another_event(self):
        verdict = Verdict(False, UNREACHABLE, True, "is not checked")
        error = self.assertRaises(CertificateRefused, self.ask, verdict)
        self.assertEqual(error.problem, certificates.UNCHECKED)
        self.assertIn("nobody says", error.public)
        self.assertEqual(self.events[0][0], events.REVOCATION_UNKNOWN)

    def test_a_peer_that_this_side_has_reached_is_a_server(self):
        self.judge = self.make(connects=True)
        self.assertRaises(CertificateRefused, self.ask, Verdict(False, REVOKED, True, "is bad"))
        fields = self.events[0][1]
        self.assertEqual((fields["server_address"], fields["server_port"]), ("192.0.2.1", 5))
        self.assertNotIn("peer", fields)

    def test_who_passes_unchecked_is_told_of_where_the_checker_says_so(self):
        for told in (True, False):
            self.assertIsNone(self.ask(Verdict(True, UNREACHABLE, told, "is not checked")))
        self.assertEqual([code for code, _ in self.events], [events.REVOCATION_NOT_CHECKED])
        self.assertEqual(self.events[0][1]["error"], "the certificate is not checked")

    def test_an_answer_that_is_awaited_has_a_span(self):
        for verdict, failed in (
            (Verdict(True, GOOD), None),
            (Verdict(False, REVOKED, True, "is revoked"), "the certificate is revoked"),
        ):
            answer, parent, found = Deferred(), Span(), []
            waiting = self.ask(answer, Channel(parent))
            waiting.addBoth(found.append)
            ((name, span),) = parent.children
            self.assertEqual((name, span.is_over, found), ("revocation check", False, []))
            answer.callback(verdict)
            self.assertTrue(span.is_over)
            self.assertEqual(span.failed, failed)
            self.assertEqual(
                span.attributes,
                {"acra.revocation.leg": "client", "acra.revocation.result": verdict.reason},
            )
            self.assertEqual(found[0] is None, verdict.accepted)
        self.assertEqual((self.events[0][1]["trace_id"], self.events[0][1]["span_id"]), ("t", "s"))
        answer = Deferred()
        waiting = self.ask(answer)
        answer.callback(Verdict(True, GOOD))
        self.assertIsNone(self.successResultOf(waiting))

    def test_a_verdict_on_somebody_who_has_gone_is_told_to_nobody(self):
        for verdict in (
            Verdict(True, UNREACHABLE, True, "is not checked"),
            Verdict(False, REVOKED, True, "is revoked"),
        ):
            answer, parent = Deferred(), Span()
            channel = Channel(parent)
            waiting = self.ask(answer, channel)
            channel.is_gone = True
            answer.callback(verdict)
            self.assertIsNone(self.successResultOf(waiting))
            self.assertTrue(parent.children[0][1].is_over)
            self.assertEqual(self.checker.forgotten.pop(), (self.leaf, verdict))
        self.assertEqual((self.events, self.checker.followed, channel.ends), ([], [], []))
        self.assertNotIn("checks_total{", generate_latest(self.metrics.registry).decode())

    def test_a_server_that_is_refused_with_its_resumed_session_shows_all_the_next_time(self):
        self.checker.chains[self.leaf] = (self.leaf, b"ca")
        verdict = Verdict(False, UNSTAPLED, True, "promises a staple")
        for connects, resumed, expected in (
            (True, True, [True]),
            (True, False, []),
            (False, True, []),
        ):
            self.judge = self.make(connects=connects)
            context, forgotten = Credentials(self.settings()).client_creator("localhost"), []
            self.judge.watch(context)
            context.forget_sessions = lambda forgotten=forgotten: forgotten.append(True)
            for answer in (verdict, Verdict(True, GOOD)):
                self.checker.verdicts.append(answer)
                found = Evidence((self.leaf, b"ca"), resumed)
                try:
                    self.judge.judge(found, Channel())
                except CertificateRefused:
                    pass
            self.assertEqual(forgotten, expected)

    def test_a_resumed_session_is_judged_by_the_chain_of_before(self):
        self.checker.chains[self.leaf] = (self.leaf, b"issuer", b"root")
        self.assertIsNone(self.ask(Verdict(True, GOOD), resumed=True))
        self.assertEqual(self.checker.asked, [((self.leaf, b"issuer", b"root"), b"")])

    def test_a_resumed_session_of_nobody_known_is_refused_and_the_next_shows_all(self):
        context = Credentials(self.settings()).server_context()
        self.judge.watch(context)
        self.assertIs(context.judge, self.judge)
        forgotten = []
        context.forget_sessions = lambda: forgotten.append(True)
        error = self.assertRaises(CertificateRefused, self.ask, None, resumed=True)
        self.assertEqual(error.problem, certificates.UNCHECKED)
        self.assertEqual((self.checker.asked, forgotten), ([], [True]))
        self.assertIn(UNSEEN, generate_latest(self.metrics.registry).decode())

    def test_an_open_session_ends_when_its_certificate_is_revoked(self):
        channel = Channel()
        self.ask(Verdict(True, GOOD), channel)
        (revoked,) = self.checker.followed
        revoked()
        self.assertEqual(channel.why.problem, certificates.REVOKED)
        ((code, fields),) = self.events
        self.assertEqual((code, fields["action"]), (events.REVOKED, events.ENDED))
        for stop in channel.ends:
            stop()
        self.assertEqual(self.checker.followed, [])

    def test_it_may_go_on_where_the_settings_say_so(self):
        self.judge = self.make(closes=False)
        channel = Channel()
        self.ask(Verdict(True, GOOD), channel)
        self.checker.followed[0]()
        self.assertIsNone(channel.why)
        self.assertEqual(self.events[0][1]["action"], events.ALLOWED)
