"""Certificates: what is wrong with them, said before the start and in the handshake."""

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier
from OpenSSL import crypto
from twisted.internet.ssl import Certificate, CertificateOptions, trustRootFromCertificates
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.transport import authority, certificates
from acra_twisted.transport.authority import Authority, Period
from acra_twisted.transport.certificates import (
    CLIENT,
    EARLY,
    ENDS,
    EXPIRED,
    ISSUER,
    NAME,
    OTHER,
    SERVER,
    UNREADABLE,
    USE,
    CertificateRefused,
    Loaded,
    Verifier,
)
from acra_twisted.transport.tls import TLSContext
from tests.support.handshakes import shake

NOW = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
DAY = datetime.timedelta(days=1)
HOUR = datetime.timedelta(hours=1)


def period(begin=-1, end=100):
    return Period(NOW + begin * DAY, NOW + end * DAY)


class Issued:
    """A certificate and its key."""

    def __init__(self, made_by, usages=(CLIENT, SERVER), hosts=("localhost",), when=None):
        self.key = authority.new_key()
        self.certificate = made_by.issue(
            authority.simple_name("app", "Shop"),
            self.key.public_key(),
            when or period(),
            usages,
            [authority.general_name(host) for host in hosts],
        )


class Case(SynchronousTestCase):
    def setUp(self):
        self.ca = Authority.make(authority.simple_name("CA"), period(-200, 1000))

    def found(self, issued, usage=SERVER, **options):
        findings = certificates.examine([issued.certificate], usage, NOW, **options)
        for finding in findings:
            self.assertTrue(finding.remedy)
        return {finding.problem: finding for finding in findings}


class Examined(Case):
    def test_nothing_is_wrong(self):
        issued = Issued(self.ca, hosts=("db.example", "192.0.2.7"))
        for name in ("", "db.example", "DB.example", "192.0.2.7"):
            trusted = [self.ca.certificate]
            self.assertEqual(self.found(issued, authorities=trusted, name=name), {})

    def test_dates(self):
        for begin, end, problem, *parts in (
            (-9, -3, EXPIRED, f"expired on {certificates.date(NOW - 3 * DAY)}, 3 days ago"),
            (1, 9, EARLY, f"from {certificates.date(NOW + DAY)} on", certificates.date(NOW)),
            (-300, 20, ENDS, "in 20 days"),
            (-2, 0.5, ENDS, "in 12 hours"),
            (-300, 0.01, ENDS, "in 14 minutes"),
            (-300, -0.0001, EXPIRED, " s ago"),
        ):
            found = self.found(Issued(self.ca, when=period(begin, end)))
            self.assertEqual(list(found), [problem])
            self.assertEqual(found[problem].severe, problem != ENDS)
            for part in parts:
                self.assertIn(part, found[problem].about)

    def test_a_short_life_is_no_alarm(self):
        when = Period(NOW - HOUR, NOW + 23 * HOUR)
        self.assertEqual(self.found(Issued(self.ca, when=when)), {})

    def test_uses(self):
        for usages, usage, word in (
            ((SERVER,), CLIENT, "clientAuth"),
            ((CLIENT,), SERVER, "serverAuth"),
        ):
            found = self.found(Issued(self.ca, usages), usage)
            self.assertEqual(list(found), [USE])
            self.assertTrue(found[USE].severe)
            self.assertIn(word, found[USE].about)
            self.assertIn(word, found[USE].remedy)

    def test_an_authority_may_serve_and_is_no_client(self):
        self.assertEqual(list(certificates.use(self.ca.certificate, SERVER)), [])
        [finding] = certificates.use(self.ca.certificate, CLIENT)
        self.assertIn("CA's", finding.about)

    def test_names(self):
        found = self.found(Issued(self.ca, hosts=("a.example", "::1")), name="10.0.0.5")
        self.assertEqual(found[NAME].about, "is for a.example, ::1 and not for 10.0.0.5")
        self.assertFalse(found[NAME].severe)
        found = self.found(Issued(self.ca, hosts=()), name="db.example")
        self.assertIn("names no host", found[NAME].about)
        many = Issued(self.ca, hosts=[f"h{number}.example" for number in range(50)])
        self.assertLess(len(self.found(many, name="x")[NAME].about), 200)
        # What is no host's name is nobody's.
        self.assertIn(NAME, self.found(Issued(self.ca), name="x" * 300))
        # A client needs none.
        self.assertEqual(self.found(Issued(self.ca, hosts=()), CLIENT), {})

    def test_issuers(self):
        issued = Issued(self.ca)
        namesake = Authority.make(self.ca.certificate.subject, period())
        other = Authority.make(authority.simple_name("Other CA"), period())
        for trusted, part in (
            ([other.certificate], "issued by CN=CA, a CA that is not trusted"),
            ([other.certificate, namesake.certificate], "another CA of the same name"),
        ):
            found = self.found(issued, authorities=trusted)
            self.assertIn(part, found[ISSUER].about)
            self.assertFalse(found[ISSUER].severe)
        found = certificates.origin(other.certificate, [self.ca.certificate])
        self.assertEqual([each.about for each in found], ["signed itself"])
        self.assertEqual(list(certificates.origin(other.certificate, [other.certificate])), [])

    def test_a_chain(self):
        """An intermediate between the authority and the certificate."""
        middle = Authority.make(authority.simple_name("Middle"), period())
        signed = (
            x509.CertificateBuilder(
                self.ca.certificate.subject,
                middle.certificate.subject,
                middle.certificate.public_key(),
                7,
                middle.certificate.not_valid_before_utc.replace(tzinfo=None),
                middle.certificate.not_valid_after_utc.replace(tzinfo=None),
            )
            .add_extension(x509.BasicConstraints(True, 0), True)
            .sign(self.ca.key, hashes.SHA256())
        )
        leaf = Issued(middle).certificate
        trusted = [self.ca.certificate]
        self.assertEqual(certificates.examine([leaf, signed], SERVER, NOW, trusted), [])
        [finding] = certificates.examine([leaf], SERVER, NOW, trusted)
        self.assertIn("CN=Middle", finding.about)

    def test_words_of_strangers_are_short_and_plain(self):
        oid = ObjectIdentifier("1.3.6.1.4.1.99999.1")
        name = x509.Name(
            [
                x509.NameAttribute(NameOID.COMMON_NAME, "a\nlevel=fatal \x1b[2J"),
                x509.NameAttribute(oid, "x" * 5000),
            ]
        )
        made = Authority.make(name, period()).certificate
        for text in (certificates.subject(made), certificates.issuer(made)):
            self.assertTrue(text.isprintable())
            self.assertLess(len(text), 200)
        empty = Authority.make(x509.Name([]), period()).certificate
        self.assertEqual(certificates.subject(empty), "without a subject")


