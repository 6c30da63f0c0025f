"""The strict machine of MySQL's protocol, and the recorded conversations."""

from twisted.trial.unittest import SynchronousTestCase

from tests.support.mysqlfields import Violation
from tests.support.mysqlmachine import CLIENT, SERVER, Machine
from tests.support.mysqlvectors import conversations, load

#: Where a capability was masked that the client used all the same: its parameters are corrupt.
CORRUPT = "query_attributes_masked"


def replay(one, change=lambda number, packet: packet):
    """Feed a machine with a conversation whose packets ``change`` may replace; return it."""
    machine = Machine(
        one.capabilities, one.extended, logged_in=not one.has_login, one_leg=one.of_one_leg
    )
    for number, packet in enumerate(one.packets):
        machine.feed(*change(number, packet)[:3])
    return machine


class Recorded(SynchronousTestCase):
    def test_every_conversation_is_consumed_to_its_last_byte(self):
        self.assertGreater(len(conversations()), 60)
        for name, one in conversations().items():
            if name == CORRUPT:
                continue
            try:
                machine = replay(one)
            except Violation as error:
                self.fail(f"{name}: {error}")
            self.assertTrue(machine.idle or one.packets[-1].leg == CLIENT, name)

    def test_capabilities_in_force_are_those_of_both_sides(self):
        for name, one in conversations().items():
            if not one.has_login or len(one.packets) < 2:
                continue
            greeting = one.shown or one.packets[0].payload
            at = greeting.index(b"\0") + 1 + 4 + 8 + 1
            shown = int.from_bytes(greeting[at : at + 2] + greeting[at + 5 : at + 7], "little")
            asked = int.from_bytes(one.packets[1].payload[:4], "little")
            self.assertEqual(f"{shown & asked:08x}", f"{one.capabilities:08x}", name)

    def test_parameters_beside_a_masked_capability_are_seen_to_be_corrupt(self):
        error = self.assertRaises(Violation, replay, conversations()[CORRUPT])
        self.assertRegex(str(error), "left over|cut short|type")

    def test_a_wrong_number_is_seen_anywhere(self):
        for one in (conversations()["text_simple"], conversations()["prepared_deof"]):
            for place in range(len(one.packets)):

                def change(number, packet, place=place):
                    wrong = packet.sequence + (number == place)
                    return packet._replace(sequence=wrong % 256)

                if one.packets[place].leg == SERVER:
                    self.assertRaises(Violation, replay, one, change)

    def test_a_packet_too_much_or_too_little_is_seen(self):
        for one in (conversations()["binary_types"], conversations()["multi"]):
            for place, packet in enumerate(one.packets):
                if packet.leg == CLIENT or packet.payload[:1] in (b"\xff", b"\0", b"\xfe"):
                    continue
                for payload in (packet.payload + b"x", packet.payload[:-1]):

                    def change(number, packet, place=place, payload=payload):
                        return packet._replace(payload=payload) if number == place else packet

                    self.assertRaises(Violation, replay, one, change)

    def test_nothing_is_said_that_nobody_asked_for(self):
        machine = Machine(0x003FA20E)
        self.assertRaises(Violation, machine.feed, SERVER, 1, b"\0\0\0\2\0\0\0")
        machine.feed(CLIENT, 0, b"\x0e")
        self.assertFalse(machine.idle)
        machine.feed(SERVER, 1, b"\0\0\0\2\0\0\0")
        self.assertTrue(machine.idle)
        machine.feed(CLIENT, 0, b"\x01")
        self.assertRaises(Violation, machine.feed, CLIENT, 0, b"\x0e")

    def test_a_side_is_all_its_packets_with_their_headers(self):
        one = conversations()["bad_sequence"]
        self.assertEqual(one.said(CLIENT).hex(), "010000050e")
        self.assertTrue(one.said(SERVER).startswith(b"\x21\0\0\0\xff\x84\x04#08S01"))

    def test_encodings_are_there(self):
        self.assertEqual(
            set(load()["encodings"]),
            {
                "lenenc_valid",
                "lenenc_longer_than_needed_but_accepted_by_servers",
                "lenenc_invalid",
                "temporal_binary",
                "denials",
                "split",
            },
        )
