"""The packets of a login."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.endreason import EndReason
from acra_twisted.errors import WireError
from acra_twisted.wire.mysql import capabilities as bits
from acra_twisted.wire.mysql import handshake
from acra_twisted.wire.mysql.capabilities import InForce
from acra_twisted.wire.mysql.handshake import Attribute, ChangeUser, Response
from tests.support.mysqlvectors import CLIENT, conversations

NEEDED = bits.REQUIRED
LOGINS = [one for one in conversations().values() if one.has_login and len(one.packets) > 1]
words = st.binary(max_size=300).map(lambda text: text.replace(b"\0", b"0"))


def responses():
    """Each response that was recorded, whole."""
    for one in LOGINS:
        for packet in one.packets[1:3]:
            if packet.leg == CLIENT and len(packet.payload) > handshake.FIXED:
                yield one.name, packet.payload
                break


class Greetings(SynchronousTestCase):
    def test_recorded(self):
        for one in LOGINS:
            greeting = handshake.decode_greeting(one.packets[0].payload)
            self.assertEqual(greeting.mariadb, b"MariaDB" in greeting.version, one.name)
            self.assertEqual(bool(greeting.extended), greeting.mariadb, one.name)
            self.assertEqual(len(greeting.scramble), 20)
            self.assertTrue(greeting.plugin.endswith(b"_password"), one.name)
            shown = greeting.showing(greeting.capabilities, greeting.extended)
            self.assertEqual(shown, one.packets[0].payload)
            if one.shown:
                masked = handshake.decode_greeting(one.shown)
                again = greeting.showing(masked.capabilities, masked.extended)
                self.assertEqual(again, one.shown)

    def test_parts_of_one(self):
        raw = LOGINS[0].packets[0].payload
        for end in range(len(raw)):
            self.assertRaises(WireError, handshake.decode_greeting, raw[:end])

    def test_other_protocols(self):
        raw = LOGINS[0].packets[0].payload
        for first in (b"\x09", b"\xff", b"\x0b", b""):
            self.assertRaises(WireError, handshake.decode_greeting, first + raw[1:])

    @given(st.binary(max_size=80))
    def test_any_bytes(self, data):
        try:
            greeting = handshake.decode_greeting(b"\x0a" + data)
        except WireError:
            return
        self.assertEqual(len(greeting.showing(0xFFFFFFFF, 0)), len(data) + 1)


class Responses(SynchronousTestCase):
    def test_recorded(self):
        found = 0
        for name, payload in responses():
            response = handshake.decode_response(payload)
            # MariaDB's client for Node writes a length in three bytes that needs one.
            longer = 2 if name.startswith("mariadb_node") else 0
            self.assertEqual(len(response.encode()), len(payload) - longer, name)
            self.assertEqual(handshake.decode_response(response.encode()), response)
            if not longer:
                self.assertEqual(response.encode(), payload, name)
            self.assertEqual(response.head(), payload[: handshake.FIXED])
            self.assertIn(response.plugin[-9:], (b"_password", b"d25519"), name)
            found += 1
        self.assertGreater(found, 20)

    def test_parts_of_one(self):
        _, payload = next(responses())
        for end in range(len(payload)):
            error = self.assertRaises(WireError, handshake.decode_response, payload[:end])
            self.assertEqual((error.side, error.reason), ("client", EndReason.HANDSHAKE))

    def test_what_is_needed(self):
        whole = Response(NEEDED, 0, 1, 45, b"ann", b"", plugin=b"p")
        self.assertEqual(handshake.decode_response(whole.encode()), whole)
        unnamed = whole._replace(capabilities=NEEDED & ~bits.PLUGIN_AUTH, plugin=None)
        self.assertEqual(handshake.decode_response(unnamed.encode()), unnamed)
        for bit in (bits.PROTOCOL_41, bits.SECURE_CONNECTION):
            old = whole._replace(capabilities=NEEDED & ~bit)
            error = self.assertRaises(WireError, handshake.decode_response, old.encode())
            self.assertIs(error.reason, EndReason.HANDSHAKE)

    @given(
        st.integers(0, 0xFFFFFFFF).map(lambda given: given | bits.REQUIRED_OF_CLIENTS),
        st.integers(0, 0xFFFFFFFF),
        words,
        st.binary(max_size=255),
        words,
        words,
        st.lists(st.builds(Attribute, st.binary(max_size=260), st.binary(max_size=20)), max_size=4),
        st.binary(max_size=5),
    )
    def test_round_trip(self, given_bits, extended, user, answer, database, plugin, named, behind):
        response = Response(
            given_bits,
            0 if given_bits & bits.LONG_PASSWORD else extended,
            0xFFFFFF,
            255,
            user,
            answer,
            database if given_bits & bits.CONNECT_WITH_DB else None,
            plugin if given_bits & bits.PLUGIN_AUTH else None,
            tuple(named) if given_bits & bits.CONNECT_ATTRS else (),
        )
        self.assertEqual(handshake.decode_response(response.encode() + behind), response)

    def test_a_length_of_one_byte(self):
        """Go's driver has no PLUGIN_AUTH_LENENC."""
        response = Response(NEEDED, 0, 0, 45, b"u", b"x" * 255, plugin=b"p")
        self.assertIn(b"u\0\xff" + b"x" * 255, response.encode())
        self.assertEqual(handshake.decode_response(response.encode()), response)

    def test_attributes_end_where_their_total_says(self):
        response = Response(NEEDED | bits.CONNECT_ATTRS, 0, 0, 45, b"u", b"", plugin=b"p")
        head = response.encode()[:-1]
        for block in (b"\x02\x02ab", b"\x03\x01a\x01b", b"\x09\x01a\x01b", b"\xfb", b""):
            self.assertRaises(WireError, handshake.decode_response, head + block)
        found = handshake.decode_response(head + b"\x04\x01a\x01b\x01c\x01d")
        self.assertEqual(found.attributes, (Attribute(b"a", b"b"),))

    @given(st.binary(max_size=120), st.booleans())
    def test_any_bytes(self, data, has_head):
        head = NEEDED.to_bytes(4, "little") if has_head else b""
        try:
            found = handshake.decode_response(head + data)
        except WireError as error:
            self.assertEqual(error.side, "client")
        else:
            self.assertLessEqual(len(found.user), len(data))

    def test_a_request_for_tls(self):
        head = Response(NEEDED | bits.SSL, 0, 0, 45, b"", b"").head()
        self.assertTrue(handshake.asks_for_tls(head))
        without = Response(NEEDED, 0, 0, 45, b"", b"").head()
        for other in (without, head[:-1], head + b"\0", b""):
            self.assertFalse(handshake.asks_for_tls(other))


