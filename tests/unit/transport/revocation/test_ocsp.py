"""OCSP: the question, and answers that are right, hostile, of another time, or no answers."""

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509 import ocsp as library
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.transport.revocation import ocsp
from acra_twisted.transport.revocation.policy import (
    EARLY,
    GOOD,
    OTHER,
    REVOKED,
    SIGNATURE,
    STALE,
    UNKNOWN,
    UNUSABLE,
    OcspRules,
)
from tests.support.issued import DAY, HOUR, NOW, period
from tests.support.revocation import (
    OCSP_SIGNING,
    Revoker,
    moment,
    subject_of_vectors,
    unbase,
    vectors,
)

RULES = OcspRules()
AT = NOW.timestamp()
#: The finding for each of the vectors' answers that is not usable.
_UNUSABLE = {
    "stale, nextUpdate one hour ago": STALE,
    "thisUpdate in one hour": EARLY,
    "no nextUpdate, eight days old": STALE,
    "about another serial": OTHER,
    "right serial, other issuer key": OTHER,
    "signed by another CA of the same name": SIGNATURE,
    "delegated signer without OCSPSigning": SIGNATURE,
    "delegated signer of another CA": SIGNATURE,
    "delegated signer, certificate absent": SIGNATURE,
    "nonce of another": UNUSABLE,
    "tryLater": UNUSABLE,
    "unauthorized": UNUSABLE,
    "garbage": UNUSABLE,
}


class Vectors(SynchronousTestCase):
    def test_each_answer_is_judged_to_the_letter(self):
        texts = vectors()["ocsp"]
        subject, now = subject_of_vectors(), moment(texts["now"])
        nonce = bytes.fromhex(texts["asked_nonce"])
        self.assertEqual(len(texts["cases"]), 22)
        for case in texts["cases"]:
            found = ocsp.judge(unbase(case["response_b64"]), subject, now, RULES, nonce)
            expected = case["verdict"]
            if expected == "unusable":
                expected = _UNUSABLE[case["name"]]
            self.assertEqual(found.reason, expected, case["name"])
            self.assertEqual(found.about == "", expected == GOOD)

    def test_an_answer_stands_until_its_next_update_and_the_skew(self):
        texts = vectors()["ocsp"]
        subject, now = subject_of_vectors(), moment(texts["now"])
        answer = unbase(texts["cases"][0]["response_b64"])
        end = ocsp.judge(answer, subject, now, RULES).end
        self.assertGreater(end, now)
        self.assertEqual(ocsp.judge(answer, subject, end, RULES).reason, GOOD)
        self.assertEqual(ocsp.judge(answer, subject, end + 1, RULES).reason, STALE)


class Signers(SynchronousTestCase):
    def setUp(self):
        self.revoker = Revoker()
        self.leaf = self.revoker.leaf()

    def judged(self, answer, rules=RULES):
        return ocsp.judge(answer, self.leaf.subject, AT, rules).reason

    def test_a_delegate_signs_for_the_issuer_while_its_certificate_is_valid(self):
        delegate = self.revoker.leaf("responder", usages=[OCSP_SIGNING])
        answer = self.revoker.answer(self.leaf, signer=delegate, includes=[delegate.certificate])
        self.assertEqual(self.judged(answer), GOOD)
        past = self.revoker.leaf("past", usages=[OCSP_SIGNING], when=period(-9, -1))
        answer = self.revoker.answer(self.leaf, signer=past, includes=[past.certificate])
        self.assertEqual(self.judged(answer), SIGNATURE)

    def test_trust_ends_with_the_delegates_certificate(self):
        short = self.revoker.leaf("responder", usages=[OCSP_SIGNING], when=period(-1, 1))
        answer = self.revoker.answer(
            self.leaf, signer=short, includes=[short.certificate], end=NOW + 9 * DAY
        )
        found = ocsp.judge(answer, self.leaf.subject, AT, RULES)
        self.assertEqual(found.end, (NOW + DAY).timestamp())

    def test_a_signer_that_is_not_included_must_be_pinned(self):
        delegate = self.revoker.leaf("responder", usages=[OCSP_SIGNING])
        answer = self.revoker.answer(self.leaf, signer=delegate)
        self.assertEqual(self.judged(answer), SIGNATURE)
        pinned = OcspRules(signer=delegate.certificate)
        self.assertEqual(self.judged(answer, pinned), GOOD)

    def test_a_pinned_signer_is_no_other(self):
        other = Revoker().leaf("responder", usages=[OCSP_SIGNING])
        delegate = self.revoker.leaf("responder", usages=[OCSP_SIGNING])
        answer = self.revoker.answer(self.leaf, signer=delegate)
        self.assertEqual(self.judged(answer, OcspRules(signer=other.certificate)), SIGNATURE)

    def test_a_peer_cannot_sign_for_itself(self):
        answer = self.revoker.answer(self.leaf, signer=self.leaf, includes=[self.leaf.certificate])
        self.assertEqual(self.judged(answer), SIGNATURE)

    def test_a_changed_answer_is_refused(self):
        answer = self.revoker.answer(self.leaf, "revoked")
        place = answer.index(b"\x18\x0f") + 4
        changed = answer[:place] + b"1" + answer[place + 1 :]
        self.assertNotEqual(answer, changed)
        self.assertEqual(self.judged(changed), SIGNATURE)


