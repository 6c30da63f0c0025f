"""Certificates about whose revocation is asked, each with its issuer.  Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import AuthorityInformationAccessOID

from acra_twisted.errors import HandshakeError
from acra_twisted.transport.certificates import subject

#: Addresses of one kind that are taken from a certificate; what names more is not asked on.
NAMED_MAX: Final = 4

_Extension = TypeVar("_Extension", bound=x509.ExtensionType)


class Issuer:
    """A CA's certificate; ``der`` is its bytes, ``key`` its `identity`."""

    __slots__ = ("der", "certificate", "key")

    def __init__(self, der: bytes) -> None:
        self.der = der
        self.certificate = x509.load_der_x509_certificate(der)
        self.key = identity(self.certificate)


class Issuers:
    """Those that many certificates have in common, each read once."""

    def __init__(self, most: int = 64) -> None:
        self._most = most
        self._read: dict[bytes, Issuer] = {}

    def of(self, der: bytes) -> Issuer:
        """Return the one of a certificate's bytes.  Raises what cannot be read."""
        found = self._read.get(der)
        if found is None:
            if len(self._read) >= self._most:
                self._read.clear()
            found = self._read[der] = Issuer(der)
        return found


class Subject:
    """One certificate of a chain, with its issuer's.

    ``key`` names it among all: ``authority``, which is its issuer's `identity`, and its serial
    number.  ``responders`` and ``points`` are the addresses of OCSP responders and revocation lists
    that it names, ``must_staple`` says that it promises stapled answers, ``is_leaf`` that it is the
    peer's own; ``name`` is the subject, for people, of one that is not.
    """

    __slots__ = (
        *("_der", "issuer", "authority", "serial", "key"),
        *("responders", "points", "must_staple", "is_leaf", "name"),
    )

    def __init__(self, der: bytes, issuer: Issuer, is_leaf: bool) -> None:
        certificate = x509.load_der_x509_certificate(der)
        # Ten thousand of these are kept: bytes take a third of the memory.
        self._der = der
        self.issuer = issuer.certificate
        self.authority = issuer.key
        self.is_leaf = is_leaf
        self.name = "" if is_leaf else subject(certificate)
        self.serial = number = certificate.serial_number
        self.key = issuer.key + number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True)
        self.responders = _responders(certificate)
        self.points = _points(certificate)
        self.must_staple = _must_staple(certificate)

    @property
    def certificate(self) -> x509.Certificate:
        """The certificate, read anew."""
        return x509.load_der_x509_certificate(self._der)


def identity(issuer: x509.Certificate) -> bytes:
    """Return the SHA-256 of an issuer's name and public key: that of each of its certificates."""
    key = issuer.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(issuer.subject.public_bytes() + key).digest()


def read(chain: Sequence[bytes], issuers: Issuers) -> tuple[Subject, ...]:
    """Return the certificates of a verified chain (DER, the peer's own first) with their issuers.

    The last one is trusted and not asked about.  Raises HandshakeError if one cannot be read.
    """
    try:
        above = [issuers.of(der) for der in chain[1:]]
        own = [*chain[:1], *(issuer.der for issuer in above)]
        return tuple(
            Subject(der, issuer, number == 0)
            for number, (der, issuer) in enumerate(zip(own, above, strict=False))
        )
    except Exception:
        # Whatever it is: nothing may pass because the check itself failed.
        raise HandshakeError("a certificate of the peer's chain cannot be read") from None


def _extension(certificate: x509.Certificate, kind: type[_Extension]) -> _Extension | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _responders(certificate: x509.Certificate) -> tuple[str, ...]:
    access = _extension(certificate, x509.AuthorityInformationAccess) or ()
    return _addresses(
        each.access_location
        for each in access
        if each.access_method == AuthorityInformationAccessOID.OCSP
    )


def _points(certificate: x509.Certificate) -> tuple[str, ...]:
    points = _extension(certificate, x509.CRLDistributionPoints) or ()
    # Lists for some reasons only, or of another issuer, are not usable.
    return _addresses(
        name
        for point in points
        if point.reasons is None and point.crl_issuer is None
        for name in point.full_name or ()
    )


def _addresses(names: Iterable[x509.GeneralName]) -> tuple[str, ...]:
    found = [str(name.value) for name in names if isinstance(name, x509.UniformResourceIdentifier)]
    return tuple(dict.fromkeys(found))[:NAMED_MAX]


def _must_staple(certificate: x509.Certificate) -> bool:
    features = _extension(certificate, x509.TLSFeature) or ()
    return x509.TLSFeatureType.status_request in features
