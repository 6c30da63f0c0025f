"""An exporter over UDP, for Jaeger's agent."""

from __future__ import annotations

from collections.abc import Callable
from socket import AF_INET6, SOCK_DGRAM
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import DatagramProtocol

from acra_twisted.telemetry.export.queue import BatchExporter, Encoder, Payload
from acra_twisted.telemetry.export.resource import Resource
from acra_twisted.transport.dialling import Found, resolve
from acra_twisted.transport.failures import Party
from acra_twisted.transport.peers import collector


class _Sender(DatagramProtocol):
    """Nothing is expected back: what nobody takes is lost, as UDP has it."""

    noisy = False


class UdpExporter(BatchExporter):
    """Sends batches as datagrams.  ``host`` is looked up for each batch."""

    def __init__(
        self,
        reactor: Any,
        name: str,
        host: str,
        port: int,
        encode: Encoder,
        resource: Resource,
        resolve: Callable[[Any, str, int], Deferred[list[Found]]] = resolve,
        **batching: Any,
    ) -> None:
        where = f"udp://[{host}]:{port}" if ":" in host else f"udp://{host}:{port}"
        party = Party(collector("jaeger_agent_endpoint"), where)
        super().__init__(reactor, name, encode, resource, party=party, **batching)
        self._host, self._number = host, port
        self._resolve = resolve
        self._sender = _Sender()
        self._port: Any = None
        self._family = 0

    async def close(self) -> None:
        """Close the socket."""
        port, self._port = self._port, None
        if port is not None:
            await port.stopListening()

    async def send(self, payload: Payload) -> None:
        """One datagram for each part."""
        found = await self._resolve(self._reactor, self._host, SOCK_DGRAM)
        family, address = found[0]
        if self._port is None or family != self._family:
            await self.close()
            interface = "::" if family == AF_INET6 else ""
            self._port = self._reactor.listenUDP(0, self._sender, interface=interface)
            self._family = family
        transport: Any = self._sender.transport
        for part in payload.parts:
            transport.write(part, (address, self._number))
