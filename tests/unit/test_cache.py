"""The cache of decisions: bounded by entries and by bytes, and what is used stays."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.cache import GenerationCache


class Cache(SynchronousTestCase):
    def test_entries_are_bounded(self):
        cache = GenerationCache(10, 1000)
        for n in range(100):
            cache.put(b"%d" % n, n)
        self.assertLessEqual(len(cache), 20)
        self.assertEqual(cache.get(b"99"), 99)
        self.assertIsNone(cache.get(b"1"))

    def test_bytes_are_bounded(self):
        cache = GenerationCache(1000, 100)
        for n in range(100):
            cache.put(b"%02d" % n * 10, n)
        self.assertLessEqual(len(cache), 10)
        cache.put(b"x" * 101, 1)
        self.assertIsNone(cache.get(b"x" * 101))

    def test_what_is_used_stays(self):
        cache = GenerationCache(10, 1000)
        for n in range(100):
            cache.put(b"%d" % n, n)
            cache.put(b"kept", -1) if n == 0 else self.assertEqual(cache.get(b"kept"), -1)

    def test_a_key_is_forgotten_in_either_generation(self):
        cache = GenerationCache(2, 100)
        for key in (b"a", b"b", b"c"):
            cache.put(key, 1)
        for key in (b"a", b"c", b"unknown"):
            cache.remove(key)
        self.assertEqual([cache.get(key) for key in (b"a", b"b", b"c")], [None, 1, None])
