"""Cases of TLS between two sockets, the same for both forms: handshake, names, records,
resumption, ends."""

import socket
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificate
from cryptography.x509.oid import NameOID
from OpenSSL import SSL

from acra_twisted.sandbox.authority import Authority
from acra_twisted.transport.credentials import Credentials
from tests.support.sockets import Producer, Reactor

MUCH = 1 << 20


class TLSCases:
    """Tests for a form of TLS.  It says how there are `ends`, how TLS is put on one (`begin`), and
    which connection of OpenSSL's a transport has (`connection`)."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        authority = Authority(Path(folder.name))
        other = Path(folder.name, "other")
        other.mkdir()
        cls.stranger = cls.settings(Authority(other), "stranger", ())
        cls.near = cls.settings(authority, "server", ("db.example", "127.0.0.1"))
        cls.far = cls.settings(authority, "client", ())

    @staticmethod
    def settings(authority, name, hosts):
        certificate, key = authority.issue(name, hosts=hosts)
        return {
            "tls_ca": str(authority.path),
            "tls_cert": str(certificate),
            "tls_key": str(key),
            "tls_auth": 4,
        }

    def setUp(self):
        self.server_context = Credentials(self.near).server_context((b"postgresql",))
        self.client_context = Credentials(self.far).client_creator("db.example")

    def connect(self, turns=50, tcp=False):
        self.reactor = Reactor()
        outers = self.ends(self.reactor, tcp)
        self.here, self.there = (outer.inner for outer in outers)
        for outer, context, is_client in (
            (outers[0], self.server_context, False),
            (outers[1], self.client_context, True),
        ):
            self.begin(outer, context, is_client)
        self.server, self.client = self.here.transport, self.there.transport
        self.addCleanup(self.end, self.reactor, self.server, self.client)
        self.reactor.turn(turns)

    def reused(self):
        """Tell whether OpenSSL has resumed a session."""
        return bool(SSL._lib.SSL_session_reused(self.connection(self.client)._ssl))

    def end(self, reactor, *transports):
        for transport in transports:
            transport.abortConnection()
        reactor.turn(2)

    def test_both_sides_know_each_other(self):
        self.connect()
        self.assertEqual((self.here.shaken, self.there.shaken), (1, 1))
        self.assertEqual(peer(self.server), "client")
        self.assertIsNone(self.server.negotiatedProtocol)

    def test_each_side_knows_what_it_has_shown(self):
        for _ in range(2):
            # The second connection resumes the session of the first.
            self.connect()
            for transport, files in ((self.server, self.near), (self.client, self.far)):
                pem = Path(files["tls_cert"]).read_bytes()
                der = load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
                self.assertEqual(transport.own_certificate(), der)
            self.server.write(b"x")
            self.reactor.turn()
        self.assertTrue(self.reused())

    def test_data_both_ways(self):
        self.connect()
        self.client.write(b"ping")
        self.server.write(b"pong")
        self.reactor.turn()
        self.assertEqual((self.here.data, self.there.data), (b"ping", b"pong"))

    def test_what_is_written_before_the_handshake_waits_for_it(self):
        self.connect(turns=0)
        self.client.write(b"early ")
        self.client.write(b"bird")
        self.reactor.turn()
        self.assertEqual(self.here.data, b"early bird")

    def test_much_with_a_slow_reader(self):
        self.connect()
        producer = Producer()
        self.client.registerProducer(producer, True)
        self.server.pauseProducing()
        text = bytes(range(256)) * (MUCH // 256)
        self.client.write(text)
        self.client.write(b"end")
        self.reactor.turn()
        self.assertEqual((self.here.data, producer.calls), (b"", ["pause"]))
        self.server.resumeProducing()
        self.reactor.turn(500)
        self.assertEqual(self.here.data, text + b"end")
        self.assertEqual(producer.calls, ["pause", "resume"])

    def test_tl8_sessions_are_resumed(self):
        self.connect()
        self.assertFalse(self.reused())
        self.server.write(b"x")
        self.reactor.turn()
        self.connect()
        self.assertTrue(self.reused())
        # Who it is is known all the same.
        self.assertEqual(peer(self.server), "client")

    def test_a_context_made_anew_knows_no_old_session(self):
        self.connect()
        self.server.write(b"x")
        self.reactor.turn()
        self.server_context = Credentials(self.near).server_context()
        self.connect()
        self.assertFalse(self.reused())
        self.assertEqual((self.here.shaken, self.there.shaken), (1, 1))

    def test_tl7_a_connection_of_before_a_renewal_is_not_resumed(self):
        self.connect()
        self.client_context.become(Credentials(self.far).client_creator("db.example"))
        # Its ticket comes now, from the context of before.
        self.server.write(b"x")
        self.reactor.turn()
        self.connect()
        self.assertFalse(self.reused())
        self.assertEqual((self.here.shaken, self.there.shaken), (1, 1))

    def test_tl2_another_name(self):
        self.client_context = Credentials(self.far).client_creator("other.example")
        self.connect()
        self.assertEqual((self.there.shaken, self.there.lost), (0, ["CertificateRefused"]))
        self.assertEqual(self.here.data, b"")

    def test_tl2_an_address(self):
        self.client_context = Credentials(self.far).client_creator("127.0.0.1")
        self.connect()
        self.assertEqual(self.there.shaken, 1)
        self.client_context = Credentials(self.far).client_creator("127.0.0.2")
        self.connect()
        self.assertEqual((self.there.shaken, self.there.lost), (0, ["CertificateRefused"]))

    def test_tl2_another_authority(self):
        self.client_context = Credentials(self.stranger).client_creator("db.example")
        self.connect()
        self.assertEqual((self.there.shaken, self.there.lost), (0, ["CertificateRefused"]))
        self.assertEqual((self.here.shaken, len(self.here.lost)), (0, 1))

    def test_who_is_refused_learns_why_whatever_it_was_saying(self):
        self.client_context = Credentials({**self.stranger, "tls_ca": self.far["tls_ca"]})
        self.client_context = self.client_context.client_creator("db.example")
        self.connect(turns=0, tcp=True)
        # It talks on before it reads: a reset would end that, and take what was told along.
        self.there.handshakeCompleted = self.client.pauseProducing
        self.client.write(b"x" * 10_000)
        self.reactor.turn()
        for _ in range(3):
            self.client.write(b"y")
            self.reactor.turn()
        self.client.resumeProducing()
        self.reactor.turn()
        self.assertEqual((self.there.lost, self.there.data), (["Error"], b""))
        self.assertIn("alert unknown ca", str(self.there.why))
        self.assertEqual((self.here.shaken, self.here.lost), (0, ["CertificateRefused"]))
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_who_is_refused_and_stays_is_left(self):
        for parting in ("time", "bytes"):
            reactor = Reactor()
            near, far = self.ends(reactor)
            protocol = near.inner
            self.begin(near, self.server_context, False)
            far.socket.send(bytes.fromhex("160301000401000000"))
            reactor.turn()
            self.assertEqual(protocol.lost, [])
            # What is said now changes nothing.
            protocol.transport.write(b"too late")
            if parting == "time":
                reactor.advance(2)
            else:
                far.socket.setblocking(False)
                for _ in range(400):
                    try:
                        far.socket.send(b"x" * 16384)
                    except OSError:
                        pass
                    reactor.turn()
                    if protocol.lost:
                        break
            self.assertEqual(protocol.lost, ["Error"], parting)
            far.socket.close()

    def test_another_alpn_is_refused(self):
        self.client_context.context.set_alpn_protos([b"smtp"])
        self.connect()
        self.assertEqual((self.here.shaken, self.here.lost), (0, ["HandshakeError"]))
        self.assertEqual((self.there.shaken, self.there.lost), (0, ["Error"]))

    def test_our_alpn(self):
        self.client_context.context.set_alpn_protos([b"postgresql"])
        self.connect()
        self.assertEqual(self.server.negotiatedProtocol, b"postgresql")

    def test_close_says_so(self):
        self.connect()
        self.client.write(b"last words")
        self.client.loseConnection()
        self.reactor.turn()
        self.assertEqual((self.here.data, self.here.lost), (b"last words", ["ConnectionDone"]))
        self.assertEqual(self.there.lost, ["ConnectionDone"])

    def test_tl9_an_end_without_saying_so_is_a_loss(self):
        self.connect()
        self.client.getHandle().shutdown(socket.SHUT_WR)
        self.reactor.turn()
        self.assertEqual(self.here.lost, ["ConnectionLost"])

    def test_what_is_no_tls_ends_it(self):
        self.connect()
        self.client.getHandle().send(b"\x15\x03\x03 garbage " * 9)
        self.reactor.turn()
        self.assertEqual(self.here.lost, ["Error"])

    def test_garbage_instead_of_a_handshake(self):
        self.reactor = Reactor()
        near, far = self.ends(self.reactor)
        protocol = near.inner
        self.begin(near, self.server_context, False)
        far.socket.send(b"GET / HTTP/1.0\r\n\r\n")
        self.reactor.turn()
        far.socket.close()
        self.assertEqual((protocol.shaken, protocol.lost), (0, ["ForeignProtocol"]))

    def test_a_peer_that_leaves_instead_of_a_handshake(self):
        self.reactor = Reactor()
        near, far = self.ends(self.reactor)
        protocol = near.inner
        self.begin(near, self.server_context, False)
        far.socket.close()
        self.reactor.turn()
        self.assertEqual((protocol.shaken, protocol.lost), (0, ["PeerSilent"]))

    def test_a_peer_that_leaves_in_the_middle_of_a_handshake(self):
        self.reactor = Reactor()
        near, far = self.ends(self.reactor)
        protocol = near.inner
        self.begin(near, self.server_context, False)
        far.socket.send(b"\x16")
        self.reactor.turn()
        self.assertEqual(protocol.lost, [])
        far.socket.close()
        self.reactor.turn()
        self.assertEqual((protocol.shaken, protocol.lost), (0, ["ConnectionLost"]))

    def test_closed_before_the_handshake(self):
        self.connect(turns=0)
        self.client.write(b"too early")
        self.client.loseConnection()
        self.reactor.turn()
        self.assertEqual((self.here.shaken, self.there.lost), (0, ["ConnectionDone"]))

    def test_not_begun_where_the_protocol_has_refused(self):
        self.reactor = Reactor()
        near, far = self.ends(self.reactor)
        protocol = near.inner
        protocol.makeConnection = lambda transport: transport.abortConnection()
        self.begin(near, self.server_context, False)
        self.reactor.turn()
        far.socket.close()
        self.assertEqual(protocol.lost, ["ConnectionAborted"])

    def test_broken_when_written_to(self):
        self.connect()
        self.server.getHandle().shutdown(socket.SHUT_RD)
        self.client.write(b"x")
        self.assertEqual(self.there.lost, [])
        self.reactor.turn()
        self.assertEqual(self.there.lost, ["ConnectionLost"])


def peer(transport) -> str:
    """The common name in the peer's certificate."""
    names = transport.getPeerCertificate().to_cryptography().subject
    return names.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
