"""Verdicts on the certificates of peers."""

from hashlib import sha256

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import ConfigError
from acra_twisted.transport.revocation.checker import PERIOD, RevocationChecker
from acra_twisted.transport.revocation.policy import (
    GOOD,
    NO_SOURCE,
    REQUIRE_GOOD,
    REVOKED,
    SIGNATURE,
    SOFT,
    STALE,
    UNASKED,
    UNKNOWN,
    UNREACHABLE,
    UNREADABLE,
    UNSTAPLED,
    USE,
    CrlRules,
    OcspRules,
    RevocationPolicy,
)
from tests.support.issued import DAY, HOUR, NOW
from tests.support.revocation import Revoker, Servers, Time, der

ASKED, LISTED = "http://asked.example/", "http://listed.example/"
BY_OCSP = RevocationPolicy(OcspRules(url=ASKED))
BY_LIST = RevocationPolicy(crl=CrlRules(url=LISTED))
BY_BOTH = RevocationPolicy(BY_OCSP.ocsp, BY_LIST.crl)
SOFTLY = RevocationPolicy(OcspRules(url=ASKED, required=SOFT))
STAPLED = RevocationPolicy(stapling=True)


class Checking(SynchronousTestCase):
    def setUp(self):
        self.time = Time()
        self.servers = Servers(self.time)
        self.revoker = Revoker()
        self.leaf = self.revoker.leaf()
        self.revoked = []

    def made(self, policy, **options):
        checker = RevocationChecker(
            policy,
            self.servers,
            reactor=self.time,
            authorities=[self.revoker.certificate],
            now=self.time.now,
            **{"on_revoked": self.revoked.append, **options},
        )
        self.addCleanup(checker.stop)
        return checker

    def says(self, status="good", leaf=None, **options):
        answer = self.revoker.answer(leaf or self.leaf, status, **options)
        self.servers.answers[ASKED] = answer

    def lists(self, *leaves, **options):
        self.servers.answers[LISTED] = self.revoker.list(*leaves, **options)

    def judged(self, checker, leaf=None, staple=b""):
        found = checker.verdict((leaf or self.leaf).chain, staple)
        return self.successResultOf(found) if isinstance(found, Deferred) else found


