"""Findings and the verdicts on them; sources in their order."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.transport.revocation import policy
from acra_twisted.transport.revocation.policy import (
    ALLOW_UNKNOWN,
    DENY_UNKNOWN,
    IGNORE,
    PREFER,
    REQUIRE_GOOD,
    SOFT,
    STRICT,
    TRUST,
    UNASKED,
    USE,
    CrlRules,
    OcspRules,
    RevocationPolicy,
    Status,
    Verdict,
    decide,
    sources,
    together,
    worst,
)

# Accepted, accepted with an event, refused.
A, E, R = (True, False), (True, True), (False, True)
_SITUATIONS = {
    policy.GOOD: (A, A, A, A, A),
    policy.REVOKED: (R, R, R, R, R),
    policy.UNKNOWN: (R, R, R, E, E),
    policy.STALE: (R, R, R, R, E),
    policy.EARLY: (R, R, R, R, E),
    policy.SIGNATURE: (R, R, R, R, R),
    policy.OTHER: (R, R, R, R, R),
    policy.UNREACHABLE: (R, R, R, R, E),
    policy.UNUSABLE: (R, R, R, R, E),
    policy.NO_SOURCE: (R, E, E, E, E),
    policy.UNSTAPLED: (R, R, R, R, R),
    policy.UNSEEN: (R, R, R, R, R),
    policy.UNREADABLE: (R, R, R, R, R),
}


def worst_of(*reasons):
    return worst(map(Status, reasons)).reason


class Decisions(SynchronousTestCase):
    def test_each_situation_under_each_policy(self):
        words = (REQUIRE_GOOD, STRICT, DENY_UNKNOWN, ALLOW_UNKNOWN, SOFT)
        for reason, expected in _SITUATIONS.items():
            for word, (accepted, event) in zip(words, expected, strict=True):
                about = "" if reason == policy.GOOD else "is so"
                found = decide(word, Status(reason, "is so"))
                self.assertEqual(found, Verdict(accepted, reason, event, about), (word, reason))

    def test_all_must_accept_and_the_worst_refusal_is_told(self):
        good, none = decide(SOFT, Status(policy.GOOD)), decide(SOFT, Status(policy.NO_SOURCE))
        revoked, stale = (
            decide(SOFT, Status(policy.REVOKED)),
            decide(STRICT, Status(policy.STALE)),
        )
        soft_signature = decide(STRICT, Status(policy.UNKNOWN))
        for verdicts, expected in (
            ((), UNASKED),
            ((good, UNASKED), good),
            ((good, none), none),
            ((none, stale, good), stale),
            ((stale, revoked, good), revoked),
            ((good, soft_signature, none, stale), soft_signature),
        ):
            self.assertEqual(together(verdicts), expected)
            self.assertEqual(together(reversed(verdicts)), expected)

    def test_a_revocation_counts_before_any_other_finding(self):
        for reason in _SITUATIONS:
            self.assertEqual(worst_of(reason, policy.REVOKED, policy.GOOD), policy.REVOKED)
            self.assertEqual(worst_of(policy.GOOD, reason), reason)

    def test_attacks_count_before_outages(self):
        for outage in (policy.UNREACHABLE, policy.UNUSABLE, policy.STALE, policy.EARLY):
            self.assertEqual(worst_of(outage, policy.SIGNATURE), policy.SIGNATURE)
            self.assertEqual(worst_of(policy.OTHER, outage), policy.OTHER)


class Sources(SynchronousTestCase):
    def test_their_order_is_as_the_word_says(self):
        named = ("http://a/", "http://b/")
        for word, expected in (
            (IGNORE, "o"),
            (USE, "oab"),
            (PREFER, "abo"),
            (TRUST, "abo"),
        ):
            found = sources(word, "http://o/", named)
            self.assertEqual("".join(url[7] for url in found), expected, word)

    def test_none_is_asked_twice(self):
        self.assertEqual(sources(USE, "http://a/", ("http://a/", "http://a/")), ("http://a/",))

    def test_nothing_configured_and_nothing_named_is_none(self):
        self.assertEqual(sources(IGNORE, "", ("http://a/",)), ())
        self.assertEqual(sources(PREFER, "", ()), ())


class Rules(SynchronousTestCase):
    def test_nothing_is_asked_unless_it_is_configured(self):
        self.assertFalse(RevocationPolicy().active)
        for active in (
            RevocationPolicy(OcspRules(url="http://a/")),
            RevocationPolicy(OcspRules(from_cert=USE)),
            RevocationPolicy(OcspRules(required=REQUIRE_GOOD)),
            RevocationPolicy(crl=CrlRules(url="file:///a")),
            RevocationPolicy(crl=CrlRules(from_cert=TRUST)),
            RevocationPolicy(stapling=True),
        ):
            self.assertTrue(active.active, active)
