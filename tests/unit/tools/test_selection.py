"""Containers in rows of an operator's SELECT."""

import os

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.crypto import acrablock, envelopes
from acra_twisted.crypto.openers import Closed, Opener
from acra_twisted.encryption.postgresql import bytea
from acra_twisted.tools.selection import Row, data_of, opened

KEY = bytes(32)
OPENER = Opener([], [KEY])
BARE = acrablock.create(b"Ann", KEY, b"", os.urandom)
BLOCK = envelopes.wrap("acrablock", BARE)


class Contents(SynchronousTestCase):
    def test_what_stands_around_a_container_stays_but_for_a_search_prefix(self):
        for value, expected in (
            (BARE, b"Ann"),
            (BLOCK, b"Ann"),
            (b"x" + BLOCK + b"yz", b"xAnnyz"),
            (BLOCK + BARE, b"AnnAnn"),
            (b"\x7f" + bytes(32) + BLOCK, b"Ann"),
        ):
            self.assertEqual(opened(value, OPENER), expected)

    def test_everything_has_to_open(self):
        other = acrablock.create(b"Ann", bytes([1]) * 32, b"", os.urandom)
        for value in (b"", b"plain", other, BLOCK + other, BLOCK[:-1]):
            self.assertRaises(Closed, opened, value, OPENER)
        self.assertRaises(Closed, data_of, Row([b"\\xzz"], bytea.decode), OPENER)
        self.assertEqual(data_of(Row([bytea.encode(BLOCK)], bytea.decode), OPENER), b"Ann")
