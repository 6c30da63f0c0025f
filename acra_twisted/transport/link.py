"""The protections of the link that are no session of Themis: TLS, and none."""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from acra_twisted.interfaces import ITransportSecurity
from acra_twisted.transport.starttls import secured
from acra_twisted.transport.tlscontext import TLSContext
from acra_twisted.transport.wrapping import Wrapping


@implementer(ITransportSecurity)
class TLSSecurity:
    """The link over TLS; ``context`` says whether it is mutual."""

    name = "tls"

    def __init__(self, context: TLSContext, is_client: bool) -> None:
        self._context = context
        self._is_client = is_client

    def protect(self, factory: IProtocolFactory) -> IProtocolFactory:
        """See ITransportSecurity."""
        return Wrapping(factory, lambda wrapped: TLSStart(self._context, self._is_client, wrapped))


class TLSStart(Protocol):
    """On a new socket: gives it TLS, and then to ``wrapped``."""

    def __init__(self, context: TLSContext, is_client: bool, wrapped: Any) -> None:
        self._context = context
        self._is_client = is_client
        self._wrapped = wrapped

    def connectionMade(self) -> None:
        """Twisted: the socket is there."""
        transport = secured(self.transport, self._wrapped, self._context, self._is_client)
        self._wrapped.makeConnection(transport)
        transport.begin()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Twisted: lost while it was being made."""
        self._wrapped.connectionLost(reason)


@implementer(ITransportSecurity)
class RawSecurity:
    """The link without protection."""

    name = "raw"

    def protect(self, factory: IProtocolFactory) -> IProtocolFactory:
        """See ITransportSecurity."""
        return factory
