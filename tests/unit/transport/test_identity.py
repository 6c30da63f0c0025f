"""Client ids from certificates: Acra's own, injective (TL-4)."""

import datetime
import hashlib
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID, ObjectIdentifier
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import HandshakeError
from acra_twisted.sandbox.authority import Authority
from acra_twisted.transport import identity

OIDS = {
    "CN": NameOID.COMMON_NAME,
    "OU": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "O": NameOID.ORGANIZATION_NAME,
    "L": NameOID.LOCALITY_NAME,
    "ST": NameOID.STATE_OR_PROVINCE_NAME,
    "C": NameOID.COUNTRY_NAME,
}


def name(*parts):
    return x509.Name([x509.NameAttribute(OIDS[key], value) for key, value in parts])


class DistinguishedNames(SynchronousTestCase):
    def test_the_references_example(self):
        subject = name(
            ("C", "GB"),
            ("ST", "London"),
            ("L", "London"),
            ("O", "Global Security"),
            ("OU", "IT"),
            ("CN", "Test leaf certificate (acra-writer)"),
        )
        expected = (
            "CN=Test leaf certificate (acra-writer),OU=IT,O=Global Security,L=London,ST=London,C=GB"
        )
        self.assertEqual(identity.distinguished_name(subject), expected)

    def test_tl4_hostile_names_stay_apart(self):
        names = [
            name(("O", "a"), ("CN", "b")),
            name(("CN", "b"), ("O", "a")),
            name(("CN", "b,O=a")),
            name(("CN", "b"), ("CN", "b")),
            name(("CN", "B")),
            name(("CN", "b")),
            name(("CN", "b\0")),
            name(("CN", " b")),
            name(("CN", "#b")),
            name(("CN", "b\\")),
            name(("CN", 'b"+<>;')),
        ]
        texts = [identity.distinguished_name(each) for each in names]
        self.assertEqual(len(set(texts)), len(texts))
        self.assertEqual(texts[2], "CN=b\\,O=a")
        self.assertEqual(texts[7], "CN=\\ b")
        self.assertEqual(texts[8], "CN=\\#b")

    def test_unknown_types_are_der(self):
        email = ObjectIdentifier("1.2.840.113549.1.9.1")
        for value, der in (("plain", "1305706c61696e"), ("a@b", "0c03614062")):
            subject = x509.Name([x509.NameAttribute(email, value)])
            expected = f"1.2.840.113549.1.9.1=#{der}"
            self.assertEqual(identity.distinguished_name(subject), expected)
        long = x509.Name([x509.NameAttribute(email, "x" * 200)])
        self.assertTrue(
            identity.distinguished_name(long).startswith("1.2.840.113549.1.9.1=#1381c8")
        )


class ClientIds(SynchronousTestCase):
    def setUp(self):
        folder = Path(self.mktemp())
        folder.mkdir()
        self.authority = Authority(folder)

    def certificate(self, **options):
        path, _ = self.authority.issue("someone", **options)
        return x509.load_pem_x509_certificate(path.read_bytes())

    def test_both_kinds(self):
        certificate = self.certificate()
        expected = hashlib.sha512(b"CN=someone,O=Sandbox").hexdigest()
        self.assertEqual(identity.client_id(certificate), expected)
        number = certificate.serial_number
        serial = number.to_bytes((number.bit_length() + 7) // 8, "big")
        expected = hashlib.sha512(serial).hexdigest()
        self.assertEqual(identity.client_id(certificate, "serial_number"), expected)

    def test_certificates_that_are_not_clients(self):
        server = self.certificate(hosts=("x",), server_only=True)
        for refused in (server, self.authority.certificate):
            self.assertRaises(HandshakeError, identity.client_id, refused)
            der = refused.public_bytes(Encoding.DER)
            self.assertRaises(HandshakeError, identity.client_id_of, der)

    def test_extensions_that_cannot_be_read(self):
        """A CA may have signed what it did not understand."""
        names = self.certificate().subject
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.datetime.now(datetime.UTC)
        usage, other = (
            x509.UnrecognizedExtension(ObjectIdentifier(f"2.5.29.{last}"), b"\xff")
            for last in (37, 38)
        )
        certificate = (
            x509.CertificateBuilder(names, names, key.public_key(), 5)
            .not_valid_before(now)
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(usage, False)
            .add_extension(other, False)
            .sign(key, hashes.SHA256())
        )
        der = certificate.public_bytes(Encoding.DER)
        # 2.5.29.38 becomes a second one of 2.5.29.37.
        twice = der.replace(bytes.fromhex("0603551d26"), bytes.fromhex("0603551d25"))
        self.assertNotEqual(twice, der)
        for refused in (der, twice):
            self.assertRaises(HandshakeError, identity.client_id_of, refused)

    def test_as_they_come_in_a_handshake(self):
        certificate = self.certificate()
        der = certificate.public_bytes(Encoding.DER)
        for kind in ("distinguished_name", "serial_number"):
            expected = identity.client_id(certificate, kind)
            self.assertEqual(identity.client_id_of(der, kind), expected)
        self.assertRaises(HandshakeError, identity.client_id_of, der[:-1])
        self.assertRaises(HandshakeError, identity.client_id_of, b"")
