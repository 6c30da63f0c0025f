"""Containers in rows of an operator's SELECT."""

import os

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.crypto import acrablock, envelopes
from acra_twisted.crypto.openers import Closed, Opener
from acra_twisted.encryption.postgresql import bytea
from acra_twisted.errors import ConfigError
from acra_twisted.tools.databaseerror import DatabaseError
from acra_twisted.tools.selection import Row, data_of, ended, opened

KEY = bytes(32)
OPENER = Opener([], [KEY])
BARE = acrablock.create(b"Ann", KEY, b"", os.urandom)
BLOCK = envelopes.wrap("acrablock", BARE)


class Ends(SynchronousTestCase):
    def told(self, number, undo):
        class Statements:
            async def undo(self):
                if isinstance(undo, Exception):
                    raise undo
                return undo

        ending = ended(Statements(), ConfigError("a mistake"), number)
        return self.successResultOf(Deferred.fromCoroutine(ending))

    def test_what_has_become_of_the_rows(self):
        gone = DatabaseError("it is gone")
        for number, undo, expected in (
            (0, True, "no row was written"),
            (7, True, "no row was written"),
            (7, False, "has no transactions: 7"),
            # Some rows of the statement that has failed.
            (0, False, "has no transactions: 1"),
            (7, gone, "has no transactions: 7"),
            (0, gone, "no row was written"),
        ):
            told = self.told(number, undo)
            self.assertTrue(told.startswith("a mistake; "))
            self.assertTrue(told.endswith(expected), (number, undo, told))


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
