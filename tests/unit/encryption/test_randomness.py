"""Random bytes for many values."""

import gc

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.randomness import RandomSupply
from acra_twisted.errors import CryptoError


class Counted:
    """A source that gives each number once."""

    def __init__(self):
        self.given = b""
        self.calls = 0

    def __call__(self, size):
        self.calls += 1
        made = bytes((len(self.given) + number) % 251 for number in range(size))
        self.given += made
        return made


class Supply(SynchronousTestCase):
    @given(st.integers(1, 8), st.integers(1, 4), st.lists(st.integers(1, 8), max_size=8))
    def test_each_byte_is_given_at_most_once(self, size, values, sizes):
        source = Counted()
        supply = RandomSupply(source, size, values)
        found = [supply(wanted) for wanted in sizes]
        self.assertEqual([len(one) for one in found], sizes)
        # The source gives no byte twice before it has given 251.
        given = b"".join(found)
        self.assertEqual(len(set(given)), len(given))
        self.assertLessEqual(set(given), set(source.given))

    def test_one_call_of_the_source_serves_many_values(self):
        source = Counted()
        supply = RandomSupply(source, 56, 100)
        for _ in range(100):
            supply(56)
        self.assertEqual(source.calls, 1)
        supply(56)
        self.assertEqual(source.calls, 2)

    def test_nothing_that_was_given_is_kept(self):
        supply = RandomSupply(Counted(), 8, 3)
        given = [supply(8), supply(8)]
        (left,) = (one for one in gc.get_referents(supply) if isinstance(one, list))
        self.assertEqual(len(left), 1)
        self.assertNotIn(left[0], given)

    def test_a_source_that_fails_gives_nothing(self):
        supply = RandomSupply(lambda size: b"short", 56)
        for size in (12, 56):
            self.assertRaises(CryptoError, supply, size)

        def broken(size):
            raise OSError("no entropy")

        self.assertRaises(OSError, RandomSupply(broken, 56), 56)
