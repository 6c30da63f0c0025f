"""Refusals in a handshake: both sides learn why."""

from OpenSSL import crypto
from twisted.internet.ssl import Certificate, CertificateOptions, trustRootFromCertificates
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.transport import authority
from acra_twisted.transport.authority import Authority
from acra_twisted.transport.certificates import (
    CLIENT,
    EARLY,
    EXPIRED,
    ISSUER,
    NAME,
    OTHER,
    SERVER,
    UNREADABLE,
    USE,
    Loaded,
)
from acra_twisted.transport.tlscontext import TLSContext
from acra_twisted.transport.verifier import CertificateRefused, Verifier
from tests.support.handshakes import shake
from tests.support.issued import Issued, period, unreadable


class Handshakes(SynchronousTestCase):
    """Return the words that each side learns of a refusal."""

    def setUp(self):
        self.ca = Authority.make(authority.simple_name("CA"), period(-200, 1000))

    def context(self, side, issued, trusted, name=""):
        options = CertificateOptions(
            privateKey=crypto.PKey.from_cryptography_key(issued.key),
            certificate=crypto.X509.from_cryptography(issued.certificate),
            trustRoot=trustRootFromCertificates(
                [Certificate(crypto.X509.from_cryptography(each)) for each in trusted]
            ),
        )
        loaded = [Loaded("tls_ca", "ca.pem", each, None) for each in trusted]
        return TLSContext(options, name, loaded=loaded)

    def refused(self, client=None, server=None, name="localhost", trusted=None):
        """The error of who refuses, and that of the other side."""
        trusted = trusted or [self.ca.certificate]
        errors = shake(
            self.context("client", client or Issued(self.ca), trusted, name),
            self.context("server", server or Issued(self.ca), [self.ca.certificate]),
        )
        mine, its = reversed(errors) if client is not None else errors
        self.assertIsInstance(mine, CertificateRefused)
        return mine, str(its)

    def test_a_good_one(self):
        trusted = [self.ca.certificate]
        client = self.context("client", Issued(self.ca), trusted, "localhost")
        server = self.context("server", Issued(self.ca), trusted)
        self.assertEqual(shake(client, server), [None, None])

    def test_each_refusal_says_why_on_both_sides(self):
        for when, problem, word, alert in (
            (period(-9, -3), EXPIRED, "3 days ago", "certificate expired"),
            (period(2, 9), EARLY, "the clock here says", "bad certificate"),
        ):
            for side in ("client", "server"):
                error, its = self.refused(**{side: Issued(self.ca, when=when)})
                self.assertEqual(error.problem, problem)
                self.assertIn("(CN=app,O=Shop)", str(error))
                self.assertIn(word, str(error))
                self.assertIn(alert, its)

    def test_other_uses(self):
        for side, usage, word in (("client", SERVER, "clientAuth"), ("server", CLIENT, "server")):
            error, its = self.refused(**{side: Issued(self.ca, usages=(usage,))})
            self.assertEqual(error.problem, USE)
            self.assertIn(word, str(error))
            self.assertIn("certificate", its)

    def test_other_authorities(self):
        other = Authority.make(authority.simple_name("Other CA"), period())
        namesake = Authority.make(self.ca.certificate.subject, period())
        for made_by, word in ((other, "issued by CN=Other CA"), (namesake, "the same name")):
            for side in ("client", "server"):
                error, its = self.refused(**{side: Issued(made_by)})
                self.assertEqual(error.problem, ISSUER)
                self.assertIn(word, str(error))
                self.assertRegex(its, "unknown ca|decrypt error|bad certificate")

    def test_another_name(self):
        server = Issued(self.ca, hosts=("a.example", "192.0.2.1"))
        for name in ("b.example", "192.0.2.2"):
            error, its = self.refused(server=server, name=name)
            self.assertEqual(error.problem, NAME)
            self.assertIn(f"is for a.example, 192.0.2.1 and not for {name}", str(error))
            # The other side is told, too.
            self.assertIn("alert bad certificate", its)
        error, _ = self.refused(server=Issued(self.ca, hosts=()), name="b.example")
        self.assertIn("names no host", str(error))

    def test_an_authority_that_expired(self):
        old = Authority.make(authority.simple_name("Old CA"), period(-9, -1))
        error, _ = self.refused(server=Issued(old), trusted=[old.certificate])
        self.assertEqual(error.problem, EXPIRED)
        self.assertIn("its CA (CN=Old CA) expired", str(error))

    def test_what_openssl_alone_knows(self):
        verifier = Verifier([self.ca.certificate])
        good = crypto.X509.from_cryptography(self.ca.certificate)
        # 25 is a path that is too long.
        error = self.assertRaises(CertificateRefused, verifier, None, good, 25, 0, 0)
        self.assertEqual(error.problem, OTHER)
        self.assertIn("path length", str(error))
        self.assertTrue(verifier(None, good, 0, 0, 1))

    def test_nothing_passes_because_a_check_failed(self):
        verifier = Verifier([self.ca.certificate], "localhost")
        error = self.assertRaises(CertificateRefused, verifier, None, object(), 0, 0, 1)
        self.assertEqual(error.problem, UNREADABLE)
        self.assertRaises(CertificateRefused, verifier.check_name, unreadable())
