"""Finding a startup packet, however it is split, or that there is none."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.connector.watch import StartupWatch
from acra_twisted.wire.postgres.frames import (
    SSL_REQUEST_PACKET,
    STARTUP_HEADER,
    CancelRequest,
    StartupPacket,
)

STARTUP = StartupPacket(0, {b"user": b"ann"}).encode()


class Watch(SynchronousTestCase):
    @given(st.lists(st.integers(0, len(STARTUP) + 5), max_size=6))
    def test_a_startup_packet_in_pieces(self, cuts):
        watch, data, passed = StartupWatch(), STARTUP + b"more!", b""
        places = [0, *sorted(cuts), len(data)]
        late = b""
        for start, end in zip(places, places[1:], strict=False):
            if watch.startup is None:
                passed += watch.from_application(data[start:end])
            else:
                late += data[start:end]
        self.assertEqual((passed, watch.packet), (b"", STARTUP))
        self.assertEqual(watch.rest + late, b"more!")
        self.assertEqual(watch.startup.parameters, {b"user": b"ann"})
        self.assertFalse(watch.opaque)

    @given(st.lists(st.binary(max_size=40), max_size=5), st.booleans())
    def test_whatever_comes_nothing_is_lost(self, pieces, is_asked):
        watch = StartupWatch()
        said = [SSL_REQUEST_PACKET] * is_asked + pieces
        passed = b""
        for piece in said:
            if watch.opaque or watch.startup is not None:
                break
            passed += watch.from_application(piece)
            said = said[1:]
        held = b"" if watch.opaque else watch.from_server(b"x")
        rest = watch.packet + watch.rest
        self.assertEqual(
            passed + held + rest + b"".join(said), SSL_REQUEST_PACKET * is_asked + b"".join(pieces)
        )

    def test_asking_for_encryption(self):
        watch = StartupWatch()
        self.assertEqual(watch.from_application(SSL_REQUEST_PACKET), SSL_REQUEST_PACKET)
        self.assertEqual(watch.from_server(b"N"), b"")
        self.assertEqual(watch.from_application(STARTUP), b"")
        self.assertIsNotNone(watch.startup)

    def test_what_is_opaque(self):
        cancel = CancelRequest(1, b"key!").encode()
        protocol_2 = STARTUP_HEADER.pack(8, 2 << 16)
        injected = SSL_REQUEST_PACKET + STARTUP
        broken = STARTUP_HEADER.pack(10, 3 << 16) + b"ab"
        for data in (cancel, protocol_2, injected, broken, b"\x16\x03\x01\2", b"GET / HTTP"):
            watch = StartupWatch()
            self.assertEqual(watch.from_application(data), data)
            self.assertTrue(watch.opaque)
        watch = StartupWatch()
        watch.from_application(STARTUP[:6])
        self.assertEqual(watch.from_server(b"hello"), STARTUP[:6])