class Verdicts(Checking):
    def test_nothing_configured_is_nothing_asked(self):
        checker = self.made(RevocationPolicy())
        self.successResultOf(checker.start())
        self.assertEqual(checker.verdict([b"leaf", b"root"]), UNASKED)
        self.successResultOf(checker.reload())()

    def test_what_is_known_is_told_at_once(self):
        checker = self.made(BY_OCSP)
        self.says()
        self.assertIsInstance(checker.verdict(self.leaf.chain), Deferred)
        found = checker.verdict(self.leaf.chain)
        self.assertEqual((found.accepted, found.reason, found.event), (True, GOOD, False))
        self.assertEqual(len(self.servers.asked), 1)
        self.assertEqual(checker.last_good, NOW.timestamp())

    def test_both_kinds_of_sources_must_accept(self):
        for status, listed, accepted, reason in (
            ("good", [], True, GOOD),
            ("good", [self.leaf], False, REVOKED),
            ("revoked", [], False, REVOKED),
            ("unknown", [self.leaf], False, REVOKED),
            ("unknown", [], False, "unknown"),
        ):
            self.says(status)
            self.lists(*listed)
            found = self.judged(self.made(BY_BOTH))
            self.assertEqual((found.accepted, found.reason), (accepted, reason))

    def test_a_revocation_that_is_known_waits_for_no_other_source(self):
        checker = self.made(BY_BOTH)
        self.servers.answers[ASKED] = Deferred()
        self.lists(self.leaf)
        self.assertNoResult(checker.verdict(self.leaf.chain))
        self.assertEqual(checker.verdict(self.leaf.chain).reason, REVOKED)

    def test_an_intermediate_that_is_revoked_is_as_bad(self):
        checker = self.made(RevocationPolicy(crl=CrlRules(from_cert=USE)))
        root = Revoker("Root", points=[LISTED])
        middle = root.leaf("middle")
        chain = [der(self.leaf.certificate), der(middle.certificate), der(root.certificate)]
        self.servers.answers[LISTED] = root.list(middle)
        found = self.successResultOf(checker.verdict(chain))
        self.assertEqual((found.accepted, found.reason), (False, REVOKED))
        self.assertIn("has an issuer (CN=middle) whose certificate was revoked", found.about)
        leaf_alone = RevocationPolicy(crl=CrlRules(from_cert=USE, only_leaf=True))
        found = self.made(leaf_alone).verdict(chain)
        self.assertEqual((found.accepted, found.reason), (True, NO_SOURCE))

    def test_a_peer_that_is_trusted_itself_is_not_asked_about(self):
        self.assertEqual(self.made(BY_BOTH).verdict(self.leaf.chain[1:]), UNASKED)
        self.assertEqual(self.servers.asked, [])

    def test_certificates_that_cannot_be_read_are_refused_by_every_policy(self):
        for policy in (BY_OCSP, SOFTLY):
            for chain in ([], [b"x", b"y"], [self.leaf.chain[0], b""]):
                found = self.made(policy).verdict(chain)
                self.assertEqual((found.accepted, found.reason), (False, UNREADABLE))

    def test_what_a_soft_policy_accepts_is_an_event_once_an_hour(self):
        checker = self.made(SOFTLY)
        found = [self.judged(checker) for _ in range(3)]
        self.assertEqual({one.reason for one in found}, {UNREACHABLE})
        self.assertEqual([one.event for one in found], [True, False, False])
        self.assertTrue(all(one.accepted for one in found))
        self.assertTrue(self.judged(checker, self.revoker.leaf()).event)
        self.time.advance(3601)
        self.assertTrue(self.judged(checker).event)

    def test_an_acceptance_that_nobody_was_told_of_is_an_event_again(self):
        checker = self.made(SOFTLY)
        first = self.judged(checker)
        checker.untold(self.leaf.chain[0], first)
        second = self.judged(checker)
        self.assertEqual((first.event, second.event), (True, True))
        checker.untold(self.leaf.chain[0], self.judged(checker))
        self.assertFalse(self.judged(checker).event)
        checker.untold(b"never seen", first)

    def test_every_refusal_is_an_event(self):
        checker = self.made(BY_OCSP)
        self.assertEqual([self.judged(checker)[::2] for _ in range(2)], [(False, True)] * 2)

    def test_a_verdict_that_is_not_waited_for_is_by_what_is_known(self):
        for policy, accepted in ((BY_OCSP, False), (SOFTLY, True)):
            checker = self.made(policy)
            pending = self.servers.answers[ASKED] = Deferred()
            found = checker.verdict(self.leaf.chain)
            found.cancel()
            verdict = self.successResultOf(found)
            self.assertEqual((verdict.accepted, verdict.reason), (accepted, UNREACHABLE))
            pending.callback(self.revoker.answer(self.leaf))
            self.assertEqual(checker.verdict(self.leaf.chain).reason, GOOD)


