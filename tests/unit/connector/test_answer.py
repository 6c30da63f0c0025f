"""The first answer of a server."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.connector.answer import judge
from acra_twisted.transport import spoken
from acra_twisted.wire.postgres import backend
from acra_twisted.wire.postgres.frames import SSL_REQUEST_PACKET, StartupPacket

STARTUP = StartupPacket(0, {b"user": b"ann"}).encode()
ALERT = b"\x15\x03\x01\x00\x02\x02\x46"


class Answers(SynchronousTestCase):
    def test_other_protocols(self):
        for data, protocol in (
            (ALERT, spoken.TLS),
            (b"HTTP/1.1 400 Bad Request\r\n", spoken.HTTP),
            (b"SSH-2.0-x\r\n", spoken.SSH),
            (b"\x4a\0\0\0\x0a8.0.36\0", spoken.MYSQL),
        ):
            for said in (STARTUP, SSL_REQUEST_PACKET):
                wrong, refusal = judge(data, said)
                self.assertEqual((wrong.protocol, refusal), (protocol, ""))

    def test_what_is_carried_unread_may_be_answered_by_anything(self):
        for said in (b"", b"\x16\x03\x01\x02\0", b"GET / HTTP/1.1\r\n"):
            for data in (b"\x16\x03\x03\x02\0", b"HTTP/1.1 200", b"\x4a\0\0\0\x0a8.0.36\0"):
                self.assertEqual(judge(data, said), (None, ""))
        self.assertEqual(judge(ALERT, b"\x16\x03\x01\x02\0"), (None, ""))
        self.assertEqual(judge(ALERT, b"")[0].protocol, spoken.TLS)

    def test_a_session_that_begins(self):
        for data in (b"R\0\0\0\x08\0\0\0\0", b"N", b"S"):
            self.assertEqual(judge(data, STARTUP), (None, ""))

    def test_errors_about_connections_are_told(self):
        for sqlstate, text in ((b"08006", "could not"), (b"28000", "pg_hba"), (b"53300", "many")):
            data = backend.encode_error(b"FATAL", sqlstate, text)
            self.assertEqual(judge(data, STARTUP), (None, f"{text} ({sqlstate.decode()})"))
        data = backend.encode_error(b"FATAL", b"57P03", "starting\nup \x1b[1m" + "x" * 999)
        _, refusal = judge(data, STARTUP)
        self.assertTrue(refusal.startswith("starting up  [1mxxx"))
        self.assertLess(len(refusal), 220)

    def test_other_errors_may_repeat_what_was_sent(self):
        data = backend.encode_error(b"FATAL", b"22023", 'invalid value "secret"')
        self.assertEqual(judge(data, STARTUP), (None, "SQLSTATE 22023"))

    @given(st.binary(max_size=64), st.sampled_from((STARTUP, SSL_REQUEST_PACKET, b"")))
    def test_anything(self, data, said):
        for answer in (data, b"E" + data):
            wrong, refusal = judge(answer, said)
            self.assertTrue(wrong is None or not refusal)
            self.assertTrue(refusal.isprintable() or not refusal)
