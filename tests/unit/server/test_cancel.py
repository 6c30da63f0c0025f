"""The right to cancel a request (ST-17 to ST-19)."""

from types import SimpleNamespace

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.server import cancel
from acra_twisted.server.cancel import CancelKeys
from acra_twisted.wire.postgres.backend import BackendKey
from acra_twisted.wire.postgres.frames import CancelRequest


class Keys(SynchronousTestCase):
    def setUp(self):
        self.now = 0
        self.keys = CancelKeys(lambda: self.now)
        self.key = BackendKey(7, b"k" * 32)
        self.keys.add(self.key)

    def accepts(self, number, key, address="a"):
        return self.keys.accepts(CancelRequest(number, key), address)

    def test_only_the_right_key(self):
        self.assertTrue(self.accepts(7, b"k" * 32))
        for number, key in ((7, b"x" * 32), (7, b"k" * 4), (8, b"k" * 32)):
            self.assertFalse(self.accepts(number, key))

    def test_st19_compared_in_constant_time(self):
        compared = []

        def compare(one, other):
            compared.append((one, other))
            return one == other

        self.patch(cancel, "hmac", SimpleNamespace(compare_digest=compare))
        for number, key in ((7, b"k" * 32), (7, b"x" * 32), (8, b"k" * 32)):
            self.accepts(number, key)
        self.assertEqual(len(compared), 3)

    def test_st18_a_session_without_a_key_cannot_be_cancelled(self):
        self.assertFalse(self.accepts(9, b""))

    def test_what_another_process_may_know_is_left_to_the_database(self):
        self.keys = CancelKeys(lambda: self.now, shared=True)
        self.keys.add(self.key)
        self.assertFalse(self.accepts(7, b"x" * 32))
        self.assertTrue(self.accepts(8, b"x" * 32))
        self.assertEqual(sum(self.accepts(8, b"x" * 32) for _ in range(100)), 18)

    def test_a_key_ends_with_its_session(self):
        newer = BackendKey(7, b"n" * 4)
        self.keys.add(newer)
        self.keys.discard(self.key)
        self.assertTrue(self.accepts(7, b"n" * 4))
        self.keys.discard(newer)
        self.assertFalse(self.accepts(7, b"n" * 4))

    def test_requests_are_limited_by_address(self):
        allowed = sum(self.accepts(7, b"k" * 32) for _ in range(100))
        self.assertEqual(allowed, 20)
        self.assertTrue(self.accepts(7, b"k" * 32, "b"))
        for number in range(2000):
            self.accepts(7, b"x", str(number))
        self.assertLessEqual(len(self.keys._buckets), 1024)
