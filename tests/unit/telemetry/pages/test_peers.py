"""Addresses from which clients come."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.pages.peers import PEERS_MAX, Peers


class Usual(SynchronousTestCase):
    @given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xyz"))))
    def test_each_pair_has_its_first_last_and_number(self, logins):
        clock = iter(range(1000))
        peers = Peers(lambda: next(clock))
        expected = {}
        for time, pair in enumerate(logins, 1):
            peers.note(*pair)
            first, _, count = expected.get(pair, (time, 0, 0))
            expected[pair] = (first, time, count + 1)
        shown = peers.shown()
        found = {
            (one["client_id"], one["peer"]): (one["first"], one["last"], one["logins"])
            for one in shown["peers"]
        }
        self.assertEqual(found, expected)
        firsts = [one["first"] for one in shown["peers"]]
        self.assertEqual(firsts, sorted(firsts, reverse=True))
        self.assertEqual(shown["since"], 0)

    def test_bounded_and_those_seen_last_are_kept(self):
        peers = Peers(lambda: 0)
        for number in range(PEERS_MAX):
            peers.note("ann", str(number))
        peers.note("ann", "0")
        peers.note("bob", "new")
        known = {one["peer"] for one in peers.shown()["peers"]}
        self.assertEqual(len(peers), PEERS_MAX)
        self.assertIn("0", known)
        self.assertNotIn("1", known)

    def test_the_subject_of_the_last_certificate(self):
        peers = Peers(lambda: 0)
        for subject in ("CN=old", "CN=new", ""):
            peers.note("ann", "x", subject)
        peers.note("ann", "y")
        told = {one["peer"]: one["certificate"] for one in peers.shown()["peers"]}
        self.assertEqual(told, {"x": "CN=new", "y": ""})

    def test_subjects_are_bounded(self):
        peers = Peers(lambda: 0)
        for number in range(2 * PEERS_MAX):
            peers.note("ann", str(number), "C" * 10_000)
        certificates = [one["certificate"] for one in peers.shown()["peers"]]
        self.assertEqual(len(certificates), PEERS_MAX)
        self.assertTrue(all(0 < len(one) < 1000 for one in certificates))
        self.assertEqual(len(peers._certificates), PEERS_MAX)
