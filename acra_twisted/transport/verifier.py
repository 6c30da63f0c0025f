"""Answer OpenSSL's questions about a peer's certificates, with a refusal in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from typing import Any, Final

from cryptography import x509
from OpenSSL import SSL
from OpenSSL._util import ffi, lib

from acra_twisted.errors import HandshakeError
from acra_twisted.transport.certificates import (
    CLIENT,
    EARLY,
    EXPIRED,
    ISSUER,
    NAME,
    OTHER,
    REVOKED,
    SERVER,
    UNCHECKED,
    UNREADABLE,
    USE,
    Finding,
    by_stranger,
    clock,
    dates,
    host,
    is_for,
    is_ip_address,
    origin,
    subject,
    use,
)

#: OpenSSL's numbers of what failed.
_NOT_YET: Final = 9
_OVER: Final = 10
_PURPOSE: Final = 26
_NAME_NUMBERS: Final = frozenset((62, 64))
#: OpenSSL's: no part of a label is a wildcard, and a common name is no host.
_HOST_FLAGS: Final = 0x4 | 0x20
_ISSUER_NUMBERS: Final = frozenset((2, 7, 18, 19, 20, 21))
_PUBLIC: Final = {
    EXPIRED: "its certificate has expired",
    EARLY: "its certificate is not valid yet",
    ISSUER: "its certificate is of a CA that is not known here",
    NAME: "its certificate is for another name",
    USE: "its certificate is for another use",
    REVOKED: "its certificate has been revoked",
    UNCHECKED: "nobody says that its certificate has not been revoked",
}


class CertificateRefused(HandshakeError, SSL.Error):
    """A peer's certificate is not accepted.

    ``problem`` is a kind, ``about`` follows the words "its certificate", ``public`` says no more
    than somebody may learn who is not the operator; ``subject`` is whose certificate it says it is.
    """

    def __init__(self, problem: str, about: str, subject: str = "") -> None:
        # The form of OpenSSL's errors, which Twisted's TLS looks into.
        super().__init__([("", "", f"certificate: {problem}")])
        self.problem = problem
        self.about = about
        self.subject = subject
        self.public = _PUBLIC.get(problem, "its certificate is not accepted")

    def __str__(self) -> str:
        return f"the certificate {self.about}"


def expect(context: SSL.Context, name: str) -> None:
    """Have OpenSSL look at the name of servers as well: then it has an alert for it."""
    param = lib.SSL_CTX_get0_param(context._context)
    if is_ip_address(name):
        packed = ip_address(name).packed
        lib.X509_VERIFY_PARAM_set1_ip(param, packed, len(packed))
    else:
        try:
            encoded = name.encode("idna")
        except UnicodeError:
            return  # no certificate is for it, which `Verifier` finds
        lib.X509_VERIFY_PARAM_set1_host(param, encoded, len(encoded))
        lib.X509_VERIFY_PARAM_set_hostflags(param, _HOST_FLAGS)


class Verifier:
    """Judge each certificate of a peer's chain for OpenSSL.

    A refusal raises `CertificateRefused` from the handshake, and the peer receives OpenSSL's alert
    for it.  ``name`` is the server's name, empty if clients are verified.
    """

    def __init__(self, authorities: Sequence[x509.Certificate], name: str = "") -> None:
        self._authorities = authorities
        self._name = name
        self._usage = SERVER if name else CLIENT

    def __call__(self, connection: Any, given: Any, number: int, depth: int, good: int) -> bool:
        """pyOpenSSL: ``number`` is the error, ``depth`` 0 the peer's own certificate."""
        if good and (depth or not self._name):
            return True
        try:
            certificate = given.to_cryptography()
        except Exception:
            # Whatever it is: nothing may pass because the check itself failed.
            raise CertificateRefused(UNREADABLE, "cannot be read") from None
        if not good:
            raise self._refusal(certificate, number, depth)
        self.check_name(certificate)
        return True

    def check_name(self, certificate: x509.Certificate) -> None:
        """Raises CertificateRefused unless a certificate is for the server."""
        if not is_for(certificate, self._name):
            for finding in host(certificate, self._name):
                raise _refused(certificate, finding)
            raise CertificateRefused(NAME, f"is not for {self._name}")

    def _refusal(
        self, certificate: x509.Certificate, number: int, depth: int
    ) -> CertificateRefused:
        found = next(self._explained(certificate, number), None)
        if found is None:
            text = ffi.string(lib.X509_verify_cert_error_string(number)).decode("ascii", "replace")
            found = Finding(OTHER, f"is not accepted: {text}", "")
        if depth == 0:
            return _refused(certificate, found)
        if found.problem == ISSUER:
            # A CA that the peer sends along and nobody here trusts.
            return CertificateRefused(ISSUER, by_stranger(certificate, self._authorities))
        return CertificateRefused(
            found.problem,
            f"cannot be trusted, for that of its CA ({subject(certificate)}) {found.about}",
        )

    def _explained(self, certificate: x509.Certificate, number: int) -> Iterator[Finding]:
        if number in (_NOT_YET, _OVER):
            yield from dates(certificate, clock())
        elif number == _PURPOSE:
            yield from use(certificate, self._usage)
        elif number in _NAME_NUMBERS:
            yield from host(certificate, self._name)
        elif number in _ISSUER_NUMBERS:
            yield from origin(certificate, self._authorities)


def _refused(certificate: x509.Certificate, finding: Finding) -> CertificateRefused:
    whose = subject(certificate)
    return CertificateRefused(finding.problem, f"({whose}) {finding.about}", whose)