class Staples(Checking):
    def test_a_staple_answers_without_a_question(self):
        checker = self.made(RevocationPolicy(BY_OCSP.ocsp, stapling=True))
        staple = self.revoker.answer(self.leaf)
        self.assertEqual(checker.verdict(self.leaf.chain, staple).reason, GOOD)
        self.assertEqual(checker.verdict(self.leaf.chain).reason, GOOD)
        self.assertEqual(self.servers.asked, [])

    def test_a_staple_that_proves_nothing_leaves_the_question(self):
        self.says()
        checker = self.made(RevocationPolicy(BY_OCSP.ocsp, stapling=True))
        forged = Revoker().answer(self.leaf)
        self.assertEqual(self.judged(checker, staple=forged).reason, GOOD)
        self.assertEqual(len(self.servers.asked), 1)

    def test_one_that_is_repeated_does_not_keep_the_responder_from_being_asked(self):
        checker = self.made(RevocationPolicy(OcspRules(url=ASKED, cache_time=100), stapling=True))
        staple = self.revoker.answer(self.leaf)
        self.says("revoked", begin=NOW)
        for _ in range(3):
            found = self.judged(checker, staple=staple)
            self.time.advance(51)
        self.assertEqual(found.reason, REVOKED)

    def test_an_older_one_does_not_replace_what_is_known(self):
        checker = self.made(RevocationPolicy(BY_OCSP.ocsp, stapling=True))
        self.says("unknown")
        self.assertEqual(self.judged(checker).reason, UNKNOWN)
        older = self.revoker.answer(self.leaf, begin=NOW - 2 * HOUR)
        self.assertEqual(self.judged(checker, staple=older).reason, UNKNOWN)
        newer = self.revoker.answer(self.leaf, begin=NOW)
        self.assertEqual(self.judged(checker, staple=newer).reason, GOOD)

    def test_it_is_no_answer_where_a_nonce_is_required(self):
        rules = OcspRules(url=ASKED, require_nonce=True)
        checker = self.made(RevocationPolicy(rules, stapling=True))
        good, revoked = (self.revoker.answer(self.leaf, status) for status in ("good", "revoked"))
        self.assertEqual(self.judged(checker, staple=good).reason, UNREACHABLE)
        self.assertEqual(self.judged(checker, staple=revoked).reason, REVOKED)

    def test_a_good_one_counts_until_it_ends(self):
        required = RevocationPolicy(OcspRules(required=REQUIRE_GOOD), stapling=True)
        for policy, afterwards in ((required, NO_SOURCE), (STAPLED, "")):
            checker = self.made(policy)
            self.time.rightNow = 0.0
            self.assertEqual(
                self.judged(checker, staple=self.revoker.answer(self.leaf)).reason, GOOD
            )
            self.time.advance(3600)
            self.assertEqual(self.judged(checker).reason, GOOD)
            self.time.advance(2 * 86400)
            self.assertEqual(self.judged(checker).reason, afterwards)

    def test_without_anybody_to_ask_it_counts(self):
        stale = self.revoker.answer(self.leaf, begin=NOW - 9 * DAY, end=NOW - DAY)
        required = RevocationPolicy(OcspRules(required=REQUIRE_GOOD), stapling=True)
        for policy in (STAPLED, required):
            for staple, accepted, reason in (
                (stale, False, STALE),
                (Revoker().answer(self.leaf), False, SIGNATURE),
                (self.revoker.answer(self.leaf, "revoked"), False, REVOKED),
                (self.revoker.answer(self.leaf), True, GOOD),
            ):
                found = self.made(policy).verdict(self.leaf.chain, staple)
                self.assertEqual((found.accepted, found.reason), (accepted, reason))
        self.assertEqual(self.made(STAPLED).verdict(self.leaf.chain), UNASKED)
        self.assertEqual(self.made(required).verdict(self.leaf.chain).reason, NO_SOURCE)

    def test_a_certificate_that_promises_a_staple_is_refused_without(self):
        leaf = self.revoker.leaf(must_staple=True)
        softly = RevocationPolicy(SOFTLY.ocsp, stapling=True)
        for policy in (STAPLED, softly):
            checker = self.made(policy)
            found = self.judged(checker, leaf)
            self.assertEqual((found.accepted, found.reason), (False, UNSTAPLED))
            staple = self.revoker.answer(leaf)
            self.assertTrue(self.judged(checker, leaf, staple).accepted)
            # A resumed session has none, and the one before stands.
            self.assertTrue(self.judged(checker, leaf).accepted)
            self.time.rightNow = 2 * 86400.0
            self.assertEqual(self.judged(checker, leaf).reason, UNSTAPLED)
            self.time.rightNow = 0.0
        self.says(leaf=leaf)
        self.assertTrue(self.judged(self.made(BY_OCSP), leaf).accepted)


class Resumed(Checking):
    def test_the_chain_of_a_leaf_is_remembered(self):
        checker = self.made(BY_OCSP)
        self.assertIsNone(checker.known(self.leaf.chain[0]))
        self.judged(checker)
        self.assertEqual(tuple(checker.known(self.leaf.chain[0])), self.leaf.chain)

    def test_no_more_peers_are_remembered_than_may_be(self):
        checker = self.made(STAPLED, peers=10)
        leaves = [self.leaf, *(self.revoker.leaf() for _ in range(30))]
        for leaf in leaves:
            checker.verdict(leaf.chain)
        known = [leaf for leaf in leaves if checker.known(leaf.chain[0]) is not None]
        self.assertLessEqual(len(known), 10)
        self.assertNotIn(self.leaf, known)
        self.assertIn(leaves[-1], known)


