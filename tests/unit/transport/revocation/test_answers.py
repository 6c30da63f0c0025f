"""OCSP answers that are kept, and when it is asked again."""

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.transport.revocation import policy
from acra_twisted.transport.revocation.answers import OcspAnswers
from acra_twisted.transport.revocation.policy import (
    ALLOW_UNKNOWN,
    GOOD,
    IGNORE,
    NO_SOURCE,
    PREFER,
    REQUIRE_GOOD,
    REVOKED,
    SIGNATURE,
    STALE,
    TRUST,
    UNKNOWN,
    UNREACHABLE,
    UNUSABLE,
    USE,
    OcspRules,
)
from tests.support.issued import DAY, HOUR, NOW
from tests.support.revocation import Revoker, Servers, Time

OWN = "http://own.example/"
FIRST, SECOND = "http://first.example/", "http://second.example/"


class Answers(SynchronousTestCase):
    def setUp(self):
        self.time = Time()
        self.servers = Servers(self.time)
        self.revoker = Revoker(responders=[FIRST, SECOND])
        self.leaf = self.revoker.leaf()
        self.subject = self.leaf.subject

    def made(self, **rules):
        rules = {"url": OWN, **rules}
        return OcspAnswers(OcspRules(**rules), self.servers, self.time.now)

    def says(self, url, status="good", **options):
        self.servers.answers[url] = self.revoker.answer(self.leaf, status, **options)

    def found(self, answers):
        """Return the reason that is found, after asking if that is needed."""
        status = answers.find(self.subject)
        if status is None:
            self.successResultOf(answers.ask(self.subject))
            status = answers.find(self.subject)
        return status.reason

    def urls(self):
        asked, self.servers.asked = self.servers.asked, []
        return [url for url, _ in asked]


class Times(Answers):
    def test_a_good_answer_is_used_unasked_and_renewed_at_half_its_time(self):
        answers = self.made(cache_time=1000)
        self.says(OWN)
        self.assertEqual(self.found(answers), GOOD)
        self.assertEqual(self.urls(), [OWN])
        self.time.advance(499)
        self.assertEqual(self.found(answers), GOOD)
        self.assertEqual(self.urls(), [])
        self.time.advance(2)
        pending = self.servers.answers[OWN] = Deferred()
        self.assertEqual(answers.find(self.subject).reason, GOOD)
        self.assertEqual(answers.find(self.subject).reason, GOOD)
        self.assertEqual(self.urls(), [OWN])
        pending.callback(self.revoker.answer(self.leaf, "revoked"))
        self.assertEqual(answers.find(self.subject).reason, REVOKED)

    def test_after_its_time_it_is_asked_first(self):
        answers = self.made(cache_time=1000)
        self.says(OWN)
        self.found(answers)
        self.time.advance(1001)
        self.assertIsNone(answers.find(self.subject))

    def test_an_answer_is_used_no_longer_than_it_stands(self):
        answers = self.made(cache_time=9999)
        self.says(OWN, end=NOW + HOUR)
        self.found(answers)
        self.time.advance(3600 + 301)
        self.assertIsNone(answers.find(self.subject))
        self.assertEqual(self.found(answers), STALE)

    def test_a_good_answer_outlasts_a_responder_that_is_down(self):
        answers = self.made(cache_time=1000)
        self.says(OWN)
        self.found(answers)
        self.servers.answers[OWN] = UNREACHABLE
        self.time.advance(2000)
        self.assertEqual(self.found(answers), GOOD)
        self.assertEqual(self.urls(), [OWN, OWN])
        # Nobody waits for it: it is asked beside, every half minute.
        self.time.advance(31)
        self.assertEqual(answers.find(self.subject).reason, GOOD)
        self.assertEqual(self.urls(), [OWN])
        self.time.advance(DAY.total_seconds())
        self.assertEqual(self.found(answers), UNREACHABLE)

    def test_a_failure_is_kept_for_half_a_minute(self):
        answers = self.made()
        self.assertEqual(self.found(answers), UNREACHABLE)
        self.time.advance(29)
        self.says(OWN)
        self.assertEqual(self.found(answers), UNREACHABLE)
        self.time.advance(2)
        self.assertEqual(self.found(answers), GOOD)

    def test_unknown_is_kept_for_a_minute(self):
        answers = self.made()
        self.says(OWN, "unknown")
        self.assertEqual(self.found(answers), UNKNOWN)
        self.time.advance(61)
        self.says(OWN)
        self.assertEqual(self.found(answers), GOOD)


class Revocations(Answers):
    def test_it_holds_until_a_good_answer_replaces_it(self):
        answers = self.made()
        self.says(OWN, "revoked", end=NOW + HOUR)
        self.assertEqual(self.found(answers), REVOKED)
        for reason in (UNREACHABLE, UNUSABLE):
            self.servers.answers[OWN] = reason
            self.time.advance(2 * 86400)
            self.assertEqual(self.found(answers), REVOKED)
        self.time.advance(31)
        later = self.time.now() - NOW.timestamp()
        self.says(OWN, begin=NOW + later * HOUR / 3600, end=NOW + 9 * DAY)
        self.assertEqual(self.found(answers), REVOKED)  # and it is asked meanwhile
        self.assertEqual(self.found(answers), GOOD)

    def test_an_older_good_answer_does_not_undo_it(self):
        answers = self.made()
        self.says(OWN, "revoked", begin=NOW - HOUR / 2, end=NOW + HOUR)
        self.assertEqual(self.found(answers), REVOKED)
        self.says(OWN, begin=NOW - HOUR)
        self.time.advance(2 * 3600)
        self.assertEqual(self.found(answers), REVOKED)
        self.assertEqual(self.found(answers), REVOKED)

    def test_a_good_answer_of_the_same_time_does_not_undo_it(self):
        answers = self.made()
        self.says(OWN, "revoked")
        self.assertEqual(self.found(answers), REVOKED)
        self.says(OWN)
        self.successResultOf(answers.ask(self.subject))
        self.assertEqual(self.found(answers), REVOKED)

    def test_it_outlives_other_rules(self):
        answers = self.made()
        self.says(OWN, "revoked")
        self.found(answers)
        other = answers.with_rules(OcspRules(url=FIRST))
        self.assertEqual(other.revoked(self.subject).reason, REVOKED)
        self.assertIsNone(self.made().revoked(self.subject))

    def test_a_stale_revocation_is_one(self):
        answers = self.made()
        self.says(OWN, "revoked", begin=NOW - 9 * DAY, end=NOW - 8 * DAY)
        self.assertEqual(self.found(answers), REVOKED)


