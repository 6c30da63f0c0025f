"""Client ids from certificates, as Acra derives them: SHA-512 of the subject or of the serial.

The subject's text is Go's (`wire.subject`).
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import NamedTuple, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from acra_twisted.errors import HandshakeError
from acra_twisted.wire import subject

_Extension = TypeVar("_Extension", bound=x509.ExtensionType)


class Names(NamedTuple):
    """The names in a client's certificate.

    ``subject`` is the text that client ids are made of, ``common_name`` the only one in it, empty
    if there is none or more than one.  ``alternative`` are the names of its subject alternative
    name: hosts, addresses, URIs and mailboxes.  ``serial`` is in hex digits without zeros in front,
    ``sha256`` is that of the certificate in DER, in 64 hex digits.
    """

    subject: str
    common_name: str
    alternative: tuple[str, ...]
    serial: str
    sha256: str


# The same few certificates come with each connection: a tenth of a resumed handshake's time.
@lru_cache(maxsize=1024)
def client_id_of(der: bytes, kind: str = "distinguished_name") -> str:
    """`client_id` of a certificate as it comes in a handshake.  Raises HandshakeError as well if
    it cannot be read."""
    try:
        # The certificate's contents are read on demand.
        return client_id(x509.load_der_x509_certificate(der), kind)
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        raise HandshakeError("the client's certificate cannot be read") from None


@lru_cache(maxsize=1024)
def subject_of(der: bytes) -> str:
    """The subject of a certificate as it comes in a handshake; empty if it cannot be read."""
    try:
        return distinguished_name(der)
    except HandshakeError:
        return ""


@lru_cache(maxsize=1024)
def names_of(der: bytes) -> Names:
    """Return the names of a client's certificate as it comes in a handshake.  Raises
    HandshakeError if it cannot be read, or is not one for clients."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        _check_purpose(certificate)
        names = _extension(certificate, x509.SubjectAlternativeName)
        serial = certificate.serial_number
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        raise HandshakeError("the client's certificate cannot be read") from None
    alternative = tuple(
        str(name.value)
        for name in names or ()
        if isinstance(
            name,
            x509.DNSName | x509.IPAddress | x509.UniformResourceIdentifier | x509.RFC822Name,
        )
    )
    digest = hashlib.sha256(der).hexdigest()
    name = subject.subject_of(der)
    return Names(
        subject.go_text(name), subject.common_name(name), alternative, f"{serial:x}", digest
    )


def client_id(certificate: x509.Certificate, kind: str = "distinguished_name") -> str:
    """128 hex digits.  ``kind`` is ``distinguished_name`` or ``serial_number``.

    Raises HandshakeError if the certificate is not one for clients.
    """
    _check_purpose(certificate)
    if kind == "serial_number":
        # As Go's: a negative one, which no standard allows, by its amount.
        number = abs(certificate.serial_number)
        identifier = number.to_bytes((number.bit_length() + 7) // 8, "big")
    else:
        identifier = distinguished_name(certificate.public_bytes(Encoding.DER)).encode()
    return hashlib.sha512(identifier).hexdigest()


def distinguished_name(der: bytes) -> str:
    """The subject of a certificate as Go prints it.  Raises HandshakeError."""
    return subject.go_text(subject.subject_of(der))


def _check_purpose(certificate: x509.Certificate) -> None:
    why = unfit(certificate, ExtendedKeyUsageOID.CLIENT_AUTH)
    if why:
        raise HandshakeError(f"the client's certificate {why}")


def unfit(certificate: x509.Certificate, usage: x509.ObjectIdentifier) -> str:
    """Why a certificate is not for an end of a TLS connection, empty if it is.

    ``usage`` is CLIENT_AUTH or SERVER_AUTH of ExtendedKeyUsageOID.  A certificate without extended
    key usage is for any (RFC 5280); one that lists usages must list this one.
    """
    constraints = _extension(certificate, x509.BasicConstraints)
    if constraints is not None and constraints.ca:
        return "is a CA's"
    usages = _extension(certificate, x509.ExtendedKeyUsage)
    if usages is not None and usage not in usages:
        side = "client" if usage == ExtendedKeyUsageOID.CLIENT_AUTH else "server"
        return f"is not for {side} authentication: its extended key usage lacks {side}Auth"
    key_usage = _extension(certificate, x509.KeyUsage)
    if usages is None and key_usage is not None and not key_usage.digital_signature:
        return "is not for signing: its key usage lacks digitalSignature"
    return ""


def _extension(certificate: x509.Certificate, kind: type[_Extension]) -> _Extension | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
