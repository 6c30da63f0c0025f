"""Rules about settings of revocation, made for the legs of a daemon."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config.effects import without_effect
from acra_twisted.config.revocation import CLIENT, DATABASE, SERVER_REVOCATION
from acra_twisted.config.revocationeffects import revocation_rules
from acra_twisted.options import defaults


class Rules(SynchronousTestCase):
    def found(self, client=False, database=False, **made):
        options = SERVER_REVOCATION.options
        rules = revocation_rules(
            options,
            {
                CLIENT: (lambda settings: client, "no client is verified"),
                DATABASE: (lambda settings: database, "no database is verified"),
            },
        )
        settings = defaults([SERVER_REVOCATION]).but(**made)
        settings.given = dict.fromkeys(made, "f:1")
        wrong, remarks = without_effect(settings, options, rules)
        return [str(error) for error in wrong], remarks

    def test_each_setting_but_one_is_ruled(self):
        """The daemon itself rules staples."""
        rules = revocation_rules(
            SERVER_REVOCATION.options, {CLIENT: (bool, ""), DATABASE: (bool, "")}
        )
        named = {name for rule in rules for name in rule.names}
        options = {option.name for option in SERVER_REVOCATION.options}
        self.assertEqual(options - named, {"tls_ocsp_staple"})

    def test_a_common_source_needs_one_leg(self):
        for name in ("tls_ocsp_url", "tls_crl_url"):
            wrong, _ = self.found(**{name: "http://x"})
            self.assertEqual(len(wrong), 1)
            self.assertIn("of no peer are verified", wrong[0])
            self.assertEqual(self.found(client=True, **{name: "http://x"}), ([], []))
            self.assertEqual(self.found(database=True, **{name: "http://x"}), ([], []))

    def test_the_source_of_a_leg_needs_that_leg(self):
        made = {"tls_ocsp_client_url": "http://x"}
        wrong, _ = self.found(database=True, **made)
        self.assertEqual(wrong, ["f:1: tls_ocsp_client_url has no effect: no client is verified"])
        self.assertEqual(self.found(client=True, **made), ([], []))

    def test_what_only_says_how_is_a_remark(self):
        for made in (
            {"tls_ocsp_required": "soft"},
            {"tls_crl_cache_time": 5.0},
            {"tls_crl_database_required": "soft"},
            {"tls_revoked_sessions": "keep"},
        ):
            wrong, remarks = self.found(client=True, database=True, **made)
            self.assertEqual((wrong, len(remarks)), ([], 1), made)
        made = {"tls_ocsp_required": "soft", "tls_ocsp_url": "http://x"}
        self.assertEqual(self.found(client=True, **made), ([], []))
