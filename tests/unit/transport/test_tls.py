"""Credentials: what is refused, and that TLS 1.1 is."""

import os
import ssl
from pathlib import Path

from OpenSSL import SSL
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Protocol
from twisted.internet.testing import StringTransport
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import ConfigError
from acra_twisted.options import Settings
from acra_twisted.sandbox.authority import Authority
from acra_twisted.transport.certificates import SERVER
from acra_twisted.transport.tls import Credentials, RawSecurity, TLSContexts
from acra_twisted.transport.verifier import CertificateRefused
from tests.support.handshakes import shake


class Ends(Protocol):
    """Remembers why it ended."""

    why = None

    def connectionLost(self, reason):
        self.why = reason.value


class Files(SynchronousTestCase):
    def setUp(self):
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.authority = Authority(self.folder)
        self.certificate, self.key = self.authority.issue("server", hosts=("localhost", "::1"))

    def settings(self, **changes):
        values = {
            "tls_ca": str(self.authority.path),
            "tls_cert": str(self.certificate),
            "tls_key": str(self.key),
            "tls_auth": 4,
            "tls_client_auth": -1,
            "tls_client_ca": "",
            "tls_client_cert": "",
            "tls_client_key": "",
        }
        return Settings(
            {**values, **{k: str(v) if isinstance(v, Path) else v for k, v in changes.items()}}
        )

    def refused(self, expected, **changes):
        error = self.assertRaises(ConfigError, Credentials, self.settings(**changes), "tls_client_")
        self.assertIn(expected, str(error))

    def test_fine(self):
        credentials = Credentials(self.settings(), "tls_client_")
        self.assertEqual(credentials.auth, 4)
        self.assertIsNotNone(credentials.server_context().context)
        for name in ("localhost", "127.0.0.1", "a" * 70 + ".example"):
            self.assertIsNotNone(credentials.client_creator(name))

    def test_mistakes(self):
        (self.folder / "empty").write_text("")
        other, other_key = self.authority.issue("other")
        self.refused("cannot read /nowhere", tls_ca="/nowhere")
        self.refused("holds no certificate", tls_cert=self.folder / "empty")
        self.refused("give both or neither", tls_key="")
        self.refused("not the key of the certificate", tls_client_key=other_key)
        self.refused("nobody verified", tls_client_auth=2)
        unreadable = self.folder / "bad.key"
        unreadable.write_text("no key")
        unreadable.chmod(0o600)
        self.refused("no unencrypted private key", tls_key=unreadable)

    def test_tl12_keys_that_others_can_read(self):
        for mode in (0o640, 0o604):
            os.chmod(self.key, mode)
            self.refused("chmod 600", tls_key=self.key)

    def test_verification_needs_authorities(self):
        credentials = Credentials(self.settings(tls_ca=""))
        self.assertRaises(ConfigError, credentials.server_context)

    def test_without_verification(self):
        credentials = Credentials(self.settings(tls_auth=0))
        self.assertIsNotNone(credentials.client_creator("anything").context)
        lenient = Credentials(self.settings(tls_auth=3))
        self.assertIsNotNone(lenient.server_context().context)

    def test_tl1_old_versions(self):
        context = Credentials(self.settings(tls_auth=0)).server_context().context
        server = SSL.Connection(context)
        server.set_accept_state()
        old = SSL.Context(SSL.TLS_CLIENT_METHOD)
        old.set_min_proto_version(SSL.TLS1_1_VERSION)
        old.set_max_proto_version(SSL.TLS1_1_VERSION)
        old.set_cipher_list(b"ALL:@SECLEVEL=0")
        client = SSL.Connection(old)
        client.set_connect_state()
        self.assertRaises(SSL.WantReadError, client.do_handshake)
        server.bio_write(client.bio_read(4096))
        self.assertRaises(SSL.Error, server.do_handshake)

    def test_what_openssl_alone_can_read_is_trusted_all_the_same(self):
        """The system's CAs: some have serial numbers that are not positive."""
        der = ssl.PEM_cert_to_DER_cert(self.authority.path.read_text())
        at = der.index(bytes.fromhex("a003020102")) + 5
        size = der[at + 1]
        odd = der[: at + 2] + b"\x80" + b"\0" * (size - 1) + der[at + 2 + size :]
        path = self.folder / "many.pem"
        path.write_text(ssl.DER_cert_to_PEM_cert(odd) + self.authority.path.read_text())
        credentials = Credentials(self.settings(tls_ca=path))
        self.assertEqual(len(credentials.authorities), 2)
        contexts = credentials.client_creator("localhost"), credentials.server_context()
        self.assertEqual(shake(*contexts), [None, None])
        self.assertEqual(credentials.judged(SERVER, link=True), ([], []))

    def test_in_memory_it_is_said_alike_why(self):
        """TLS of Twisted's, on top of something else."""
        for name, days, said in (
            ("other.example", 30, "is for localhost, ::1 and not for other.example"),
            ("localhost", -1, "expired on"),
        ):
            self.authority.issue("server", hosts=("localhost", "::1"), days=days)
            credentials = Credentials(self.settings())
            ends = []
            for context, is_client in (
                (credentials.client_creator(name), True),
                (credentials.server_context(), False),
            ):
                factory = TLSMemoryBIOFactory(context.creator, is_client, None)
                transport, protocol = StringTransport(), Ends()
                tls = TLSMemoryBIOProtocol(factory, protocol, False)
                ends.append((transport, protocol, tls))
            for transport, _, tls in ends:
                tls.makeConnection(transport)
            for _ in range(5):
                for (here, _, _), (_, _, there) in (ends, ends[::-1]):
                    data = here.value()
                    here.clear()
                    if data:
                        there.dataReceived(data)
            for _, _, tls in ends:
                tls.connectionLost(Failure(ConnectionDone()))
            self.assertIsInstance(ends[0][1].why, CertificateRefused)
            self.assertIn(said, str(ends[0][1].why))
            self.assertIn("alert", str(ends[1][1].why))

    def test_tl7_read_anew_together_or_not_at_all(self):
        contexts = TLSContexts()
        settings = self.settings()
        server = contexts.add(lambda: Credentials(settings).server_context())
        client = contexts.add(lambda: Credentials(settings).client_creator("localhost"))
        before = server.context, client.context
        client.keep_session(server.connection(None, None, False))
        self.authority.issue("server", hosts=("localhost",))
        self.assertEqual(contexts.renew(), 2)
        renewed = server.context, client.context
        self.assertFalse(set(map(id, before)) & set(map(id, renewed)))
        # Sessions of before are not resumed: who holds them was verified by other files.
        self.assertIsNone(client._session)
        _, other = self.authority.issue("other")
        self.key.write_bytes(other.read_bytes())
        error = self.assertRaises(ConfigError, contexts.renew)
        self.assertIn("not the key of the certificate", str(error))
        self.assertEqual((server.context, client.context), renewed)
        self.assertRaises(ValueError, client.become, server)

    def test_raw_protects_nothing(self):
        factory = object()
        self.assertIs(RawSecurity().protect(factory), factory)
