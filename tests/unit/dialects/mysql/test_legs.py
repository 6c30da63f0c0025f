"""Packets of a login, numbered by leg."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.mysql.legs import UNREAD_LIMIT, Leg
from acra_twisted.endreason import EndReason
from acra_twisted.errors import FrameTooLarge, WireError
from acra_twisted.loginactions import CLIENT, Write
from acra_twisted.wire.mysql.frames import header, packets


class Numbers(SynchronousTestCase):
    def test_both_sides_share_them(self):
        leg = Leg(CLIENT)
        self.assertEqual(leg.write(b"a"), Write(CLIENT, packets(b"a", 0)))
        leg.feed(packets(b"b", 1) + packets(b"c", 2)[:3])
        self.assertEqual(leg.take(), b"b")
        self.assertIsNone(leg.take())
        self.assertTrue(leg.waiting)
        self.assertEqual(leg.due, 2)
        leg.feed(packets(b"c", 2)[3:] + b"rest")
        self.assertEqual(leg.take(), b"c")
        self.assertEqual(leg.write(b"d"), Write(CLIENT, packets(b"d", 3)))
        self.assertEqual(leg.drain(), b"rest")
        self.assertFalse(leg.waiting)

    def test_another_number(self):
        leg = Leg(CLIENT)
        leg.feed(packets(b"b", 1))
        error = self.assertRaises(WireError, leg.take)
        self.assertEqual((error.side, error.reason), (CLIENT, EndReason.SEQUENCE))

    def test_a_peer_listens_when_it_has_spoken(self):
        leg = Leg(CLIENT)
        leg.write(b"greeting")
        self.assertEqual((leg.due, leg.heard), (1, 1))
        leg.speaks = True
        self.assertEqual((leg.due, leg.heard), (1, 2))
        leg.feed(packets(b"response", 1)[:-1])
        leg.take()
        self.assertEqual(leg.heard, 2)
        leg.feed(b"e")
        leg.take()
        self.assertEqual((leg.due, leg.heard), (2, 2))

    def test_what_is_said_out_of_turn(self):
        leg = Leg(CLIENT)
        leg.write(b"greeting")
        leg.speaks = True
        leg.feed(packets(b"b", 9)[:-1])
        self.assertIsNone(leg.take_unasked())
        leg.feed(b"b")
        self.assertEqual(leg.take_unasked(), b"b")
        self.assertEqual(leg.tell(b"error"), Write(CLIENT, packets(b"error", 2)))


class Limits(SynchronousTestCase):
    def test_a_large_packet(self):
        leg = Leg(CLIENT)
        leg.feed(header(64 * 1024 + 1, 0))
        self.assertRaises(FrameTooLarge, leg.take)

    def test_what_nobody_reads(self):
        leg = Leg(CLIENT)
        leg.feed(b"x" * UNREAD_LIMIT)
        self.assertRaises(WireError, leg.feed, b"x")
