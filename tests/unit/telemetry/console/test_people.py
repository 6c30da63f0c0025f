"""Names of clients."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.people import Names, who

DIGEST = "7c1f0a52" * 16


class Who(SynchronousTestCase):
    def test_ids_are_names(self):
        self.assertEqual(who("shop application"), "shop application")
        self.assertEqual(who("cafe"), "cafe")

    def test_digests_have_the_common_name(self):
        self.assertEqual(who(DIGEST, "CN=shop,O=us"), "shop (7c1f0a52)")
        self.assertEqual(who(DIGEST, "O=us, CN = shop"), "shop (7c1f0a52)")
        self.assertEqual(who(DIGEST), "7c1f0a52")

    def test_without_an_id(self):
        self.assertEqual(who("", peer="10.0.0.1"), "10.0.0.1")
        self.assertEqual(who(""), "somebody unknown")

    @given(st.text(), st.text(), st.text())
    def test_nothing_acts_and_nothing_is_long(self, client_id, certificate, peer):
        shown = who(client_id, certificate, peer)
        self.assertTrue(0 < len(shown) <= 140)
        self.assertNotRegex(shown, "[\x00-\x1f\u202e\u2066]")


class Certificates(SynchronousTestCase):
    def test_the_common_name_of_a_login(self):
        told = {"peers": [{"client_id": DIGEST, "peer": "10.0.0.1", "certificate": "CN=shop"}]}
        names = Names(told)
        self.assertEqual(names.of(DIGEST), "shop (7c1f0a52)")
        self.assertEqual(names.of(DIGEST, "CN=other"), "other (7c1f0a52)")
        self.assertEqual(names.of("ab" * 32), "abababab")
        self.assertEqual((names.of("shop"), names.of("")), ("shop", "\N{EN DASH}"))

    def test_addresses(self):
        told = {"peers": [{"client_id": "a", "peer": peer} for peer in ("::1", "x\u202e")]}
        self.assertEqual(Names(told).peers("a"), ["::1", "x<U+202E>"])
        self.assertEqual(Names(told).peers("b"), [])

    def test_nothing_is_told(self):
        self.assertEqual(Names(None).of(DIGEST), "7c1f0a52")
