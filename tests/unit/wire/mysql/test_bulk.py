"""Many sets of values for one statement."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import WireError
from acra_twisted.wire.mysql import bulk
from acra_twisted.wire.mysql.bulk import BulkRow
from tests.support.mysqlvectors import CLIENT, conversations

FIRST = bytes.fromhex(
    "fa17000000 8000 0300 fd00 00 01000000 00 03 6f6e65 00 02000000 01 01 00 01 78"
)


def rows(payload, header):
    at, found = header.start, []
    while at < len(payload):
        row, at = bulk.read_bulk_row(payload, at, header.kinds)
        found.append(row)
    return found


class Bulk(SynchronousTestCase):
    def test_rows_with_nulls(self):
        header = bulk.decode_bulk(FIRST, 2, None)
        self.assertEqual((header.statement, header.kinds, header.renewed), (23, [3, 253], True))
        self.assertEqual(
            [row.values for row in rows(FIRST, header)],
            [[b"\1\0\0\0", b"one"], [b"\2\0\0\0", None], [None, b"x"]],
        )

    def test_kinds_from_before(self):
        again = bytes.fromhex("fa17000000 0000 00 04000000 00 04 666f7572")
        header = bulk.decode_bulk(again, 2, [3, 253])
        self.assertEqual(rows(again, header)[0].values, [b"\4\0\0\0", b"four"])
        expected = bytes.fromhex("fa17000000 8000 0300 fd00")
        self.assertEqual(bulk.encode_bulk_head(header, header.kinds), expected)
        for count, before in ((2, None), (0, [])):
            with self.assertRaises(WireError):
                bulk.decode_bulk(again, count, before)

    def test_irregular_rows(self):
        for row in (b"\4", b"\0", b"\0\5", b"\1", b""):
            with self.assertRaises(WireError):
                bulk.read_bulk_row(row, 0, [253, 253])
        with self.assertRaises(WireError):
            bulk.read_bulk_row(b"\1\1", 0, [])

    @given(
        st.lists(
            st.lists(st.sampled_from((1, 2, 3)) | st.binary(max_size=300), min_size=3, max_size=3)
        )
    )
    def test_both_ways(self, given):
        kinds = [253, 252, 254]
        made = [
            BulkRow(
                [cell if isinstance(cell, int) else bulk.GIVEN for cell in row],
                [None if isinstance(cell, int) else cell for cell in row],
            )
            for row in given
        ]
        header = bulk.decode_bulk(FIRST, 2, None)
        payload = bulk.encode_bulk_head(header, kinds)
        payload += b"".join(bulk.encode_bulk_row(row, kinds) for row in made)
        self.assertEqual(rows(payload, bulk.decode_bulk(payload, 3, None)), made)

    def test_recorded_ones(self):
        read = 0
        for conversation in conversations().values():
            for packet in conversation.packets:
                if packet.leg == CLIENT and packet.payload[:1] == b"\xfa" and not packet.sequence:
                    header = bulk.decode_bulk(packet.payload, 2, [3, 253])
                    kinds = header.kinds
                    found = rows(packet.payload, header)
                    self.assertGreater(len(found), 0)
                    again = (
                        bulk.encode_bulk_head(header, kinds)
                        if header.renewed
                        else (packet.payload[: header.start])
                    )
                    again += b"".join(bulk.encode_bulk_row(row, kinds) for row in found)
                    self.assertEqual(again, packet.payload)
                    read += 1
        self.assertGreater(read, 3)
