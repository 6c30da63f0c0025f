"""The words about the other end; whole conversations are in tests/integration."""

from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.doctor.far import peer, told
from acra_twisted.doctor.result import FAIL, OK, WARN
from acra_twisted.sandbox.authority import Authority
from acra_twisted.transport import peers
from acra_twisted.transport.failures import Party, reason_of


class Said(SynchronousTestCase):
    def test_a_reason_has_its_remedy(self):
        found = told("database", reason_of(ConnectionRefusedError(), Party(peers.DATABASE, "h:1")))
        self.assertEqual(found.state, FAIL)
        self.assertEqual(found.text, "the database at h:1: connection refused")
        self.assertIn("db_host and db_port", found.remedy)

    def test_until_when_its_certificate_is_good(self):
        folder = Path(self.mktemp())
        folder.mkdir()
        authority = Authority(folder)
        self.assertEqual(peer("link", None), [])
        for days, begins_in, expected in ((200, 0, OK), (10, -200, WARN)):
            path, _ = authority.issue(f"server{days}", hosts=("x",), days=days, begins_in=begins_in)
            loaded = x509.load_pem_x509_certificate(Path(path).read_bytes())
            [found] = peer("link", loaded.public_bytes(Encoding.DER))
            self.assertEqual(found.state, expected)
