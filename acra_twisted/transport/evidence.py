"""Evidence that a TLS peer gives of itself in a handshake, for a judge of peers."""

from __future__ import annotations

from typing import Any, NamedTuple

from OpenSSL import crypto


class Evidence(NamedTuple):
    """``chain`` are the peer's certificates, DER, its own first, as far as they were verified: up
    to the trusted one.  A resumed session has the peer's own alone, which an earlier handshake has
    verified.  ``staple`` is the OCSP response that the peer has sent along, DER, empty for none.
    """

    chain: tuple[bytes, ...]
    resumed: bool = False
    staple: bytes = b""


def evidence_of(connection: Any, staple: bytes = b"") -> Evidence | None:
    """Return what the peer of a connection of OpenSSL's has shown, None if that is nothing.

    The handshake is complete, and certificates were verified in it.
    """
    chain = connection.get_verified_chain()
    if chain:
        return Evidence(tuple(map(_der, chain)), False, staple)
    peer = connection.get_peer_certificate()
    return None if peer is None else Evidence((_der(peer),), True)


def _der(certificate: crypto.X509) -> bytes:
    return crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate)
