"""Files of an authority and of a certificate, and settings that name them."""

from pathlib import Path

from cryptography.hazmat.primitives import serialization
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.options import Settings
from acra_twisted.sandbox.authority import Authority


class TLSFiles(SynchronousTestCase):
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

    def use(self, leaf, authority):
        """Have the files hold a certificate with its key, and its authority's, from now on."""
        pem = serialization.Encoding.PEM
        self.authority.path.write_bytes(authority.public_bytes(pem))
        self.certificate.write_bytes(leaf.certificate.public_bytes(pem))
        form = serialization.PrivateFormat.PKCS8
        self.key.write_bytes(leaf.key.private_bytes(pem, form, serialization.NoEncryption()))