class Following(Checking):
    def test_open_sessions_are_told_when_their_certificate_is_revoked(self):
        checker = self.made(BY_LIST)
        self.lists()
        self.successResultOf(checker.start())
        self.judged(checker)
        told = []
        checker.follow(self.leaf.chain[0], lambda: told.append("first"))
        end = checker.follow(self.leaf.chain[0], lambda: told.append("second"))
        end()
        end()
        self.time.advance(PERIOD)
        self.assertEqual(told, [])
        self.lists(self.leaf)
        for _ in range(370):
            self.time.advance(PERIOD)
        self.assertEqual(told, ["first"])
        self.assertEqual(self.revoked, [sha256(self.leaf.chain[0]).digest()])

    def test_their_certificates_are_asked_about_without_new_connections(self):
        checker = self.made(BY_OCSP)
        self.says()
        self.successResultOf(checker.start())
        self.judged(checker)
        told = []
        checker.follow(self.leaf.chain[0], lambda: told.append(1))
        self.says("revoked")
        for _ in range(181):
            self.time.advance(PERIOD)
        self.assertEqual(told, [1])

    def test_a_peer_that_shows_other_issuers_is_judged_by_these(self):
        checker = self.made(RevocationPolicy(crl=CrlRules(from_cert=USE)))
        self.successResultOf(checker.start())
        root = Revoker("Root", points=[LISTED])
        middle = root.leaf("middle")
        ends = (der(middle.certificate), der(root.certificate))
        chains = [self.leaf.chain, (self.leaf.chain[0], *ends)]
        told = []
        self.servers.answers[LISTED] = root.list()
        for chain in chains:
            checker.verdict(chain)
            self.assertEqual(tuple(checker.known(chain[0])), chain)
            checker.follow(chain[0], lambda: told.append(1))
        self.servers.answers[LISTED] = root.list(middle)
        for _ in range(370):
            self.time.advance(PERIOD)
        self.assertEqual(told, [1, 1])

    def test_nobody_is_asked_about_when_sessions_are_over(self):
        checker = self.made(BY_OCSP)
        self.says()
        self.successResultOf(checker.start())
        self.judged(checker)
        checker.follow(self.leaf.chain[0], lambda: None)()
        for _ in range(900):
            self.time.advance(PERIOD)
        self.assertEqual(len(self.servers.asked), 1)

    def test_a_certificate_that_was_not_seen_is_not_followed(self):
        checker = self.made(BY_OCSP)
        checker.follow(b"x", lambda: self.fail("never"))()

    def test_a_follower_that_breaks_leaves_the_others_watched(self):
        checker = self.made(BY_LIST)
        self.lists()
        self.successResultOf(checker.start())
        other, told = self.revoker.leaf(), []
        for leaf in (self.leaf, other):
            self.judged(checker, leaf)
        checker.follow(self.leaf.chain[0], lambda: 1 / 0)
        checker.follow(other.chain[0], lambda: told.append(1))
        self.lists(self.leaf, other)
        for _ in range(370):
            self.time.advance(PERIOD)
        self.assertEqual(told, [1])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_a_session_that_breaks_leaves_no_other_of_its_certificate_open(self):
        checker = self.made(BY_LIST, on_revoked=lambda fingerprint: 1 / 0)
        self.lists()
        self.successResultOf(checker.start())
        self.judged(checker)
        told = []
        for revoked in (lambda: told.append(1), lambda: 1 / 0, lambda: told.append(2)):
            checker.follow(self.leaf.chain[0], revoked)
        self.lists(self.leaf)
        self.successResultOf(checker.reload())()
        self.assertEqual(told, [1, 2])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 2)
        self.assertFalse(self.judged(checker).accepted)

    def test_one_function_may_stand_for_several_sessions(self):
        checker = self.made(BY_LIST)
        self.lists()
        self.judged(checker)
        told = []

        def revoked():
            told.append(1)

        ends = [checker.follow(self.leaf.chain[0], revoked) for _ in range(3)]
        ends[1]()
        ends[1]()
        self.lists(self.leaf)
        self.successResultOf(checker.reload())()
        self.assertEqual(told, [1, 1])

    def test_a_revocation_is_told_once(self):
        checker = self.made(BY_OCSP)
        self.says("revoked")
        for _ in range(3):
            self.assertEqual(self.judged(checker).reason, REVOKED)
        self.assertEqual(len(self.revoked), 1)


