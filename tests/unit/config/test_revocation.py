"""Settings of revocation, and the policy of each leg."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config.revocation import (
    ACRASERVER,
    APPLICATION,
    CLIENT,
    CONNECTOR_REVOCATION,
    DATABASE,
    SERVER_REVOCATION,
    HostNames,
    ListUrl,
    check_revocation,
    is_asked,
    is_checked,
    policy_of,
    weak,
)
from acra_twisted.errors import ConfigError
from acra_twisted.options import defaults
from acra_twisted.sandbox.authority import Authority
from acra_twisted.transport.revocation.policy import (
    ALLOW_UNKNOWN,
    DENY_UNKNOWN,
    IGNORE,
    REQUIRE_GOOD,
    SOFT,
    STRICT,
    CrlRules,
    OcspRules,
    RevocationPolicy,
)

SERVER = defaults([SERVER_REVOCATION])
CONNECTOR = defaults([CONNECTOR_REVOCATION])


class Policies(SynchronousTestCase):
    def test_nothing_is_checked_unless_something_says_so(self):
        for settings, legs in (
            (SERVER, (CLIENT, DATABASE)),
            (CONNECTOR, (ACRASERVER, APPLICATION)),
        ):
            for leg in legs:
                self.assertEqual(policy_of(settings, leg), RevocationPolicy())
                self.assertFalse(is_checked(settings, leg))
        found = policy_of(SERVER, CLIENT)
        self.assertEqual((found.ocsp.required, found.crl.required), (DENY_UNKNOWN, STRICT))
        self.assertEqual((found.ocsp.from_cert, found.crl.from_cert), (IGNORE, IGNORE))

    def test_common_settings_hold_for_every_leg(self):
        settings = SERVER.but(
            tls_ocsp_url="http://ocsp",
            tls_ocsp_required="requiregood",
            tls_ocsp_from_cert="use",
            tls_ocsp_check_only_leaf_certificate=True,
            tls_ocsp_cache_time=5.0,
            tls_ocsp_max_age=6.0,
            tls_ocsp_require_nonce=True,
            tls_crl_url="file:///crl",
            tls_crl_required="soft",
            tls_crl_from_cert="trust",
            tls_crl_check_only_leaf_certificate=True,
            tls_crl_cache_size=7,
            tls_crl_cache_time=8.0,
        )
        for leg in (CLIENT, DATABASE):
            self.assertEqual(
                policy_of(settings, leg),
                RevocationPolicy(
                    OcspRules("http://ocsp", REQUIRE_GOOD, "use", True, 5.0, 6.0, None, True),
                    CrlRules("file:///crl", SOFT, "trust", True, 7, 8.0),
                ),
            )

    def test_a_side_has_its_own(self):
        settings = SERVER.but(
            tls_ocsp_url="http://both",
            tls_ocsp_database_url="http://database",
            tls_ocsp_client_required="allowunknown",
            tls_ocsp_from_cert="use",
            tls_ocsp_client_from_cert="ignore",
            tls_crl_client_check_only_leaf_certificate=True,
            tls_crl_client_cache_size=0,
            tls_crl_database_cache_time=30,
            tls_crl_database_required="soft",
        )
        client, database = policy_of(settings, CLIENT), policy_of(settings, DATABASE)
        self.assertEqual((client.ocsp.url, database.ocsp.url), ("http://both", "http://database"))
        found = (client.ocsp.required, database.ocsp.required)
        self.assertEqual(found, (ALLOW_UNKNOWN, DENY_UNKNOWN))
        self.assertEqual((client.ocsp.from_cert, database.ocsp.from_cert), ("ignore", "use"))
        self.assertEqual((client.crl.only_leaf, database.crl.only_leaf), (True, False))
        self.assertEqual((client.crl.cache_size, database.crl.cache_size), (0, 16))
        self.assertEqual((client.crl.cache_time, database.crl.cache_time), (0.0, 30.0))
        self.assertEqual((client.crl.required, database.crl.required), (STRICT, SOFT))

    def test_applications_have_another_ca_than_acraserver(self):
        settings = CONNECTOR.but(tls_crl_url="http://server", tls_ocsp_required="soft")
        self.assertEqual(policy_of(settings, ACRASERVER).crl.url, "http://server")
        self.assertFalse(is_checked(settings, APPLICATION))
        settings = CONNECTOR.but(application_tls_ocsp_url="http://apps", tls_ocsp_required="soft")
        found = policy_of(settings, APPLICATION).ocsp
        self.assertEqual((found.url, found.required), ("http://apps", SOFT))
        self.assertTrue(is_asked(settings, APPLICATION, "ocsp"))
        self.assertFalse(is_checked(settings, ACRASERVER))

    def test_staples_are_asked_for_by_the_connector(self):
        settings = CONNECTOR.but(tls_ocsp_staple=True)
        self.assertTrue(policy_of(settings, ACRASERVER).stapling)
        self.assertFalse(policy_of(settings, APPLICATION).stapling)
        self.assertFalse(policy_of(SERVER.but(tls_ocsp_staple=True), CLIENT).stapling)

    def test_the_certificate_of_a_responder(self):
        folder = Path(self.mktemp())
        folder.mkdir()
        authority = Authority(folder)
        settings = SERVER.but(tls_ocsp_signer_cert=str(authority.path))
        self.assertEqual(policy_of(settings, CLIENT).ocsp.signer, authority.certificate)
        settings = SERVER.but(tls_ocsp_signer_cert=str(folder / "none"))
        error = self.assertRaises(ConfigError, check_revocation, settings, [CLIENT])
        self.assertIn("tls_ocsp_signer_cert: cannot read", str(error))

    def test_good_answers_that_nobody_gives_are_not_required(self):
        settings = SERVER.but(tls_ocsp_required="requiregood", tls_ocsp_client_url="http://x")
        check_revocation(settings, [CLIENT])
        error = self.assertRaises(ConfigError, check_revocation, settings, [CLIENT, DATABASE])
        self.assertIn("certificates of the database", str(error))
        check_revocation(settings.but(tls_ocsp_database_required="soft"), [CLIENT, DATABASE])
        settings = CONNECTOR.but(tls_ocsp_required="requiregood")
        error = self.assertRaises(ConfigError, check_revocation, settings, [APPLICATION])
        self.assertIn("application_tls_ocsp_url", str(error))


class Urls(SynchronousTestCase):
    def test_of_lists(self):
        kind = ListUrl()
        for text in ("", "http://x/a.crl", "https://x/a.crl", "file:///etc/a.crl"):
            self.assertEqual(kind.parse(text), text)
        for text in ("ftp://x/a", "file://host/a", "file:a.crl", "file:///a?b", "/etc/a.crl"):
            self.assertRaises(ValueError, kind.parse, text)


class Hosts(SynchronousTestCase):
    def test_with_and_without_a_port(self):
        kind = HostNames()
        text = "ca.internal, 10.0.0.1:8080, [::1]:80, ::1"
        found = kind.parse(text)
        self.assertEqual(found, ("ca.internal", "10.0.0.1:8080", "[::1]:80", "::1"))
        self.assertEqual(kind.parse(""), ())
        for text in ("http://ca.internal", "ca internal", "ca:99999", "a/b"):
            self.assertRaises(ValueError, kind.parse, text)


class Weak(SynchronousTestCase):
    def test_soft_is_told_of_where_it_is_used(self):
        settings = SERVER.but(tls_ocsp_required="soft", tls_crl_required="soft")
        self.assertEqual(weak(settings, [CLIENT, DATABASE]), [])
        asked = settings.but(tls_crl_client_url="file:///x")
        self.assertEqual(weak(asked, [DATABASE]), [])
        (found,) = weak(asked, [CLIENT, DATABASE])
        self.assertIn("tls_crl_required = soft: revoked certificates of connectors", found)
        self.assertEqual(weak(asked.but(tls_crl_required="strict"), [CLIENT]), [])
