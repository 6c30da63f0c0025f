"""The names of clients as the console shows them."""

from __future__ import annotations

import re
from typing import Any, Final

from acra_twisted.telemetry.console.formats import NOTHING, name, short_id

_HEX: Final = re.compile(r"[0-9a-fA-F]{32,}")
_COMMON: Final = re.compile(r"(?:^|[,/])\s*CN\s*=\s*([^,/]+)")


def who(client_id: str, certificate: str = "", peer: str = "") -> str:
    """Return the name of a client: its id, where that is digits of a digest the first of them with
    the common name of its certificate; the address of one without."""
    if not client_id:
        return name(peer) or "somebody unknown"
    if _HEX.fullmatch(client_id) is None:
        return name(client_id)
    common = _COMMON.search(certificate)
    if common is None:
        return short_id(client_id)
    return f"{name(common.group(1).strip())} ({short_id(client_id)})"


class Names:
    """Names clients whose certificates were seen at their logins.  ``told`` is what `pages.peers`
    knows, or None."""

    def __init__(self, told: Any) -> None:
        peers = told.get("peers", ()) if isinstance(told, dict) else ()
        self._certificates: dict[str, str] = {}
        self._peers: dict[str, list[str]] = {}
        for one in peers:
            self._peers.setdefault(one["client_id"], []).append(one.get("peer", ""))
            if one.get("certificate"):
                self._certificates.setdefault(one["client_id"], one["certificate"])

    def of(self, client_id: str, certificate: str = "") -> str:
        """Return the name of a client; a dash for none."""
        if not client_id:
            return NOTHING
        return who(client_id, certificate or self._certificates.get(client_id, ""))

    def peers(self, client_id: str) -> list[str]:
        """Return the addresses from which a client has logged in, the newest first."""
        return [name(peer) for peer in self._peers.get(client_id, ())]


#: Knows no certificates.
NAMELESS: Final = Names(None)
