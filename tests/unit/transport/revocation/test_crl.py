"""Revocation lists: those that count, and those that prove nothing."""

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st
from OpenSSL import crypto
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.transport.revocation import crl, subjects
from acra_twisted.transport.revocation.policy import (
    EARLY,
    GOOD,
    OTHER,
    REVOKED,
    SIGNATURE,
    STALE,
    UNUSABLE,
)
from acra_twisted.transport.revocation.subjects import Issuers
from tests.support.issued import DAY, HOUR, NOW
from tests.support.revocation import Revoker, der, moment, subject_of_vectors, unbase, vectors

AT = NOW.timestamp()
#: Findings for OpenSSL's numbers: no list, revoked, its times, its signature, its scope.
_AS_OPENSSL = {
    0: GOOD,
    3: UNUSABLE,
    8: SIGNATURE,
    11: EARLY,
    12: STALE,
    23: REVOKED,
    36: UNUSABLE,
    44: UNUSABLE,
}
#: OpenSSL takes the first of two lists of one time; here the one with the higher number counts.
_OTHERWISE = {"same times: empty first": REVOKED}


def judged(data, subject, now):
    try:
        return crl.read(data, subject.issuer).judge(subject, now).reason
    except crl.ListUnfit as error:
        return error.found.reason


def pem(*lists):
    return b"".join(x509.load_der_x509_crl(each).public_bytes(Encoding.PEM) for each in lists)


class Vectors(SynchronousTestCase):
    def test_each_set_is_judged_as_openssl_judges_it(self):
        texts = vectors()["crl"]
        subject, now = subject_of_vectors(), moment(texts["now"])
        seen = 0
        for case in texts["cases"]:
            lists = [unbase(each) for each in case["crls_b64"]]
            if not lists or case["flags"] != 4:
                continue  # OpenSSL looks at none
            seen += 1
            expected = _OTHERWISE.get(case["name"], _AS_OPENSSL[case["openssl_error"]])
            data = lists[0] if len(lists) == 1 else pem(*lists)
            self.assertEqual(judged(data, subject, now), expected, case["name"])
        self.assertEqual(seen, 14)

    def test_lists_made_here_are_judged_as_openssl_judges_them(self):
        revoker = Revoker(points=["http://lists.example/a"])
        leaf = revoker.leaf()
        own = x509.UniformResourceIdentifier("http://lists.example/a")
        other = x509.UniformResourceIdentifier("http://lists.example/b")
        for data in (
            revoker.list(),
            revoker.list(leaf),
            revoker.list(leaf, begin=NOW - 9 * DAY, end=NOW - DAY),
            revoker.list(begin=NOW - 9 * DAY, end=NOW - DAY),
            revoker.list(begin=NOW + HOUR),
            Revoker().list(leaf),
            revoker.list(leaf, extensions=[(point([own]), True)]),
            revoker.list(extensions=[(point([own, other]), True)]),
            revoker.list(leaf, extensions=[(point([other]), True)]),
            revoker.list(leaf, extensions=[(point(None, users=True), True)]),
            revoker.list(leaf, extensions=[(point(None, authorities=True), True)]),
            revoker.list(extensions=[(x509.DeltaCRLIndicator(1), True)]),
        ):
            found = judged(data, leaf.subject, AT)
            expected = by_openssl(data, leaf)
            if found == REVOKED and expected == STALE:
                continue  # a revocation counts however old it is
            self.assertEqual(found, expected)


def point(names, users=False, authorities=False):
    return x509.IssuingDistributionPoint(names, None, users, authorities, None, False, False)


def relative_point():
    name = x509.RelativeDistinguishedName([x509.NameAttribute(NameOID.COMMON_NAME, "a")])
    return x509.IssuingDistributionPoint(None, name, False, False, None, False, False)


def key_usage(crl_sign):
    return x509.KeyUsage(False, False, False, False, False, True, crl_sign, False, False)


def by_openssl(data, leaf):
    """Return the finding of OpenSSL's own store."""
    store = crypto.X509Store()
    store.add_cert(crypto.X509.from_cryptography(leaf.subject.issuer))
    store.add_crl(x509.load_der_x509_crl(data))
    store.set_flags(crypto.X509StoreFlags.CRL_CHECK)
    store.set_time(NOW)
    certificate = crypto.X509.from_cryptography(leaf.certificate)
    try:
        crypto.X509StoreContext(store, certificate).verify_certificate()
    except crypto.X509StoreContextError as error:
        return _AS_OPENSSL[error.errors[0]]
    return GOOD


