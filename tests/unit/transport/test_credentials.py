"""Credentials: what is refused, and that TLS 1.1 is."""

import os
import ssl

from OpenSSL import SSL

from acra_twisted.errors import ConfigError
from acra_twisted.transport.certificates import SERVER
from acra_twisted.transport.credentials import Credentials
from tests.support.handshakes import shake
from tests.support.tlsfiles import TLSFiles


class Files(TLSFiles):
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
        unreadable.write_text("-----BEGIN ENCRYPTED PRIVATE KEY-----\n")
        self.refused("take its passphrase off", tls_key=unreadable)

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
