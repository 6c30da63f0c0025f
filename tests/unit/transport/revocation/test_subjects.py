"""Certificates about whose revocation is asked."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import HandshakeError
from acra_twisted.transport.revocation import subjects
from acra_twisted.transport.revocation.subjects import Issuers
from tests.support import issued
from tests.support.revocation import Revoker, der


class Subjects(SynchronousTestCase):
    def test_all_but_the_trusted_one_are_asked_about(self):
        revoker = Revoker()
        leaf, own = revoker.leaf(), der(revoker.certificate)
        chain = [der(leaf.certificate), own, own]
        found = subjects.read(chain, Issuers())
        self.assertEqual([one.is_leaf for one in found], [True, False])
        self.assertEqual(found[0].issuer, revoker.certificate)
        self.assertEqual(subjects.read([own], Issuers()), ())
        self.assertEqual(subjects.read([], Issuers()), ())

    def test_addresses_are_read_each_once_and_not_too_many(self):
        urls = [f"http://{number}.example/" for number in range(9)]
        subject = Revoker(responders=["http://a.example/"] * 2, points=urls).leaf().subject
        self.assertEqual(subject.responders, ("http://a.example/",))
        self.assertEqual(subject.points, tuple(urls[:4]))
        bare = Revoker().leaf().subject
        self.assertEqual((bare.responders, bare.points, bare.must_staple), ((), (), False))
        self.assertTrue(Revoker().leaf(must_staple=True).subject.must_staple)

    def test_the_key_is_that_of_serial_and_issuer(self):
        revoker = Revoker()
        first, second = revoker.leaf(), revoker.leaf()
        self.assertNotEqual(first.subject.key, second.subject.key)
        # Another authority of the same name counts its certificates alike.
        self.assertNotEqual(first.subject.key, Revoker().leaf().subject.key)
        (again,) = subjects.read(first.chain, Issuers())
        self.assertEqual(again.key, first.subject.key)

    def test_a_certificate_that_cannot_be_looked_into_is_refused(self):
        strange = der(issued.unreadable())
        with self.assertRaises(HandshakeError):
            subjects.read([strange, der(Revoker().certificate)], Issuers())

    @given(st.binary(max_size=200))
    def test_bytes_are_no_chain(self, data):
        with self.assertRaises(HandshakeError):
            subjects.read([data, der(_ANY)], Issuers())


_ANY = Revoker().certificate


class Shared(SynchronousTestCase):
    def test_an_issuer_is_read_once(self):
        revoker, issuers = Revoker(), subjects.Issuers(2)
        first, second = (
            subjects.read([bytes(bytearray(each)) for each in revoker.leaf().chain], issuers)[0]
            for _ in range(2)
        )
        self.assertIs(first.issuer, second.issuer)
        self.assertEqual(first.authority, subjects.identity(revoker.certificate))

    def test_not_more_issuers_are_kept_than_may_be(self):
        issuers = subjects.Issuers(2)
        found = [issuers.of(der(Revoker().certificate)) for _ in range(3)]
        self.assertIs(issuers.of(found[2].der), found[2])
        self.assertIsNot(issuers.of(found[0].der), found[0])
