"""The names of clients as the console shows them."""

from __future__ import annotations

import re
from typing import Final

from acra_twisted.telemetry.console.formats import name, short_id

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
