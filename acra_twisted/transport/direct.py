"""A transport that moves bytes directly, without another object's methods in between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import ITransport
from zope.interface import Attribute


class IDirectTransport(ITransport):
    """A transport that calls a function with what it reads, and names the one that writes.

    Others call their protocol's ``dataReceived`` and are written to by ``write``.
    """

    protocol: Any = Attribute(
        "Its connectionLost is called at the end.  To set it makes its dataReceived the receiver."
    )
    receiver: Callable[[bytes], None] = Attribute("Called with each piece of data.")
    sender: Callable[[bytes], None] = Attribute(
        "Does what ``write`` does.  It is another one when the connection becomes encrypted."
    )
    tls: Callable[..., Any] | None = Attribute(
        "Puts TLS on the socket itself: called with this transport, the protocol, a TLSContext and "
        "whether this side is the client; returns the new transport.  None where the bytes on the "
        "socket are others than those that are written."
    )


def is_direct(transport: Any) -> bool:
    """True if a transport is an IDirectTransport by its own class.

    Twisted's wrappers provide whatever the transport below them provides: a receiver set there
    would get bytes that are not decrypted.
    """
    return bool(IDirectTransport.implementedBy(type(transport)))
