"""How the link between AcraConnector and AcraServer is protected, by either side's settings."""

from __future__ import annotations

from typing import Final

from acra_twisted.options import Settings
from acra_twisted.transport import peers

#: The peer in the names of a daemon's settings.
ACRACONNECTOR: Final = "acraconnector"
ACRASERVER: Final = "acraserver"


def protection(settings: Settings, peer: str) -> str:
    """The protection of the link to ``peer``, `ACRACONNECTOR` or `ACRASERVER`, as `peers` names it.

    It is Secure Session unless something else is on, as in Acra.
    """
    if settings[f"{peer}_tls_transport_enable"]:
        return peers.LINK_TLS
    plain = settings[f"{peer}_transport_encryption_disable"]
    return peers.LINK_PLAIN if plain else peers.LINK_SECURE_SESSION


def is_tls(settings: Settings, peer: str) -> bool:
    """True if the link is TLS; see `protection`."""
    return protection(settings, peer) == peers.LINK_TLS


def is_secure_session(settings: Settings, peer: str) -> bool:
    """True if the link is Secure Session; see `protection`."""
    return protection(settings, peer) == peers.LINK_SECURE_SESSION


def is_plain(settings: Settings, peer: str) -> bool:
    """True if the link has no protection; see `protection`."""
    return protection(settings, peer) == peers.LINK_PLAIN
