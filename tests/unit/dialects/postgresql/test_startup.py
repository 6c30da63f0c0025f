"""A client's first words (security requirements ST-1 to ST-16)."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.postgresql.startup import (
    ClientStartup,
    StartTLS,
    StartupPolicy,
    database_accepts_tls,
    settle_version,
)
from acra_twisted.endreason import EndReason
from acra_twisted.errors import WireError
from acra_twisted.wire.postgres import frames
from acra_twisted.wire.postgres.frames import CancelRequest, StartupPacket

SSL = frames.SSL_REQUEST_PACKET
GSS = frames.STARTUP_HEADER.pack(8, frames.GSSENC_REQUEST)
PACKET = StartupPacket(0, {b"user": b"ann", b"database": b"bank"})


def startup(**policy):
    return ClientStartup(StartupPolicy(**policy))


class Negotiation(SynchronousTestCase):
    def test_plain(self):
        machine = startup()
        data = PACKET.encode()
        self.assertIsNone(machine.feed(data[:3]))
        self.assertIsNone(machine.feed(data[3:20]))
        self.assertEqual(machine.feed(data[20:]), PACKET)

    def test_tls(self):
        machine = startup()
        self.assertEqual(machine.feed(SSL), StartTLS(b""))
        self.assertEqual(machine.reply, b"S")
        machine.tls_started()
        self.assertEqual(machine.feed(PACKET.encode()), PACKET)

    def test_tls_declined(self):
        machine = startup(tls="disable")
        self.assertIsNone(machine.feed(SSL))
        self.assertEqual(machine.reply, b"N")
        self.assertEqual(machine.feed(PACKET.encode()), PACKET)

    def test_st12_gssenc(self):
        machine = startup()
        self.assertIsNone(machine.feed(GSS))
        self.assertEqual(machine.reply, b"N")
        self.assertEqual(machine.feed(SSL), StartTLS(b""))

    def test_st14_direct_tls(self):
        hello = b"\x16\3\1\0\5hello"
        self.assertEqual(startup().feed(hello), StartTLS(hello))
        self.assertRaises(WireError, startup(tls="disable").feed, hello)

    def test_cancel(self):
        request = CancelRequest(5, b"key!")
        self.assertEqual(startup().feed(request.encode()), request)


class Hostile(SynchronousTestCase):
    def refused(self, machine, *chunks, reason=None):
        for chunk in chunks[:-1]:
            machine.feed(chunk)
        error = self.assertRaises(WireError, machine.feed, chunks[-1])
        self.assertEqual(error.reason, reason)

    def test_st1_bytes_behind_a_request_for_encryption(self):
        for request in (SSL, GSS):
            for stuffed in (b"x", PACKET.encode(), b"Q\0\0\0\5\0"):
                self.refused(startup(), request + stuffed)

    def test_st6_plain_where_tls_is_required(self):
        self.refused(startup(tls="require"), PACKET.encode(), reason=EndReason.LOGIN)

    def test_st7_lengths(self):
        for length in (0, 1, 3, 4, 7, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF):
            self.refused(startup(), length.to_bytes(4, "big") + b"\0\3\0\0")

    def test_st8_size(self):
        filler = b"x" * (10_000 - len(PACKET.encode()) - len(b"datestyle\0\0"))
        packet = StartupPacket(0, {**PACKET.parameters, b"datestyle": filler})
        self.assertEqual(len(packet.encode()), 10_000)
        self.assertEqual(startup().feed(packet.encode()), packet)
        packet.parameters[b"datestyle"] += b"x"
        self.refused(startup(), packet.encode(), reason=EndReason.PROTOCOL)

    def test_st13_asked_twice(self):
        self.refused(startup(tls="disable"), SSL, SSL, reason=EndReason.PROTOCOL)
        self.refused(startup(), GSS, GSS, reason=EndReason.PROTOCOL)
        machine = startup()
        machine.feed(SSL)
        machine.tls_started()
        self.refused(machine, SSL, reason=EndReason.PROTOCOL)

    def test_st15_other_protocols(self):
        for data in (b"GET / HTTP/1.1\r\n\r\n", b"SSH-2.0-x\r\n", b"\x4a\0\0\0\x0a5.5.5-10.11"):
            self.refused(startup(), data)

    def test_bytes_behind_the_startup_packet(self):
        machine = startup()
        self.assertEqual(machine.feed(PACKET.encode() + b"Q"), PACKET)
        self.assertEqual(machine.rest, b"Q")

    def test_bytes_behind_a_cancel_request(self):
        self.refused(startup(), CancelRequest(7, b"abcd").encode() + b"Q")

    def test_st16_parameters(self):
        for more in (
            {b"role": b"x"},
            {b"session_authorization": b"x"},
            {b"options": b"-c role=x"},
            {b"options": b"-ec role=x"},
            {b"options": b"-c Role=x"},
            {b"options": b"-e"},
            {b"ROLE": b"x"},
            {b"Replication": b"1"},
            {b"REPLICATION": b"off"},
            {b"User": b"x"},
            {b"_PQ_.x": b"1"},
            {b"weird name": b"x"},
            {b"replication": b"1"},
            {b"replication": b"database"},
        ):
            packet = StartupPacket(0, {b"user": b"u", **more})
            self.refused(startup(), packet.encode(), reason=EndReason.LOGIN)
        for policy, more in (
            ({"parameters": frozenset("*")}, {b"role": b"x"}),
            ({"replication": True}, {b"replication": b"1"}),
            ({}, {b"replication": b"off"}),
            ({}, {b"options": b"-c search_path=x", b"TimeZone": b"UTC"}),
        ):
            packet = StartupPacket(0, {b"user": b"u", **more})
            self.assertEqual(startup(**policy).feed(packet.encode()), packet)

    @given(
        st.dictionaries(
            st.one_of(
                st.sampled_from([b"replication", b"Replication", b"options", b"Options", b"user"]),
                st.binary(min_size=1, max_size=8).map(lambda name: name.replace(b"\0", b"-")),
            ),
            st.binary(max_size=20).map(lambda value: value.replace(b"\0", b" ")),
            max_size=5,
        ),
        st.booleans(),
    )
    def test_st16_any_parameters(self, parameters, anything):
        packet = StartupPacket(0, {**parameters, b"user": b"u"})
        policy = {"parameters": frozenset("*")} if anything else {}
        try:
            self.assertEqual(startup(**policy).feed(packet.encode()), packet)
        except WireError as error:
            self.assertEqual(error.reason, EndReason.LOGIN)

    @given(st.binary(max_size=60), st.integers(1, 30))
    def test_random_bytes(self, data, size):
        machine = startup()
        try:
            for start in range(0, len(data), size):
                machine.feed(data[start : start + size])
        except WireError:
            pass


class Versions(SynchronousTestCase):
    def test_st10_what_we_do_not_know_is_not_passed_on(self):
        asked = StartupPacket(9999, {b"user": b"u", b"_pq_.x": b"1"})
        self.assertEqual(settle_version(asked), (StartupPacket(2, {b"user": b"u"}), [b"_pq_.x"]))
        for minor in (0, 2):
            packet = StartupPacket(minor, {b"user": b"u"})
            self.assertEqual(settle_version(packet), (packet, []))


class DatabaseAnswer(SynchronousTestCase):
    def test_st3_st5(self):
        self.assertTrue(database_accepts_tls(b"S"))
        self.assertFalse(database_accepts_tls(b"N"))
        for answer in (b"", b"E", b"SS", b"S\x16", b"E\0\0\0\5x"):
            self.assertRaises(WireError, database_accepts_tls, answer)