class ChangingUser(SynchronousTestCase):
    def test_recorded(self):
        for name in ("change_user", "connector_pure", "mysql2"):
            one = conversations()[name]
            in_force = InForce(one.capabilities | NEEDED, one.extended)
            found = [
                handshake.decode_change_user(packet.payload, in_force)
                for packet in one.packets
                if packet.leg == CLIENT and packet.sequence == 0 and packet.payload[:1] == b"\x11"
            ]
            self.assertTrue(found, name)
            for change in found:
                self.assertTrue(change.user and change.plugin, name)

    def test_the_short_form(self):
        payload = b"\x11u\0\x02abd\0"
        change = handshake.decode_change_user(payload, InForce(NEEDED))
        self.assertEqual(change, ChangeUser(b"u", b"ab", b"d"))

    def test_parts_of_one(self):
        payload = b"\x11u\0\x02abd\0\x2d\0p\0\x04\x01a\x01b"
        in_force = InForce(NEEDED | bits.CONNECT_ATTRS)
        whole = ChangeUser(b"u", b"ab", b"d", 45, b"p", (Attribute(b"a", b"b"),))
        self.assertEqual(handshake.decode_change_user(payload, in_force), whole)
        short = payload.index(b"d\0") + 2
        for end in {*range(1, len(payload))} - {short}:
            self.assertRaises(WireError, handshake.decode_change_user, payload[:end], in_force)


class Others(SynchronousTestCase):
    def test_a_switch(self):
        found = handshake.decode_switch(b"\xfeplugin\0nonce\0")
        self.assertEqual(found, (b"plugin", b"nonce\0"))
        self.assertRaises(WireError, handshake.decode_switch, b"\xfeplugin")
