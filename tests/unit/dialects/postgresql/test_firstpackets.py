"""Splitting a client's first bytes into packets."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.postgresql.firstpackets import FirstPackets, Impossible, Packet
from acra_twisted.wire.postgres.frames import (
    SSL_REQUEST,
    SSL_REQUEST_PACKET,
    STARTUP_LIMIT,
    CancelRequest,
    StartupPacket,
)

PACKETS = (SSL_REQUEST_PACKET, CancelRequest(1, b"key!").encode(), StartupPacket(0, {}).encode())


class Splitting(SynchronousTestCase):
    @given(st.lists(st.sampled_from(PACKETS), max_size=4), st.binary(max_size=3), st.integers(1, 9))
    def test_any_packets_in_any_pieces(self, said, rest, size):
        for enough in (4, 8):
            packets, found = FirstPackets(enough), []
            data = b"".join(said) + rest
            for at in range(0, len(data), size):
                packets.feed(data[at : at + size])
                while isinstance(packet := packets.next(), Packet):
                    found.append(packet.data)
            self.assertEqual((found, len(packets)), (said, len(rest)))
            self.assertEqual(packets.rest(), rest)

    @given(st.lists(st.binary(min_size=1, max_size=40), max_size=6))
    def test_whatever_comes_nothing_is_lost(self, pieces):
        packets, taken = FirstPackets(4), b""
        for piece in pieces:
            packets.feed(piece)
            while isinstance(packet := packets.next(), Packet):
                taken += packet.data
        self.assertEqual(taken + packets.rest(), b"".join(pieces))

    def test_a_packet_has_its_code(self):
        packets = FirstPackets()
        packets.feed(SSL_REQUEST_PACKET)
        self.assertEqual(packets.next(), Packet(SSL_REQUEST, SSL_REQUEST_PACKET))
        self.assertIsNone(packets.next())

    def test_a_length_that_cannot_be_is_told_as_soon_as_enough_is_there(self):
        for length in (0, 7, STARTUP_LIMIT + 1, 0x16030100):
            for enough in (4, 8):
                packets = FirstPackets(enough)
                packets.feed(length.to_bytes(4, "big"))
                self.assertEqual(packets.next(), Impossible(length) if enough == 4 else None)
                packets.feed(bytes(4))
                self.assertEqual(packets.next(), Impossible(length))

    def test_how_tls_begins(self):
        packets = FirstPackets()
        packets.feed(SSL_REQUEST_PACKET + b"\x16")
        self.assertFalse(packets.begins_tls)
        packets.next()
        self.assertTrue(packets.begins_tls)
