"""Certificates: what is wrong with them, and in which words that is said."""

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier
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
    SERVER,
    UNREADABLE,
    USE,
    Loaded,
)
from tests.support.issued import DAY, HOUR, NOW, Issued, period, unreadable


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

    def test_extensions_that_cannot_be_read(self):
        made = unreadable()
        self.assertFalse(certificates.is_for(made, "localhost"))
        [finding] = certificates.use(made, ExtendedKeyUsageOID.SERVER_AUTH)
        self.assertEqual(finding.problem, UNREADABLE)


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