class Stapled(Answers):
    def test_one_that_is_repeated_is_renewed_as_the_first(self):
        answers = self.made(cache_time=1000)
        stapled = policy.Status(GOOD, "", NOW.timestamp(), (NOW + DAY).timestamp())
        for _ in range(3):
            answers.take_stapled(self.subject, stapled)
            answers.find(self.subject)
            self.time.advance(400)
        self.assertEqual(self.urls(), [OWN])

    def test_only_what_is_usable_and_newer_is_kept(self):
        answers = self.made()
        self.says(OWN)
        self.found(answers)
        begin, end = NOW.timestamp(), (NOW + DAY).timestamp()
        for reason, when, expected in (
            (UNKNOWN, begin - 7200, GOOD),
            (SIGNATURE, 0, GOOD),
            (UNKNOWN, begin, UNKNOWN),
            (GOOD, begin, UNKNOWN),
            (GOOD, begin + 1, GOOD),
            (REVOKED, begin - 86400, REVOKED),
            (GOOD, begin - 86400, REVOKED),
        ):
            answers.take_stapled(self.subject, policy.Status(reason, "", when, end))
            self.assertEqual(answers.find(self.subject).reason, expected)

    def test_where_a_nonce_is_required_a_revocation_alone_counts(self):
        answers = self.made(require_nonce=True)
        for reason, expected in ((GOOD, None), (UNKNOWN, None), (REVOKED, REVOKED)):
            answers.take_stapled(self.subject, policy.Status(reason, "", 1, self.time.now() + 9))
            found = answers.find(self.subject)
            self.assertEqual(found if found is None else found.reason, expected)


class Responders(Answers):
    def asked(self, **rules):
        reason = self.found(self.made(**rules))
        return reason, self.urls()

    def test_the_first_usable_answer_decides(self):
        self.says(SECOND)
        expected = (GOOD, [FIRST, SECOND])
        self.assertEqual(self.asked(from_cert=PREFER), expected)
        self.assertEqual(self.asked(from_cert=USE), (GOOD, [OWN, FIRST, SECOND]))
        self.assertEqual(self.asked(from_cert=IGNORE), (UNREACHABLE, [OWN]))
        self.says(FIRST, "unknown")
        self.assertEqual(self.asked(from_cert=PREFER), (UNKNOWN, [FIRST]))

    def test_the_worst_failure_counts_if_none_is_usable(self):
        self.servers.answers[FIRST] = Revoker().answer(self.leaf)
        found = self.asked(from_cert=PREFER, required=ALLOW_UNKNOWN)
        self.assertEqual(found, (SIGNATURE, [FIRST, SECOND, OWN]))

    def test_all_must_be_good_if_good_is_required(self):
        for url in (FIRST, SECOND):
            self.says(url)
        rules = {"required": REQUIRE_GOOD}
        everybody = [FIRST, SECOND, OWN]
        self.assertEqual(self.asked(from_cert=PREFER, **rules), (UNREACHABLE, everybody))
        self.assertEqual(self.asked(from_cert=TRUST, **rules), (GOOD, [FIRST, SECOND]))
        self.servers.answers[SECOND] = UNREACHABLE
        self.assertEqual(self.asked(from_cert=TRUST, **rules), (UNREACHABLE, everybody))

    def test_nobody_to_ask_is_a_finding(self):
        self.assertEqual(self.asked(url="", required=REQUIRE_GOOD), (NO_SOURCE, []))

    def test_the_configured_one_is_asked_about_leaves_alone(self):
        answers = self.made()
        self.subject.is_leaf = False
        self.assertEqual(answers.find(self.subject).reason, NO_SOURCE)
        self.assertTrue(answers.concerns(self.subject))
        self.assertFalse(self.made(only_leaf=True).concerns(self.subject))

    def test_addresses_of_certificates_are_told_from_configured_ones(self):
        self.asked(from_cert=USE)
        self.found(self.made(from_cert=USE))
        self.assertEqual(self.servers.asked, [(OWN, False), (FIRST, True), (SECOND, True)])

    def test_a_nonce_is_asked_for_where_it_is_required(self):
        sizes = []
        self.servers.answers[OWN] = lambda body: sizes.append(len(body)) or UNREACHABLE
        self.asked()
        self.asked(require_nonce=True)
        self.assertGreater(sizes[1], sizes[0] + 16)

    def test_memory_is_bounded(self):
        answers = self.made()
        self.says(OWN)
        subject = self.subject
        for number in range(12_000):
            subject.key = number.to_bytes(40, "big")
            answers.take(subject, policy.Status(REVOKED, "", 1, self.time.now() + 9))
        kept = sum(
            answers.revoked(subject) is not None
            for subject.key in (number.to_bytes(40, "big") for number in range(12_000))
        )
        self.assertLessEqual(kept, 10_000)
        self.assertGreater(kept, 1_000)