class Lists(SynchronousTestCase):
    def setUp(self):
        self.revoker = Revoker()
        self.leaf = self.revoker.leaf()

    def judged(self, data):
        return judged(data, self.leaf.subject, AT)

    def test_a_file_in_pem_form_may_hold_those_of_several_issuers(self):
        other = Revoker("Another CA")
        both = pem(other.list(), self.revoker.list(self.leaf))
        self.assertEqual(self.judged(both), REVOKED)
        self.assertEqual(judged(both, other.leaf().subject, AT), GOOD)
        self.assertEqual(self.judged(pem(other.list())), OTHER)

    def test_the_latest_of_an_issuer_counts(self):
        old = self.revoker.list(self.leaf, begin=NOW - 2 * HOUR, number=7)
        new = self.revoker.list(begin=NOW - HOUR, number=8)
        self.assertEqual(self.judged(pem(old, new)), GOOD)
        self.assertEqual(self.judged(pem(new, old)), GOOD)

    def test_a_forged_one_beside_the_right_one_does_not_count(self):
        forged = Revoker().list(begin=NOW - HOUR / 2)
        self.assertEqual(self.judged(pem(forged, self.revoker.list(self.leaf))), REVOKED)

    def test_a_revocation_counts_however_old_the_list_is(self):
        old = self.revoker.list(self.leaf, begin=NOW - 9 * DAY, end=NOW - 8 * DAY)
        self.assertEqual(self.judged(old), REVOKED)

    def test_a_list_of_one_issuer_says_nothing_of_another_of_its_name(self):
        listed = crl.read(self.revoker.list(), self.revoker.certificate)
        self.assertEqual(listed.judge(Revoker().leaf().subject, AT).reason, OTHER)

    def test_an_issuer_that_may_not_sign_lists_does_not(self):
        listed = self.revoker.list(self.leaf)
        for extensions, expected in (
            ((), REVOKED),
            ((key_usage(crl_sign=True),), REVOKED),
            ((key_usage(crl_sign=False),), UNUSABLE),
        ):
            issuer = self.revoker.another_certificate(*extensions)
            (subject,) = subjects.read([self.leaf.chain[0], der(issuer)], Issuers())
            self.assertEqual(judged(listed, subject, AT), expected)

    def test_points_without_an_address_prove_nothing(self):
        for data in (
            self.revoker.list(extensions=[(point([x509.DNSName("a")]), True)]),
            self.revoker.list(extensions=[(relative_point(), True)]),
        ):
            self.assertEqual(self.judged(data), UNUSABLE)

    def test_a_list_for_leaves_says_nothing_of_an_authority(self):
        users = self.revoker.list(extensions=[(point(None, users=True), True)])
        listed = crl.read(users, self.revoker.certificate)
        chain = [der(self.leaf.certificate)] * 2 + [der(self.revoker.certificate)]
        above = subjects.read(chain, Issuers())[1]
        self.assertFalse(above.is_leaf)
        self.assertEqual(listed.judge(above, AT).reason, UNUSABLE)
        self.assertEqual(listed.judge(self.leaf.subject, AT).reason, GOOD)

    def test_it_knows_how_long_it_is_and_stands(self):
        listed = crl.read(self.revoker.list(serials=range(1, 100)), self.revoker.certificate)
        self.assertEqual(len(listed), 99)
        self.assertEqual(listed.end, (NOW + DAY).timestamp() + 300)
        self.assertEqual(listed.timely(listed.end + 1).reason, STALE)


def signed(data):
    return x509.load_der_x509_crl(data).tbs_certlist_bytes


class Hostile(SynchronousTestCase):
    @given(st.binary(max_size=300), st.booleans())
    def test_bytes_are_no_list(self, data, as_pem):
        if as_pem:
            data = b"-----BEGIN X509 CRL-----\n" + data
        subject, now = subject_of_vectors(), moment(vectors()["crl"]["now"])
        self.assertIn(judged(data, subject, now), (UNUSABLE, OTHER))

    @given(st.data())
    def test_a_list_counts_only_if_what_was_signed_is_unchanged(self, data):
        texts = vectors()["crl"]
        subject, now = subject_of_vectors(), moment(texts["now"])
        case = data.draw(st.sampled_from([one for one in texts["cases"] if one["crls_b64"]]))
        original = unbase(case["crls_b64"][0])
        changed = bytearray(original)
        for _ in range(data.draw(st.integers(1, 4))):
            place = data.draw(st.integers(0, len(changed) - 1))
            changed[place] = data.draw(st.integers(0, 255))
        if judged(bytes(changed), subject, now) in (GOOD, REVOKED):
            # The signature's own envelope has a byte that means nothing.
            self.assertEqual(signed(bytes(changed)), signed(original))

    def test_many_beginnings_take_no_time(self):
        with self.assertRaises(crl.ListUnfit):
            crl.load(b"-----BEGIN X509 CRL-----\n" * 500_000)
        with self.assertRaises(crl.ListUnfit):
            crl.load(b"\0" * (crl.LIMIT + 1))
