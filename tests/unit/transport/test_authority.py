"""A certificate authority of one's own."""

import datetime

from cryptography import x509
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import ConfigError
from acra_twisted.transport import authority
from acra_twisted.transport.authority import Authority, Period

NOW = datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC)


class Issuing(SynchronousTestCase):
    def setUp(self):
        self.authority = Authority.make(authority.simple_name("CA"), Period.of_days(100, NOW))

    def issue(self, days=10, usages=(authority.CLIENT,), hosts=()):
        return self.authority.issue(
            authority.simple_name("app", "Shop"),
            authority.new_key().public_key(),
            Period.of_days(days, NOW),
            usages,
            [authority.general_name(host) for host in hosts],
        )

    def test_what_a_certificate_says(self):
        made = self.issue(hosts=("acra.example", "192.0.2.1", "::1"))
        made.verify_directly_issued_by(self.authority.certificate)
        self.assertEqual(made.subject.rfc4514_string(), "CN=app,O=Shop")
        self.assertLess(made.not_valid_before_utc, NOW)
        self.assertEqual(made.not_valid_after_utc, NOW + datetime.timedelta(days=10))
        names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        self.assertEqual(names.get_values_for_type(x509.DNSName), ["acra.example"])
        addresses = [str(each) for each in names.get_values_for_type(x509.IPAddress)]
        self.assertEqual(addresses, ["192.0.2.1", "::1"])
        usages = made.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        self.assertEqual(list(usages), [authority.CLIENT])

    def test_it_never_outlasts_its_authority(self):
        made = self.issue(days=1000)
        self.assertEqual(made.not_valid_after_utc, self.authority.certificate.not_valid_after_utc)

    def test_a_renewed_authority_stands_for_what_it_has_issued(self):
        made = self.issue()
        renewed = self.authority.renewed(Period.of_days(500, NOW))
        made.verify_directly_issued_by(renewed.certificate)
        self.assertGreater(
            renewed.certificate.not_valid_after_utc,
            self.authority.certificate.not_valid_after_utc,
        )

    def test_hosts(self):
        self.assertEqual(authority.general_name("müller.example").value, "xn--mller-kva.example")
        self.assertEqual(authority.general_name("*.shop.example").value, "*.shop.example")
        for wrong in ("", "tcp://host", "host:9393", "a b", "a/b", "a" * 70 + "\u00e9.example"):
            error = self.assertRaises(ConfigError, authority.general_name, wrong)
            self.assertIn("is no host", str(error))

    def test_names(self):
        for wrong in ("", "x" * 65):
            self.assertRaises(ConfigError, authority.simple_name, wrong)