class Starting(Checking):
    def test_a_strict_policy_needs_its_list(self):
        failure = self.failureResultOf(self.made(BY_LIST).start(), ConfigError)
        self.assertIn(f"tls_crl_url: {LISTED} cannot be used: so it is", str(failure.value))
        softly = RevocationPolicy(crl=CrlRules(url=LISTED, required=SOFT))
        self.successResultOf(self.made(softly).start())
        self.lists()
        checker = self.made(BY_LIST)
        self.successResultOf(checker.start())
        self.assertEqual([state.url for state in checker.lists], [LISTED])
        self.assertEqual(checker.verdict(self.leaf.chain).reason, GOOD)

    def test_without_authorities_it_must_be_a_list_at_least(self):
        def made():
            return RevocationChecker(BY_LIST, self.servers, reactor=self.time, now=self.time.now)

        self.failureResultOf(made().start(), ConfigError)
        self.lists()
        checker = made()
        self.successResultOf(checker.start())
        checker.stop()

    def test_reading_anew_is_all_or_nothing(self):
        checker = self.made(BY_LIST)
        self.lists()
        self.successResultOf(checker.start())
        self.servers.answers[LISTED] = b"<html>"
        self.failureResultOf(checker.reload(), ConfigError)
        self.assertEqual(checker.verdict(self.leaf.chain).reason, GOOD)
        self.servers.answers[ASKED] = self.revoker.list(self.leaf)
        commit = self.successResultOf(checker.reload(RevocationPolicy(crl=CrlRules(url=ASKED))))
        self.assertEqual(checker.policy, BY_LIST)
        self.assertEqual(checker.verdict(self.leaf.chain).reason, GOOD)
        commit()
        self.assertEqual(checker.verdict(self.leaf.chain).reason, REVOKED)
        self.lists()
        self.successResultOf(checker.reload(BY_LIST))()
        self.assertEqual(checker.verdict(self.leaf.chain).reason, GOOD)
        self.lists(self.leaf)
        self.successResultOf(checker.reload())()
        self.assertEqual(checker.verdict(self.leaf.chain).reason, REVOKED)

    def test_another_authority_has_its_own_list(self):
        checker = self.made(BY_LIST)
        self.lists()
        self.successResultOf(checker.start())
        self.revoker = Revoker("Another CA")
        self.lists()
        self.failureResultOf(checker.reload(), ConfigError)
        self.successResultOf(checker.reload(BY_LIST, [self.revoker.certificate]))()
        asked = len(self.servers.asked)
        self.assertEqual(checker.verdict(self.revoker.leaf().chain).reason, GOOD)
        self.assertEqual(len(self.servers.asked), asked)
        # Those authorities stay.
        self.lists()
        self.successResultOf(checker.reload())()

    def test_a_soft_policy_keeps_the_list_before_if_there_is_no_other(self):
        checker = self.made(RevocationPolicy(crl=CrlRules(url=LISTED, required=SOFT)))
        self.lists(self.leaf)
        self.successResultOf(checker.start())
        self.servers.answers[LISTED] = UNREACHABLE
        self.successResultOf(checker.reload())()
        found = self.judged(checker)
        self.assertEqual((found.accepted, found.reason), (False, REVOKED))

    def test_a_policy_that_comes_later_is_kept_fresh_as_well(self):
        checker = self.made(RevocationPolicy())
        self.successResultOf(checker.start())
        self.lists()
        self.successResultOf(checker.reload(BY_LIST))()
        self.servers.asked.clear()
        for _ in range(361):
            self.time.advance(PERIOD)
        self.assertEqual(self.servers.asked, [(LISTED, False)])

    def test_other_rules_hold_when_they_are_read(self):
        checker = self.made(BY_LIST)
        self.lists()
        self.successResultOf(checker.start())
        self.says("revoked")
        self.successResultOf(checker.reload(BY_BOTH))()
        self.assertEqual(self.judged(checker).reason, REVOKED)
