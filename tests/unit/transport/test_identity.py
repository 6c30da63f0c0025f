"""Client ids from certificates: Acra's own."""

import datetime
import hashlib
import warnings
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID as OID
from cryptography.x509.oid import NameOID, ObjectIdentifier
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import HandshakeError
from acra_twisted.sandbox.authority import Authority
from acra_twisted.transport import identity

USES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def key_usage(*uses):
    return x509.KeyUsage(**{use: use in uses for use in USES})


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

    def test_the_names_of_one(self):
        path, _ = self.authority.issue("someone", hosts=("a.example.com", "192.0.2.1"))
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        der = certificate.public_bytes(Encoding.DER)
        names = identity.names_of(der)
        self.assertEqual(names.subject, "CN=someone,O=Sandbox")
        self.assertEqual(names.common_name, "someone")
        self.assertEqual(names.alternative, ("a.example.com", "192.0.2.1"))
        self.assertEqual(int(names.serial, 16), certificate.serial_number)
        self.assertEqual(names.sha256, hashlib.sha256(der).hexdigest())
        self.assertRaises(HandshakeError, identity.names_of, b"no certificate")

    def test_names_are_those_of_clients(self):
        path, _ = self.authority.issue("server", hosts=("localhost",), server_only=True)
        der = x509.load_pem_x509_certificate(path.read_bytes()).public_bytes(Encoding.DER)
        self.assertRaises(HandshakeError, identity.names_of, der)

    def test_the_subject_for_logs(self):
        der = self.certificate().public_bytes(Encoding.DER)
        self.assertEqual(identity.subject_of(der), "CN=someone,O=Sandbox")
        self.assertEqual(identity.subject_of(b"no certificate"), "")

    def test_negative_serial_numbers(self):
        """No standard allows them; Go takes the bytes of the amount."""
        der = self.certificate().public_bytes(Encoding.DER)
        at = der.index(bytes.fromhex("a003020102")) + 5
        size = der[at + 1]
        serial = b"\x80" + b"\0" * (size - 1)
        negative = der[: at + 2] + serial + der[at + 2 + size :]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = identity.client_id_of(negative, "serial_number")
        self.assertEqual(found, hashlib.sha512(serial).hexdigest())

    def test_certificates_that_are_not_clients(self):
        server = self.certificate(hosts=("x",), server_only=True)
        for refused in (server, self.authority.certificate):
            self.assertRaises(HandshakeError, identity.client_id, refused)
            der = refused.public_bytes(Encoding.DER)
            self.assertRaises(HandshakeError, identity.client_id_of, der)

    def made(self, *extensions):
        """A certificate with these extensions and no others."""
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.datetime.now(datetime.UTC)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "app")])
        builder = x509.CertificateBuilder(subject, subject, key.public_key(), 5)
        builder = builder.not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
        for extension in extensions:
            builder = builder.add_extension(extension, False)
        return builder.sign(key, hashes.SHA256())

    def test_certificates_without_extended_key_usage_are_for_any_use(self):
        leaf = x509.BasicConstraints(False, None)
        expected = hashlib.sha512(b"CN=app").hexdigest()
        for extensions in (
            (),
            (leaf,),
            (leaf, key_usage("digital_signature")),
            (leaf, key_usage("digital_signature", "content_commitment", "key_encipherment")),
            (leaf, key_usage("key_encipherment"), x509.ExtendedKeyUsage([OID.CLIENT_AUTH])),
            (x509.ExtendedKeyUsage([OID.SERVER_AUTH, OID.CLIENT_AUTH]),),
        ):
            self.assertEqual(identity.client_id(self.made(*extensions)), expected)

    def test_each_refusal_says_why(self):
        leaf = x509.BasicConstraints(False, None)
        for extensions, why in (
            ((x509.BasicConstraints(True, None),), "a CA's"),
            ((leaf, x509.ExtendedKeyUsage([OID.SERVER_AUTH])), "clientAuth"),
            (
                (key_usage("digital_signature"), x509.ExtendedKeyUsage([OID.CODE_SIGNING])),
                "clientAuth",
            ),
            ((leaf, key_usage("key_encipherment")), "digitalSignature"),
        ):
            refused = self.assertRaises(HandshakeError, identity.client_id, self.made(*extensions))
            self.assertIn(why, str(refused))

    def test_servers_need_server_authentication(self):
        for usages, expected in (
            ([OID.SERVER_AUTH], ""),
            ([OID.SERVER_AUTH, OID.CLIENT_AUTH], ""),
            ([OID.CLIENT_AUTH], "serverAuth"),
        ):
            certificate = self.made(x509.ExtendedKeyUsage(usages))
            self.assertIn(expected, identity.unfit(certificate, OID.SERVER_AUTH))
            self.assertEqual(not identity.unfit(certificate, OID.SERVER_AUTH), not expected)
        self.assertEqual(identity.unfit(self.made(), OID.SERVER_AUTH), "")

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
