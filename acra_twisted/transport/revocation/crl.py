"""Revocation lists (CRLs, RFC 5280): read once, then looked into.  Pure.

A list counts if the certificate's issuer has signed it, if it is complete (no delta, all reasons,
not indirect), for this certificate by its issuing distribution point, and of now.
"""

from __future__ import annotations

from typing import Final

from cryptography import x509

from acra_twisted.errors import AcraError
from acra_twisted.transport.certificates import subject as subject_text
from acra_twisted.transport.revocation.policy import (
    OTHER,
    REVOKED,
    SIGNATURE,
    UNUSABLE,
    Status,
)
from acra_twisted.transport.revocation.signing import STRONG
from acra_twisted.transport.revocation.subjects import Subject, identity
from acra_twisted.transport.revocation.times import timely

#: Bytes of a list at most.
LIMIT: Final = 32 * 1024 * 1024
#: Lists of one file at most: a file in PEM form may hold those of several issuers.
_LISTS_MAX: Final = 64
_BEGIN: Final = b"-----BEGIN X509 CRL-----"
_END: Final = b"-----END X509 CRL-----"
#: Critical extensions of lists that are understood.
_UNDERSTOOD: Final = (
    x509.CRLNumber,
    x509.AuthorityKeyIdentifier,
    x509.IssuingDistributionPoint,
)


class ListUnfit(AcraError):
    """A revocation list proves nothing; ``found`` says why."""

    def __init__(self, reason: str, why: str) -> None:
        super().__init__(f"the revocation list {why}")
        self.found = Status(reason, f"is not checked: the revocation list {why}")


class RevocationList:
    """One list of one issuer, whose signature was checked.

    ``issuer`` is the `identity` of the issuer, ``end`` the Unix time until which the list stands.
    """

    def __init__(self, listed: x509.CertificateRevocationList, issuer: x509.Certificate) -> None:
        """Takes what is needed.  Raises ListUnfit."""
        _check_signature(listed, issuer)
        self._for_leaves, self._for_authorities, self._points = _scope(listed)
        self.issuer = identity(issuer)
        self._begin, self._end = listed.last_update_utc, listed.next_update_utc
        self.end = timely("", self._begin, self._end, self._begin.timestamp()).end
        # Looking one up in the list itself walks through it.
        self._serials = frozenset(entry.serial_number for entry in listed)
        self.order = (self._begin, _number(listed))

    def __len__(self) -> int:
        return len(self._serials)

    def judge(self, subject: Subject, now: float) -> Status:
        """Judge a certificate of the list's issuer; ``now`` is Unix time."""
        if subject.authority != self.issuer:
            return ListUnfit(OTHER, "is another issuer's").found
        if not self._is_for(subject):
            return ListUnfit(UNUSABLE, "is for other certificates of the issuer").found
        if subject.serial in self._serials:
            # Expired or not: revoked it was.
            about = "was revoked, by its issuer's revocation list"
            return Status(REVOKED, about, self._begin.timestamp(), self.end)
        return self.timely(now)

    def timely(self, now: float) -> Status:
        """Judge the list by its times."""
        return timely("its issuer's revocation list", self._begin, self._end, now)

    def _is_for(self, subject: Subject) -> bool:
        fits = self._for_leaves if subject.is_leaf else self._for_authorities
        return fits and (not self._points or not self._points.isdisjoint(subject.points))


def read(data: bytes, issuer: x509.Certificate) -> RevocationList:
    """Read the list of an issuer: DER, or PEM, in which the latest one of the issuer counts.

    It may take long: 0.2 s for 100,000 entries.  Raises ListUnfit, nothing else.
    """
    try:
        return _read(data, issuer)
    except ListUnfit:
        raise
    except Exception:
        # Whatever it is: nothing may pass because the check itself failed.
        raise ListUnfit(UNUSABLE, "cannot be read") from None


def _read(data: bytes, issuer: x509.Certificate) -> RevocationList:
    own = [one for one in load(data) if one.issuer == issuer.subject]
    if not own:
        raise ListUnfit(OTHER, "is another issuer's")
    found: list[RevocationList] = []
    why: ListUnfit | None = None
    for one in own:
        try:
            found.append(RevocationList(one, issuer))
        except ListUnfit as error:
            why = why or error
    if why is not None and not found:
        raise why
    return max(found, key=lambda one: one.order)


def load(data: bytes) -> list[x509.CertificateRevocationList]:
    """Return the lists of a file, unverified.  Raises ListUnfit."""
    if len(data) > LIMIT:
        raise ListUnfit(UNUSABLE, "is too long")
    try:
        if _BEGIN not in data:
            return [x509.load_der_x509_crl(data)]
        blocks = data.split(_BEGIN, _LISTS_MAX)[1:]
        found = [
            x509.load_pem_x509_crl(_BEGIN + block.partition(_END)[0] + _END + b"\n")
            for block in blocks
        ]
    except ValueError:
        found = []
    if not found:
        raise ListUnfit(UNUSABLE, "cannot be read: it is no CRL in DER or PEM form")
    return found


def _check_signature(listed: x509.CertificateRevocationList, issuer: x509.Certificate) -> None:
    algorithm = listed.signature_hash_algorithm
    if algorithm is not None and not isinstance(algorithm, STRONG):
        raise ListUnfit(UNUSABLE, "has a signature that proves nothing")
    try:
        usage = issuer.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        usage = None
    if usage is not None and not usage.crl_sign:
        raise ListUnfit(UNUSABLE, f"is of {subject_text(issuer)}, which may not sign lists")
    if not listed.is_signature_valid(issuer.public_key()):  # type: ignore[arg-type]
        raise ListUnfit(SIGNATURE, "has a signature that is wrong")


def _scope(listed: x509.CertificateRevocationList) -> tuple[bool, bool, frozenset[str]]:
    """Return if a list is for leaves, if it is for CAs, and its points of distribution, none for
    all.  Raises ListUnfit if it is not complete for these."""
    found = None
    for extension in listed.extensions:
        if isinstance(extension.value, x509.DeltaCRLIndicator):
            raise ListUnfit(UNUSABLE, "is a delta, which counts only with the list before")
        if isinstance(extension.value, x509.IssuingDistributionPoint):
            found = extension.value
        elif extension.critical and not isinstance(extension.value, _UNDERSTOOD):
            raise ListUnfit(UNUSABLE, "has a critical extension that is not known")
    if found is None:
        return True, True, frozenset()
    if found.indirect_crl or found.only_some_reasons or found.only_contains_attribute_certs:
        raise ListUnfit(UNUSABLE, "is indirect, or for some reasons, or for attributes")
    if found.relative_name is not None:
        raise ListUnfit(UNUSABLE, "has a distribution point without an address")
    points = frozenset(
        str(name.value)
        for name in found.full_name or ()
        if isinstance(name, x509.UniformResourceIdentifier)
    )
    if found.full_name is not None and not points:
        raise ListUnfit(UNUSABLE, "has a distribution point without an address")
    return not found.only_contains_ca_certs, not found.only_contains_user_certs, points


def _number(listed: x509.CertificateRevocationList) -> int:
    try:
        return listed.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    except x509.ExtensionNotFound:
        return -1