class Contents(SynchronousTestCase):
    def setUp(self):
        self.revoker = Revoker()
        self.leaf = self.revoker.leaf()

    def judged(self, answer, rules=RULES, nonce=b""):
        return ocsp.judge(answer, self.leaf.subject, AT, rules, nonce)

    def test_a_revocation_counts_however_old_it_is(self):
        old = self.revoker.answer(self.leaf, "revoked", NOW - 90 * DAY, NOW - 80 * DAY)
        found = self.judged(old)
        self.assertEqual(found.reason, REVOKED)
        self.assertIn("was revoked on", found.about)

    def test_certificates_may_be_named_by_other_hashes(self):
        for algorithm in (hashes.SHA256(), hashes.SHA384(), hashes.SHA512()):
            answer = self.revoker.answer(self.leaf, algorithm=algorithm)
            self.assertEqual(self.judged(answer).reason, GOOD)

    def test_another_issuer_of_the_same_name_is_another(self):
        answer = self.revoker.answer(self.leaf, issuer=Revoker().certificate)
        self.assertEqual(self.judged(answer).reason, OTHER)

    def test_unknown_is_unknown(self):
        self.assertEqual(self.judged(self.revoker.answer(self.leaf, "unknown")).reason, UNKNOWN)

    def test_answers_without_an_end_have_an_age(self):
        answer = self.revoker.answer(self.leaf, begin=NOW - HOUR, end=None)
        self.assertEqual(self.judged(answer, OcspRules(max_age=7200)).reason, GOOD)
        self.assertEqual(self.judged(answer, OcspRules(max_age=600)).reason, STALE)

    def test_a_nonce_must_be_ours_and_must_be_there_if_it_is_required(self):
        strict = OcspRules(require_nonce=True)
        ours, other = b"0123456789abcdef", b"fedcba9876543210"
        for sent, rules, expected in (
            (b"", RULES, GOOD),
            (ours, RULES, GOOD),
            (other, RULES, UNUSABLE),
            (b"", strict, UNUSABLE),
            (ours, strict, GOOD),
        ):
            answer = self.revoker.answer(self.leaf, nonce=sent)
            self.assertEqual(self.judged(answer, rules, ours).reason, expected)

    def test_a_critical_extension_that_is_not_known_is_not_passed_over(self):
        strange = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
        for critical, expected in ((False, GOOD), (True, UNUSABLE)):
            answer = self.revoker.answer(self.leaf, extension=(strange, critical))
            self.assertEqual(self.judged(answer).reason, expected)

    def test_a_long_answer_is_not_read(self):
        answer = self.revoker.answer(self.leaf)
        self.assertEqual(self.judged(answer + b"\0" * ocsp.LIMIT).reason, UNUSABLE)


class Questions(SynchronousTestCase):
    def test_it_names_the_certificate_and_its_issuer(self):
        leaf = Revoker().leaf()
        asked = library.load_der_ocsp_request(ocsp.question(leaf.subject, b"n" * 16))
        self.assertEqual(asked.serial_number, leaf.certificate.serial_number)
        self.assertIsInstance(asked.hash_algorithm, hashes.SHA1)
        nonce = asked.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce
        self.assertEqual(nonce, b"n" * 16)
        self.assertEqual(len(ocsp.question(leaf.subject)), 69)


class Hostile(SynchronousTestCase):
    @given(st.binary(max_size=300))
    def test_bytes_are_an_unusable_answer(self, data):
        subject, now = subject_of_vectors(), moment(vectors()["ocsp"]["now"])
        self.assertNotIn(ocsp.judge(data, subject, now, RULES).reason, (GOOD, REVOKED))

    @given(st.data())
    def test_a_changed_answer_never_raises_nor_says_good_when_it_is_not(self, data):
        texts = vectors()["ocsp"]
        subject, now = subject_of_vectors(), moment(texts["now"])
        case = data.draw(st.sampled_from(texts["cases"]))
        answer = bytearray(unbase(case["response_b64"]))
        for _ in range(data.draw(st.integers(1, 4))):
            place = data.draw(st.integers(0, max(len(answer) - 1, 0)))
            if answer and data.draw(st.booleans()):
                answer[place] = data.draw(st.integers(0, 255))
            else:
                del answer[place : place + data.draw(st.integers(1, 9))]
        found = ocsp.judge(bytes(answer), subject, now, RULES)
        if case["verdict"] != "good" and case["name"] != "nonce of another":
            self.assertNotEqual(found.reason, GOOD)

    def test_nobody_is_warned_of_odd_names(self):
        """A name becomes a country, which has two letters."""
        texts = vectors()["ocsp"]
        subject, now = subject_of_vectors(), moment(texts["now"])
        changed = 0
        for case in texts["cases"]:
            answer = unbase(case["response_b64"])
            odd = answer.replace(b"\x06\x03\x55\x04\x03", b"\x06\x03\x55\x04\x06")
            changed += odd != answer
            ocsp.judge(odd, subject, now, RULES)
        self.assertGreater(changed, 0)
        self.assertEqual(self.flushWarnings(), [])


class Moments(SynchronousTestCase):
    def test_the_vectors_are_of_one_moment(self):
        moments = {vectors()[name]["now"] for name in ("ocsp", "crl")}
        self.assertEqual(len(moments), 1)
        self.assertEqual(datetime.datetime.fromisoformat(moments.pop()).year, 2026)
