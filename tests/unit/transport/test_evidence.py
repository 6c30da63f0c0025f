"""Evidence of full handshakes and of resumed sessions."""

from cryptography.hazmat.primitives.serialization import Encoding

from acra_twisted.transport.certificates import readable
from acra_twisted.transport.credentials import Credentials
from acra_twisted.transport.evidence import evidence_of
from tests.support.handshakes import connect
from tests.support.tlsfiles import TLSFiles


class Handshakes(TLSFiles):
    def shaken(self, server, client):
        """Both ends of a complete handshake in memory."""
        ends = server.connection(None, None, False), client.connection(None, None, True)
        connect(*ends[::-1])
        return ends

    def contexts(self, **changes):
        credentials = Credentials(self.settings(**changes))
        return credentials.server_context(), credentials.client_creator("localhost")

    def test_the_chain_is_the_one_that_was_verified(self):
        own, authority = (
            readable([each.original for each in certificates])[0].public_bytes(Encoding.DER)
            for certificates in map(self.read, (self.certificate, self.authority.path))
        )
        for end in self.shaken(*self.contexts()):
            found = evidence_of(end, b"staple")
            self.assertEqual(found.chain, (own, authority))
            self.assertEqual((found.resumed, found.staple), (False, b"staple"))

    def read(self, path):
        from acra_twisted.transport.credentials import read_certificates

        return read_certificates("tls_cert", str(path))

    def test_a_resumed_session_has_the_peers_own_alone(self):
        server, client = self.contexts()
        ends = self.shaken(server, client)
        full = [evidence_of(end) for end in ends]
        ends[0].send(b"x")
        ends[1].bio_write(ends[0].bio_read(1 << 16))
        ends[1].recv(1)
        client.keep_session(ends[1])
        for end, before in zip(self.shaken(server, client), full, strict=True):
            found = evidence_of(end)
            self.assertEqual(found.chain, before.chain[:1])
            self.assertTrue(found.resumed)

    def test_who_shows_nothing_has_none(self):
        server, client = self.contexts(tls_auth=0)
        self.assertIsNone(evidence_of(self.shaken(server, client)[0]))
