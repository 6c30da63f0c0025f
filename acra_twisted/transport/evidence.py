"""Evidence that a TLS peer gives of itself in a handshake, for a judge of peers."""

from __future__ import annotations

from typing import Any, NamedTuple

from cryptography.hazmat.primitives.serialization import Encoding


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
    chain = connection.get_verified_chain(as_cryptography=True)
    if chain:
        return Evidence(tuple(each.public_bytes(Encoding.DER) for each in chain), False, staple)
    peer = connection.get_peer_certificate(as_cryptography=True)
    return None if peer is None else Evidence((peer.public_bytes(Encoding.DER),), True)
