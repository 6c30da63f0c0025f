"""The certificates that peers have shown, so that one that ends soon is known before it has."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, NamedTuple

from cryptography import x509

from acra_twisted.transport.certificates import subject

#: Certificates of one kind of peers that are kept: those that were shown last.
KEPT_MAX: Final = 64


class PeerCertificate(NamedTuple):
    """A certificate: its subject, and its begin and its end in Unix time."""

    subject: str
    begins: float
    ends: float


class PeerCertificates:
    """Remembers the last certificates of one kind of peers, in DER."""

    def __init__(self) -> None:
        self._shown: OrderedDict[bytes, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._shown)

    def note(self, certificate: bytes) -> None:
        """Take note of what a peer has shown in a handshake."""
        self._shown[certificate] = None
        self._shown.move_to_end(certificate)
        if len(self._shown) > KEPT_MAX:
            self._shown.popitem(last=False)

    def found(self) -> list[PeerCertificate]:
        """Return them, of several of one subject the one that lasts longest: it has renewed the
        others.  Those that cannot be read are left out."""
        return lasting(one for one in map(_read, self._shown) if one is not None)


def lasting(found: Iterable[PeerCertificate]) -> list[PeerCertificate]:
    """Return of several certificates of one subject the one that lasts longest."""
    by_subject: dict[str, PeerCertificate] = {}
    for one in found:
        known = by_subject.get(one.subject, one)
        by_subject[one.subject] = max(known, one, key=lambda each: each.ends)
    return list(by_subject.values())


@lru_cache(maxsize=256)
def _read(der: bytes) -> PeerCertificate | None:
    try:
        certificate = x509.load_der_x509_certificate(der)
        begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        return PeerCertificate(subject(certificate), begin.timestamp(), end.timestamp())
    except (ValueError, OverflowError):
        return None
