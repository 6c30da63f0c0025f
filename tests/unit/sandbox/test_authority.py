"""The throw-away CA."""

import os
from pathlib import Path

from cryptography import x509
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.sandbox.authority import Authority


class Certificates(SynchronousTestCase):
    def test_issue(self):
        folder = Path(self.mktemp())
        folder.mkdir()
        authority = Authority(folder)
        certificate, key = authority.issue("db", hosts=("localhost", "127.0.0.1"))
        self.assertEqual(os.stat(key).st_mode & 0o777, 0o600)
        loaded = x509.load_pem_x509_certificate(certificate.read_bytes())
        loaded.verify_directly_issued_by(authority.certificate)
        names = loaded.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        self.assertEqual(names.get_values_for_type(x509.DNSName), ["localhost"])
        expired = x509.load_pem_x509_certificate(authority.issue("old", days=-1)[0].read_bytes())
        self.assertLess(expired.not_valid_before_utc, expired.not_valid_after_utc)
        self.assertLess(expired.not_valid_after_utc, authority.certificate.not_valid_after_utc)
