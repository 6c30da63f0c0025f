"""What an application is told when there is no server."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.connector.farewell import Farewell
from acra_twisted.connector.watch import OFFER
from acra_twisted.wire.postgres.frames import SSL_REQUEST_PACKET, CancelRequest, StartupPacket

STARTUP = StartupPacket(0, {b"user": b"ann", b"anything": b"x"}).encode()


class Words(SynchronousTestCase):
    def test_postgresql(self):
        farewell = Farewell("no server")
        self.assertEqual(farewell.feed(SSL_REQUEST_PACKET), (b"N", False))
        reply, ends = farewell.feed(STARTUP)
        self.assertTrue(ends)
        self.assertIn(b"C08006\0Mno server\0", reply)

    def test_anything_else_gets_a_clean_close(self):
        for data in (
            b"GET / HTTP/1.0\r\n\r\n",
            b"\x16\3\1\0\5",
            CancelRequest(1, b"key!").encode(),
        ):
            self.assertEqual(Farewell("no server").feed(data), (b"", True))

    def test_within_tls(self):
        for said, reply, hello in (
            (SSL_REQUEST_PACKET, b"S", b""),
            (b"\x16\3\1\0\5", b"", b"\x16\3\1\0\5"),
        ):
            farewell = Farewell("no server", tls=OFFER)
            self.assertEqual(farewell.feed(said), (reply, False))
            self.assertEqual((farewell.begins_tls, farewell.client_hello), (True, hello))
            farewell.tls_started()
            self.assertFalse(farewell.begins_tls)
            self.assertIn(b"C08006\0Mno server\0", farewell.feed(STARTUP)[0])
