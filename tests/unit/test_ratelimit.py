"""A token bucket: so many a second, and as many at once after a quiet second."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.ratelimit import TokenBucket

SECOND = 10**9


class Bucket(SynchronousTestCase):
    def test_so_many_a_second(self):
        now = [0]
        bucket = TokenBucket(2.0, lambda: now[0])
        self.assertEqual([bucket.take() for _ in range(3)], [True, True, False])
        now[0] += SECOND // 2
        self.assertEqual([bucket.take() for _ in range(2)], [True, False])
        now[0] += 100 * SECOND
        self.assertEqual([bucket.take() for _ in range(3)], [True, True, False])

    def test_less_than_one_a_second(self):
        now = [0]
        bucket = TokenBucket(0.5, lambda: now[0])
        self.assertEqual([bucket.take() for _ in range(2)], [True, False])
        now[0] += SECOND
        self.assertFalse(bucket.take())
        now[0] += SECOND
        self.assertTrue(bucket.take())
