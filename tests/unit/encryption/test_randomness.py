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
    @given(st.integers(1, 60), st.integers(1, 5), st.lists(st.integers(0, 100)))
    def test_each_byte_is_given_at_most_once_and_in_order(self, size, values, sizes):
        source = Counted()
        supply = RandomSupply(source, size, values)
        place = 0
        for wanted in sizes:
            found = supply(wanted)
            self.assertEqual(len(found), wanted)
            start = source.given.index(found, place)
            place = start + wanted

    def test_one_call_of_the_source_serves_many_values(self):
        source = Counted()
        supply = RandomSupply(source, 56, 100)
        for _ in range(100):
            for size in (32, 12, 12):
                supply(size)
        self.assertEqual(source.calls, 1)

    def test_nothing_that_was_given_is_kept(self):
        source = Counted()
        supply = RandomSupply(source, 8, 4)
        given = supply(8) + supply(8)
        held = [one for one in gc.get_referents(supply) if isinstance(one, (bytes, bytearray))]
        kept = b"".join(map(bytes, held))
        self.assertEqual(kept, bytes(16) + source.given[16:])
        self.assertEqual(given, source.given[:16])

    def test_a_source_that_fails_gives_nothing(self):
        supply = RandomSupply(lambda size: b"short", 56)
        self.assertRaises(CryptoError, supply, 12)

        def broken(size):
            raise OSError("no entropy")

        self.assertRaises(OSError, RandomSupply(broken, 56), 12)
