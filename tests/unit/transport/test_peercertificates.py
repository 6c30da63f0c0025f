"""The certificates that peers have shown are remembered."""

from types import SimpleNamespace

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from acra_twisted.transport.credentials import Credentials
from acra_twisted.transport.peercertificates import KEPT_MAX, PeerCertificates
from acra_twisted.transport.tlscontext import TLSContexts
from tests.support.tlsfiles import TLSFiles


class Remembered(TLSFiles):
    def shown(self, name, days=30):
        certificate, _ = self.authority.issue(name, days=days)
        found = x509.load_pem_x509_certificate(certificate.read_bytes())
        return found.public_bytes(Encoding.DER), found.not_valid_after_utc.timestamp()

    def test_of_one_subject_the_one_that_lasts_longest(self):
        peers = PeerCertificates()
        for days in (5, 40, 9):
            der, ends = self.shown("connector", days)
            peers.note(der)
            if days == 40:
                expected = ends
        peers.note(self.shown("other")[0])
        found = {one.subject: one.ends for one in peers.found()}
        self.assertEqual(len(found), 2)
        (subject,) = (one for one in found if "connector" in one)
        self.assertEqual(found[subject], expected)

    def test_they_are_bounded_and_what_cannot_be_read_is_left_out(self):
        peers = PeerCertificates()
        last, _ = self.shown("last")
        peers.note(last)
        for number in range(2 * KEPT_MAX):
            peers.note(b"no certificate %d" % number)
            peers.note(last)
        self.assertEqual(len(peers), KEPT_MAX)
        self.assertEqual(len(peers.found()), 1)

    def judged(self, context, certificate):
        """A handshake is complete in which a peer has shown a certificate, or none."""
        context.judged(None, SimpleNamespace(certificate=certificate), b"")

    def test_contexts_tell_by_which_setting_they_were_verified(self):
        contexts = TLSContexts()
        credentials = Credentials(self.settings())
        server = contexts.add(credentials.server_context)
        client = contexts.add(lambda: credentials.client_creator("localhost"))
        unverified = contexts.add(
            lambda: Credentials(self.settings(tls_auth=0)).client_creator("localhost")
        )
        self.judged(server, None)
        self.assertEqual(contexts.peers(), [])
        for context, name in ((server, "connector"), (client, "db"), (unverified, "nobody")):
            self.judged(context, self.shown(name)[0])
        told = [(by, is_client, one.subject) for by, is_client, one in contexts.peers()]
        self.assertEqual([one[:2] for one in told], [("tls_ca", True), ("tls_ca", False)])
        self.assertIn("connector", told[0][2])
        self.assertIn("db", told[1][2])
        contexts.renew()
        self.assertEqual(len(contexts.peers()), 2)