class InUse(Case):
    def test_sentences_name_setting_and_file(self):
        issued = Issued(self.ca, usages=(SERVER,), when=period(-9, -1))
        loaded = Loaded("tls_cert", "/etc/acra/x.pem", issued.certificate, CLIENT)
        first, second = map(loaded.sentence, loaded.findings(NOW))
        self.assertIn("tls_cert: the certificate in /etc/acra/x.pem (CN=app,O=Shop) exp", first)
        self.assertIn("--renew", first)
        self.assertIn("clientAuth", second)
        trusted = Loaded("tls_ca", "ca.pem", issued.certificate, None)
        self.assertEqual(len(list(trusted.findings(NOW))), 1)
        self.assertEqual(trusted.ends, NOW - DAY)

    def test_of_many_authorities_one_decides(self):
        """A file with the system's, or with an old one beside its successor."""
        made = [
            Authority.make(authority.simple_name(name), period(-100, end)).certificate
            for name, end in (("old", -5), ("next", 50), ("soon", 3))
        ]
        loaded = [Loaded("tls_ca", "ca.pem", each, None) for each in made]
        self.assertEqual(certificates.judged(loaded, NOW), ([], []))
        self.assertEqual([each.certificate for each in certificates.deciding(loaded)], made[1:2])
        severe, others = certificates.judged(loaded[:1], NOW)
        self.assertIn("CN=old) expired on", severe[0])
        self.assertEqual(others, [])


class Handshakes(Case):
    """What each side learns of a refusal."""

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
        unreadable = x509.UnrecognizedExtension(ObjectIdentifier("2.5.29.17"), b"\xff")
        key = authority.new_key()
        name = authority.simple_name("x")
        made = (
            x509.CertificateBuilder(name, name, key.public_key(), 5)
            .not_valid_before(NOW)
            .not_valid_after(NOW + DAY)
            .add_extension(unreadable, False)
            .sign(key, hashes.SHA256())
        )
        self.assertFalse(certificates.is_for(made, "localhost"))
        self.assertRaises(CertificateRefused, verifier.check_name, made)
        [finding] = certificates.use(made, ExtendedKeyUsageOID.SERVER_AUTH)
        self.assertEqual(finding.problem, UNREADABLE)
