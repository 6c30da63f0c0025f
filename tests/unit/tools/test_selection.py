"""Rows of an operator's SELECT."""

import os

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.crypto import acrablock, envelopes
from acra_twisted.crypto.openers import Closed, Opener
from acra_twisted.encryption.postgresql import bytea
from acra_twisted.tools.selection import Row, data_of, each_row, opened
from tests.support.selected import Selected

KEY = bytes(32)
OPENER = Opener([], [KEY])
BARE = acrablock.create(b"Ann", KEY, b"", os.urandom)
BLOCK = envelopes.wrap("acrablock", BARE)


class Rows(SynchronousTestCase):
    def rows(self, client):
        async def read():
            return [row.cells async for row in each_row(client, " SELECT data FROM t ; ")]

        return self.successResultOf(Deferred.fromCoroutine(read()))

    def test_they_are_fetched_a_few_at_a_time(self):
        rows = [[b"%d" % number] for number in range(1200)]
        client = Selected(*rows)
        self.assertEqual(self.rows(client), rows)
        self.assertEqual(
            client.asked[0], "DECLARE acra_rows NO SCROLL CURSOR FOR SELECT data FROM t"
        )
        self.assertEqual(len(client.asked), 4)

    def test_no_row(self):
        self.assertEqual(self.rows(Selected()), [])

    def test_the_data_are_bytes_or_their_digits(self):
        self.assertEqual(Row([b"7", b"\\x00ff"], 17).data, b"\0\xff")
        self.assertEqual(Row([b"\\x00ff"], 25).data, b"\0\xff")
        self.assertEqual(Row([b"plain"], 25).data, b"plain")
        self.assertEqual(Row([None], 17).data, b"")


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
        self.assertRaises(Closed, data_of, Row([b"\\xzz"], 17), OPENER)
        self.assertEqual(data_of(Row([bytea.encode(BLOCK)], 17), OPENER), b"Ann")
