"""An exporter over UDP, for Jaeger's agent."""

from __future__ import annotations

from typing import Any

from twisted.internet.protocol import DatagramProtocol

from acra_twisted.telemetry.batching import BatchExporter, Encoder, Payload


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
        service: str,
        **batching: Any,
    ) -> None:
        super().__init__(reactor, name, encode, service, **batching)
        self._address = (host, port)
        self._sender = _Sender()
        self._port: Any = None

    def open(self) -> None:
        """Get a socket of our own."""
        self._port = self._reactor.listenUDP(0, self._sender)

    async def close(self) -> None:
        """Close it."""
        if self._port is not None:
            await self._port.stopListening()

    async def send(self, payload: Payload) -> None:
        """One datagram for each part."""
        host, port = self._address
        address = await self._reactor.resolve(host)
        transport: Any = self._sender.transport
        for part in payload.parts:
            transport.write(part, (address, port))
