"""A factory whose protocols lie in others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.protocol import Factory


class Wrapping(Factory):
    """Makes the protocols of ``factory``, each in the protocol that ``wrap`` makes for it."""

    noisy = False

    def __init__(self, factory: IProtocolFactory, wrap: Callable[[Any], Any]) -> None:
        self._factory = factory
        self._wrap = wrap

    def doStart(self) -> None:
        """Twisted: it is used for the first time."""
        self._factory.doStart()

    def doStop(self) -> None:
        """Twisted: it is used no more."""
        self._factory.doStop()

    def buildProtocol(self, addr: Any) -> Any:
        """Twisted: there is a socket.  Nothing is made where ``factory`` makes nothing."""
        protocol: Any = self._factory.buildProtocol(addr)
        return None if protocol is None else self._wrap(protocol)
