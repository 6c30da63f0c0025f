"""Finding a startup packet, however it is split, or that there is none."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.postgresql.followedstartup import FollowedStartup
from acra_twisted.endreason import EndReason
from acra_twisted.errors import WireError
from acra_twisted.loginactions import CANCEL, DECLINE, ENCRYPTED, OFFER, OTHER, REFUSE, REQUIRE
from acra_twisted.wire.postgres.frames import (
    GSSENC_REQUEST,
    SSL_REQUEST_PACKET,
    STARTUP_HEADER,
    CancelRequest,
    StartupPacket,
)

STARTUP = StartupPacket(0, {b"user": b"ann"}).encode()
GSSENC_REQUEST_PACKET = STARTUP_HEADER.pack(8, GSSENC_REQUEST)
CLIENT_HELLO = b"\x16\x03\x01\x02\x00\x01"


class Watch(SynchronousTestCase):
    @given(st.lists(st.integers(0, len(STARTUP) + 5), max_size=6))
    def test_a_startup_packet_in_pieces(self, cuts):
        watch, data, passed = FollowedStartup(), STARTUP + b"more!", b""
        places = [0, *sorted(cuts), len(data)]
        late = b""
        for start, end in zip(places, places[1:], strict=False):
            if watch.startup is None:
                passed += watch.from_client(data[start:end])
            else:
                late += data[start:end]
        self.assertEqual((passed, watch.packet), (b"", STARTUP))
        self.assertEqual(watch.rest + late, b"more!")
        self.assertEqual(watch.startup.parameters, {b"user": b"ann"})
        self.assertEqual(watch.opaque, "")

    @given(st.lists(st.binary(max_size=40), max_size=5), st.booleans())
    def test_whatever_comes_nothing_is_lost(self, pieces, is_asked):
        watch = FollowedStartup()
        said = [SSL_REQUEST_PACKET] * is_asked + pieces
        passed = b""
        for piece in said:
            if watch.opaque or watch.startup is not None:
                break
            passed += watch.from_client(piece)
            said = said[1:]
        held = b"" if watch.opaque else watch.from_database(b"x")
        rest = watch.packet + watch.rest
        self.assertEqual(
            passed + held + rest + b"".join(said), SSL_REQUEST_PACKET * is_asked + b"".join(pieces)
        )

    def test_asking_for_encryption(self):
        watch = FollowedStartup()
        self.assertEqual(watch.from_client(SSL_REQUEST_PACKET), SSL_REQUEST_PACKET)
        self.assertEqual(watch.from_database(b"N"), b"")
        self.assertEqual(watch.from_client(STARTUP), b"")
        self.assertIsNotNone(watch.startup)

    def test_what_is_opaque(self):
        cancel = CancelRequest(1, b"key!").encode()
        protocol_2 = STARTUP_HEADER.pack(8, 2 << 16)
        injected = SSL_REQUEST_PACKET + STARTUP
        broken = STARTUP_HEADER.pack(10, 3 << 16) + b"ab"
        for data, why in (
            (cancel, CANCEL),
            (protocol_2, OTHER),
            (injected, OTHER),
            (broken, OTHER),
            (CLIENT_HELLO, ENCRYPTED),
            (b"GET / HTTP", OTHER),
        ):
            watch = FollowedStartup()
            self.assertEqual(watch.from_client(data), data)
            self.assertEqual(watch.opaque, why)
        watch = FollowedStartup()
        watch.from_client(STARTUP[:6])
        self.assertEqual(watch.from_database(b"hello"), STARTUP[:6])
        watch = FollowedStartup()
        watch.from_client(SSL_REQUEST_PACKET)
        watch.from_database(b"S")
        self.assertEqual(watch.opaque, ENCRYPTED)


class Answers(SynchronousTestCase):
    """Requests for encryption that the connector answers itself."""

    def answers(self, tls, *said):
        watch = FollowedStartup(tls)
        shown = []
        for data in said:
            self.assertEqual(watch.from_client(data), b"")
            shown.append(watch.reply)
        return watch, shown

    def refuses(self, tls, data, reason=None):
        watch = FollowedStartup(tls)
        error = self.assertRaises(WireError, watch.from_client, data)
        self.assertEqual(error.reason, reason)

    def test_there_is_none(self):
        for tls in (DECLINE, REFUSE):
            watch, shown = self.answers(tls, GSSENC_REQUEST_PACKET, SSL_REQUEST_PACKET, STARTUP)
            self.assertEqual(shown, [b"N", b"N", b""])
            self.assertIsNotNone(watch.startup)

    def test_a_client_that_wanted_it_and_says_nothing_more(self):
        watch, _ = self.answers(DECLINE, SSL_REQUEST_PACKET)
        self.assertTrue(watch.declined)
        watch.from_client(STARTUP[:5])
        self.assertFalse(watch.declined)
        for said in (GSSENC_REQUEST_PACKET, b"\0"):
            self.assertFalse(self.answers(DECLINE, said)[0].declined)
        watch = FollowedStartup()
        watch.from_client(SSL_REQUEST_PACKET)
        self.assertFalse(watch.declined)
        watch.from_database(b"N")
        self.assertTrue(watch.declined)

    def test_tls_begins(self):
        for tls in (OFFER, REQUIRE):
            watch, shown = self.answers(tls, GSSENC_REQUEST_PACKET, SSL_REQUEST_PACKET)
            self.assertEqual((shown, watch.begins_tls), ([b"N", b"S"], True))
            self.assertFalse(watch.declined)
            watch.tls_started()
            self.assertEqual(watch.from_client(STARTUP + b"rest"), b"")
            self.assertEqual((watch.packet, watch.rest), (STARTUP, b"rest"))

    @given(st.binary(max_size=40), st.integers(1, 45))
    def test_direct_tls(self, more, cut):
        data = CLIENT_HELLO + more
        watch, shown = self.answers(OFFER, data[:cut])
        self.assertEqual((shown, watch.begins_tls), ([b""], True))
        self.assertEqual(watch.client_hello, data[:cut])

    def test_direct_tls_where_there_is_none(self):
        self.refuses(REFUSE, CLIENT_HELLO)
        watch = FollowedStartup(DECLINE)
        self.assertEqual(watch.from_client(CLIENT_HELLO), CLIENT_HELLO)
        self.assertEqual(watch.opaque, ENCRYPTED)

    def test_bytes_behind_a_request_are_an_attempt_to_inject_them(self):
        for tls in (DECLINE, REFUSE, OFFER, REQUIRE):
            for asked in (SSL_REQUEST_PACKET, GSSENC_REQUEST_PACKET):
                self.refuses(tls, asked + STARTUP)
                self.refuses(tls, asked + b"\0")

    def test_asking_again(self):
        watch, _ = self.answers(DECLINE, SSL_REQUEST_PACKET)
        self.assertRaises(WireError, watch.from_client, SSL_REQUEST_PACKET)
        watch, _ = self.answers(OFFER, SSL_REQUEST_PACKET)
        watch.tls_started()
        for asked in (SSL_REQUEST_PACKET, GSSENC_REQUEST_PACKET):
            self.assertRaises(WireError, watch.from_client, asked)
        watch, _ = self.answers(OFFER, GSSENC_REQUEST_PACKET)
        self.assertRaises(WireError, watch.from_client, CLIENT_HELLO)

    def test_whoever_does_not_ask_where_it_is_required(self):
        self.refuses(REQUIRE, STARTUP, EndReason.LOGIN)
        for data in (b"GET / HTTP", STARTUP_HEADER.pack(8, 2 << 16)):
            self.refuses(REQUIRE, data)
        self.assertRaises(WireError, FollowedStartup(REQUIRE).from_database, b"hello")
        cancel = CancelRequest(1, b"key!").encode()
        watch = FollowedStartup(REQUIRE)
        self.assertEqual((watch.from_client(cancel), watch.opaque), (cancel, CANCEL))

    @given(st.sampled_from((DECLINE, REFUSE, OFFER, REQUIRE)), st.lists(st.binary(max_size=40)))
    def test_whatever_is_said_is_refused_or_kept(self, tls, pieces):
        watch, passed, taken = FollowedStartup(tls), b"", b""
        for piece in pieces:
            try:
                passed += watch.from_client(piece)
            except WireError:
                return
            taken += piece
            if watch.opaque or watch.startup or watch.begins_tls:
                break
        if watch.opaque:
            self.assertTrue(taken.endswith(passed))
        else:
            self.assertEqual(passed, b"")
