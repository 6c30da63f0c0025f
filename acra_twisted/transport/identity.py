"""Client ids from certificates, as Acra derives them: SHA-512 of the subject or of the serial.

Source: acra-wire reference, section 5; Go's ``pkix.RDNSequence.String`` for the text of a name.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from acra_twisted.errors import HandshakeError

_NAMES = {
    "2.5.4.6": "C",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "2.5.4.3": "CN",
    "2.5.4.5": "SERIALNUMBER",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.9": "STREET",
    "2.5.4.17": "POSTALCODE",
}
_PRINTABLE = frozenset(b" '()+,-./:=?0123456789" + bytes(range(65, 91)) + bytes(range(97, 123)))


# The same few certificates come with each connection: a tenth of a resumed handshake's time.
@lru_cache(maxsize=1024)
def client_id_of(der: bytes, kind: str = "distinguished_name") -> str:
    """`client_id` of a certificate as it comes in a handshake.  Raises HandshakeError as well if
    it cannot be read."""
    try:
        # What a certificate holds is read when it is asked for.
        return client_id(x509.load_der_x509_certificate(der), kind)
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        raise HandshakeError("the client's certificate cannot be read") from None


def client_id(certificate: x509.Certificate, kind: str = "distinguished_name") -> str:
    """128 hex digits.  ``kind`` is ``distinguished_name`` or ``serial_number``.

    Raises HandshakeError if the certificate is not one for clients.
    """
    _check_purpose(certificate)
    if kind == "serial_number":
        number = certificate.serial_number
        identifier = number.to_bytes((number.bit_length() + 7) // 8, "big")
    else:
        identifier = distinguished_name(certificate.subject).encode()
    return hashlib.sha512(identifier).hexdigest()


def _check_purpose(certificate: x509.Certificate) -> None:
    extensions = certificate.extensions
    try:
        if extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            raise HandshakeError("the client's certificate is a CA's")
    except x509.ExtensionNotFound:
        pass
    try:
        usages = list(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    except x509.ExtensionNotFound:
        usages = []
    if ExtendedKeyUsageOID.CLIENT_AUTH not in usages:
        raise HandshakeError("the client's certificate is not for client authentication")


def distinguished_name(name: x509.Name) -> str:
    """The most specific part first, escaped as Go does."""
    return ",".join(
        "+".join(_attribute(attribute) for attribute in part) for part in reversed(name.rdns)
    )


def _attribute(attribute: x509.NameAttribute[str | bytes]) -> str:
    oid = attribute.oid.dotted_string
    value = str(attribute.value)
    if oid not in _NAMES:
        return f"{oid}=#{_der_string(value).hex()}"
    last = len(value) - 1
    escaped = "".join(
        f"\\{c}"
        if c in ',+"\\<>;' or (c == " " and place in (0, last)) or (c == "#" and place == 0)
        else c
        for place, c in enumerate(value)
    )
    return f"{_NAMES[oid]}={escaped}"


def _der_string(value: str) -> bytes:
    """How Go's asn1.Marshal writes a string: PrintableString if it can, else UTF8String."""
    content = value.encode()
    tag = 0x13 if all(byte in _PRINTABLE for byte in content) else 0x0C
    size = len(content)
    if size < 128:
        length = bytes((size,))
    else:
        digits = size.to_bytes((size.bit_length() + 7) // 8, "big")
        length = bytes((0x80 | len(digits),)) + digits
    return bytes((tag,)) + length + content
