"""The OCSP response about this side's own certificate: fetched, kept, renewed ahead of need."""

from cryptography import x509
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from acra_twisted import events
from acra_twisted.daemon.stapling import AGAIN, Stapling, own
from acra_twisted.errors import ConfigError
from acra_twisted.transport.credentials import Credentials
from acra_twisted.transport.revocation import ocsp
from acra_twisted.transport.revocation.fetch import FetchError
from acra_twisted.transport.revocation.policy import UNREACHABLE, OcspRules, Status
from acra_twisted.transport.revocation.times import SKEW
from tests.support.issued import DAY, HOUR, NOW
from tests.support.revocation import Revoker
from tests.support.tlsfiles import TLSFiles

URL = "http://responder"


class Responder:
    """Answers as it is told: bytes, or an error."""

    def __init__(self):
        self.asked, self.answer = [], b""

    def post(self, url, body, kind, limit, named):
        self.asked.append((url, body, kind, named))
        answer = self.answer
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, Deferred) else succeed(answer)


class Own(TLSFiles):
    def test_the_issuer_is_in_the_chain_or_among_the_authorities(self):
        found = own(Credentials(self.settings()))
        expected = x509.load_pem_x509_certificate(self.certificate.read_bytes())
        self.assertEqual(found.certificate, expected)
        self.assertEqual(found.issuer, self.authority.certificate)
        chain = self.certificate.read_bytes() + self.authority.path.read_bytes()
        self.certificate.write_bytes(chain)
        self.assertEqual(own(Credentials(self.settings(tls_ca=""))).issuer, found.issuer)

    def test_without_it_nobody_can_be_asked(self):
        error = self.assertRaises(ConfigError, own, Credentials(self.settings(tls_ca="")))
        self.assertIn("tls_ocsp_staple: the CA", str(error))


class Fetching(TLSFiles):
    def setUp(self):
        super().setUp()
        self.revoker = Revoker()
        self.write(self.revoker.leaf())
        self.clock, self.responder, self.events = Clock(), Responder(), []
        self.stapling = Stapling(
            self.clock,
            OcspRules(url=URL),
            self.responder,
            lambda: Credentials(self.settings()),
            lambda code, text: self.events.append((code, text)),
            lambda: NOW.timestamp() + self.clock.seconds(),
        )

    def write(self, leaf):
        """Use this certificate from the next reading on."""
        self.leaf = leaf
        self.use(leaf, self.revoker.certificate)

    def test_a_good_one_is_sent_along_until_it_ends(self):
        self.assertEqual(self.stapling.response(), b"")
        self.responder.answer = answer = self.revoker.answer(self.leaf, end=NOW + DAY)
        self.stapling.start()
        self.assertEqual(self.stapling.response(), answer)
        ((url, asked, kind, named),) = self.responder.asked
        self.assertEqual((url, kind, named), (URL, ocsp.REQUEST_TYPE, False))
        self.assertEqual(asked, ocsp.question(self.leaf.subject))
        # It is asked again at half of its time, and then nobody answers.
        self.responder.answer = FetchError(Status(UNREACHABLE, "is not checked: away"))
        self.clock.advance(DAY.total_seconds() / 2 + SKEW)
        self.assertEqual(len(self.responder.asked), 2)
        self.assertEqual(self.stapling.response(), answer)
        ((code, text),) = self.events
        self.assertEqual(code, events.REVOCATION_SOURCE)
        self.assertIn("away", text)
        self.clock.advance(AGAIN)
        self.assertEqual(len(self.responder.asked), 3)
        self.clock.advance(DAY.total_seconds() / 2)
        self.assertEqual(self.stapling.response(), b"")

    def test_one_that_is_not_good_is_not_sent(self):
        other = Revoker()
        for answer in (
            self.revoker.answer(self.leaf, "revoked"),
            self.revoker.answer(self.leaf, begin=NOW - DAY, end=NOW - HOUR),
            self.revoker.answer(self.revoker.leaf()),
            other.answer(self.leaf),
            b"no answer",
        ):
            self.responder.answer = answer
            self.stapling.start()
            self.assertEqual(self.stapling.response(), b"")
        self.assertEqual(len(self.events), 5)

    def test_what_the_responder_takes_back_is_sent_no_more(self):
        for status, is_kept in (("revoked", False), ("unknown", False), (None, True)):
            self.responder.answer = answer = self.revoker.answer(self.leaf)
            self.stapling.start()
            self.assertEqual(self.stapling.response(), answer)
            again = b"no answer" if status is None else self.revoker.answer(self.leaf, status)
            self.responder.answer = again
            self.stapling.start()
            self.assertEqual(self.stapling.response(), answer if is_kept else b"")
        self.assertEqual(len(self.events), 3)

    def test_an_answer_that_comes_after_the_end_is_not_used(self):
        for answer in (b"no answer", self.revoker.answer(self.leaf)):
            self.responder.answer = pending = Deferred()
            self.stapling.start()
            self.stapling.stop()
            pending.callback(answer)
            self.assertEqual(self.clock.getDelayedCalls(), [])
            self.assertEqual((self.events, self.stapling.response()), ([], b""))

    def test_another_certificate_has_another(self):
        self.responder.answer = self.revoker.answer(self.leaf)
        self.stapling.start()
        self.write(self.revoker.leaf())
        self.stapling.reload()
        self.assertEqual(self.stapling.response(), b"")
        self.responder.answer = self.revoker.answer(self.leaf)
        self.stapling.reload()
        self.assertEqual(self.stapling.response(), self.responder.answer)

    def test_at_the_end_nothing_is_asked_any_more(self):
        self.stapling.start()
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.stapling.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
