"""TLS on top of a transport, in the form that fits: on the socket itself, or in memory."""

from __future__ import annotations

from typing import Any

from acra_twisted.transport.direct import is_direct
from acra_twisted.transport.memorytls import MemoryTLS
from acra_twisted.transport.tlscontext import TLSContext


def secured(
    transport: Any,
    protocol: Any,
    context: TLSContext,
    is_client: bool,
    received: bytes = b"",
) -> Any:
    """Return what ``protocol`` has in place of its ``transport``, with TLS as ``context`` says.

    The handshake starts with its ``begin()``.  ``received`` are bytes of it that were read already.
    """
    if not received and is_direct(transport) and transport.tls is not None and transport.flush():
        return transport.tls(transport, protocol, context, is_client)
    return MemoryTLS(transport, protocol, context, is_client, received)
