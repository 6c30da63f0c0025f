"""Poison records: openable with their keys only, and like any other container (EN-11)."""

import os

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.crypto import acrablock, acrastruct, envelopes, poison
from acra_twisted.themis import keys

KEY = keys.generate()


class Records(SynchronousTestCase):
    def test_both_kinds(self):
        record = poison.make_acrastruct(KEY.public_key(), 20, os.urandom)
        (envelope,) = envelopes.find(record)
        self.assertEqual((envelope.kind, envelope.end), (envelopes.ACRASTRUCT, len(record)))
        self.assertEqual(len(acrastruct.open_with(record[12:], KEY)), 20)
        record = poison.make_acrablock(b"key", 20, os.urandom)
        (envelope,) = envelopes.find(record)
        self.assertEqual((envelope.kind, envelope.end), (envelopes.ACRABLOCK, len(record)))
        self.assertEqual(len(acrablock.open_with(record[12:], b"key")), 20)

    def test_random_lengths(self):
        sizes = {
            len(poison.make_acrablock(b"key", -1, os.urandom)) - acrablock.OVERHEAD - 12
            for _ in range(2000)
        }
        self.assertEqual((min(sizes), max(sizes)), (1, 99))
        self.assertGreater(len(sizes), 90)

    def test_a_draw_that_would_be_unfair_is_repeated(self):
        largest = 65536 - 65536 % poison.MAX_RANDOM_LENGTH - 1
        for numbers in ([65535, 5], [largest + 1, 5], [largest]):
            drawn = iter([number.to_bytes(2, "big") for number in numbers])
            random = lambda size, drawn=drawn: next(drawn) if size == 2 else os.urandom(size)  # noqa: E731
            expected = numbers[-1] % poison.MAX_RANDOM_LENGTH + 1
            self.assertEqual(len(poison._content(-1, random)), expected)
            self.assertEqual(list(drawn), [])

    def test_en11_only_the_keys_tell(self):
        """The constant bytes of a record are those of any container of its length."""
        key = os.urandom(32)
        records = [poison.make_acrablock(b"key", 40, os.urandom) for _ in range(64)]
        others = [
            envelopes.wrap(
                envelopes.ACRABLOCK, acrablock.create(os.urandom(40), key, b"", os.urandom)
            )
            for _ in range(64)
        ]

        def constant(made):
            return {
                place: values.pop()
                for place in range(len(made[0]))
                if len(values := {data[place] for data in made}) == 1
            }

        ids = (25, 26)
        for place in ids:
            self.assertIn(place, constant(records))
        same = [
            {p: v for p, v in constant(made).items() if p not in ids} for made in (records, others)
        ]
        self.assertEqual(*same)
