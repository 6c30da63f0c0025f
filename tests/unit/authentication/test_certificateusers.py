"""Users whose client's certificate proves who they are."""

import os
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.authentication.authfile import format_line
from acra_twisted.authentication.certificateusers import CN, DN, CertificateUsers, IdentFile
from acra_twisted.authentication.keyfile import KeyFile
from acra_twisted.errors import ConfigError
from acra_twisted.lookup import Found
from acra_twisted.sandbox.authority import Authority
from acra_twisted.wire.scram import Keys
from acra_twisted.wire.scramkeys import encode_keys

SECRET = encode_keys(Keys(b"c" * 32, b"s" * 32), b"salt", 4096)
NOBODY = Found(None, "certificate")


class Users(SynchronousTestCase):
    def setUp(self):
        folder = Path(self.mktemp())
        folder.mkdir()
        self.authority = Authority(folder)

    def certificate(self, name="ann", **options):
        path, _ = self.authority.issue(name, **options)
        return x509.load_pem_x509_certificate(path.read_bytes()).public_bytes(Encoding.DER)

    def file(self, data, mode=0o600):
        path = self.mktemp()
        Path(path).write_bytes(data)
        os.chmod(path, mode)
        return path

    def test_without_a_file_the_common_name_is_the_user(self):
        users, ann = CertificateUsers(CN, None, None), self.certificate()
        self.assertEqual(users.look_up(b"ann", ann), Found(b"", "certificate"))
        for user in (b"bob", b"Ann", b"", b"ann\0"):
            self.assertEqual(users.look_up(user, ann), NOBODY)

    def test_without_a_certificate_nobody_is_proven(self):
        users = CertificateUsers(CN, None, None)
        self.assertEqual(users.look_up(b"ann", None), NOBODY)
        self.assertEqual(users.look_up(b"ann", b"no certificate"), NOBODY)
        server = self.certificate("server", hosts=("localhost",), server_only=True)
        self.assertEqual(users.look_up(b"server", server), NOBODY)

    def test_a_file_says_who_may_be_whom_by_either_name(self):
        ann = self.certificate()
        for by, line in ((CN, b"acra ann app"), (DN, b"acra CN=ann,O=Sandbox app")):
            ident = IdentFile(self.file(line), "acra")
            users = CertificateUsers(by, ident, None)
            self.assertEqual(users.look_up(b"app", ann).secret, b"")
            self.assertEqual(users.look_up(b"ann", ann), NOBODY)
            other = CertificateUsers(DN if by == CN else CN, ident, None)
            self.assertEqual(other.look_up(b"app", ann), NOBODY)

    def test_keys_are_those_of_the_user_who_is_proven(self):
        keys = KeyFile(self.file(format_line(b"ann", SECRET)))
        users = CertificateUsers(CN, None, keys)
        self.assertEqual(users.look_up(b"ann", self.certificate()).secret, SECRET)
        self.assertEqual(users.look_up(b"ann", self.certificate("bob")), NOBODY)
        self.assertEqual(users.look_up(b"bob", self.certificate("bob")).secret, b"")

    def test_both_files_are_read_anew_or_neither(self):
        ident, keys = self.file(b"acra ann ann"), self.file(format_line(b"ann", SECRET))
        users = CertificateUsers(CN, IdentFile(ident, "acra"), KeyFile(keys))
        ann = self.certificate()
        Path(ident).write_bytes(b"acra ann app")
        Path(keys).write_bytes(b"nonsense")
        self.assertRaises(ConfigError, users.reload)
        self.assertEqual(users.look_up(b"ann", ann).secret, SECRET)
        Path(keys).write_bytes(format_line(b"app", SECRET))
        users.reload()
        self.assertEqual(users.look_up(b"ann", ann), NOBODY)
        self.assertEqual(users.look_up(b"app", ann).secret, SECRET)

    def test_a_file_may_be_a_link_and_as_long_as_a_map_of_client_ids(self):
        lines = b"".join(b"acra certificate-of-user-%05d user\n" % number for number in range(3000))
        self.assertGreater(len(lines), 64 * 1024)
        target, link = self.file(lines, 0o644), self.mktemp()
        os.symlink(os.path.abspath(target), link)
        ident = IdentFile(link, "acra")
        self.assertEqual(ident.map.line("certificate-of-user-02999", b"user"), 3000)

    def test_a_file_that_is_not_there(self):
        error = self.assertRaises(ConfigError, IdentFile, self.mktemp(), "acra")
        self.assertIn("auth_ident_file", str(error))
