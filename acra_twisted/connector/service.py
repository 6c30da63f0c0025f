"""AcraConnector as a service: listener, link settings, and the connections it carries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.protocol import Factory
from twisted.logger import Logger

from acra_twisted.connector.connection import ApplicationConnection, LinkChannel, LinkFactory
from acra_twisted.errors import ConfigError
from acra_twisted.options import Address, Settings
from acra_twisted.telemetry import events
from acra_twisted.telemetry.metrics import DaemonMetrics
from acra_twisted.telemetry.service import TelemetryService
from acra_twisted.telemetry.spans import Span
from acra_twisted.transport.connections import Connections
from acra_twisted.transport.endpoints import ListenerService, bind, client_endpoint
from acra_twisted.transport.tls import Credentials, RawSecurity, TLSSecurity


def server_address(settings: Settings) -> Address:
    """Where AcraServer is.  Raises ConfigError if nothing says so."""
    if settings["acraserver_connection_host"]:
        return Address(
            settings["acraserver_connection_host"], settings["acraserver_connection_port"]
        )
    address = settings["acraserver_connection_string"]
    if address is None:
        raise ConfigError("acraserver_connection_string: name the server, as tcp://host:9393")
    return Address(address.host, address.port, address.path)


def link_security(settings: Settings) -> TLSSecurity | RawSecurity:
    """The link's protection.  Raises ConfigError; reads certificate files."""
    if settings["acraserver_tls_transport_enable"]:
        name = settings["tls_acraserver_sni"] or server_address(settings).host
        if not name:
            raise ConfigError("tls_acraserver_sni: name the server's certificate")
        return TLSSecurity(Credentials(settings).client_creator(name), True)
    if settings["acraserver_transport_encryption_disable"]:
        return RawSecurity()
    raise ConfigError(
        "choose the transport to AcraServer: acraserver_tls_transport_enable = true, or "
        "acraserver_transport_encryption_disable = true for none "
        "(Secure Session is not available yet)"
    )


def socket_mode(settings: Settings) -> int:
    """The mode of a unix socket.  Raises ConfigError."""
    try:
        mode = int(settings["unix_socket_mode"], 8)
    except ValueError:
        mode = -1
    if not 0 <= mode <= 0o777:
        raise ConfigError("unix_socket_mode: expected an octal mode such as 0600")
    return mode


def check(settings: Settings) -> None:
    """Settings that cannot be used together.  Raises ConfigError."""
    server_address(settings)
    link_security(settings)
    socket_mode(settings)


class AcraConnector(MultiService):
    """``settings`` have passed `check`.  Binds its sockets at once; raises ConfigError."""

    log = Logger()

    def __init__(self, reactor: Any, settings: Settings) -> None:
        super().__init__()
        self.reactor = reactor
        self._settings = settings
        # First of all sockets: when the pages answer, applications can connect.
        address: Address = settings["incoming_connection_string"]
        mode = socket_mode(settings)
        listener = bind("incoming_connection_string", address, mode)
        self.metrics = DaemonMetrics("acraconnector")
        self.telemetry = TelemetryService(
            reactor, "acra-connector", settings, self.metrics, self._running
        )
        self.telemetry.setServiceParent(self)
        self.connect_timeout: float = settings["acraserver_connect_timeout"]
        self.write_timeout: float = settings["write_timeout"]
        self._security = link_security(settings)
        self._endpoint = client_endpoint(reactor, server_address(settings), self.connect_timeout)
        self._numbers = 0
        self._connections: Connections[ApplicationConnection] = Connections(reactor)
        self.listener = ListenerService(
            reactor, listener, _ConnectionFactory(self), address.path, mode
        )
        self.listener.setServiceParent(self)

    # -- connections ------------------------------------------------------------------------------

    def accept(self) -> ApplicationConnection:
        """A protocol for a connection that was just accepted."""
        self._numbers += 1
        return ApplicationConnection(self, self._numbers)

    def opened(self, connection: ApplicationConnection) -> bool:
        """Count a connection; True if it is one too many."""
        self._connections.add(connection)
        self.metrics.connection_opened()
        return bool(len(self._connections) > self._settings["max_connections"])

    def closed(self, connection: ApplicationConnection, seconds: float) -> None:
        """A connection has ended."""
        self._connections.discard(connection)
        self.metrics.connection_closed(seconds)

    def connect(self, established: Deferred[LinkChannel]) -> Deferred[Any]:
        """Reach the server; ``established`` fires when the link is protected."""
        factory = self._security.protect(LinkFactory(established))
        attempt: Deferred[Any] = self._endpoint.connect(factory)
        return attempt

    def event(self, code: int, text: str, **fields: Any) -> None:
        """A warning with the event's code, counted."""
        self.metrics.event(code)
        self.log.warn("{event_text}", event_text=text, code=code, **fields)

    def _running(self) -> Iterator[Span]:
        for connection in self._connections:
            yield connection.span

    # -- service ----------------------------------------------------------------------------------

    def startService(self) -> None:
        """Accept connections."""
        super().startService()
        self._connections.start()
        self.log.info("Start listening", address=str(self._settings["incoming_connection_string"]))
        address: Address = self._settings["incoming_connection_string"]
        if not address.is_local:
            self.event(
                events.INSECURE_SETTING, f"applications may connect from other machines: {address}"
            )

    def stopService(self) -> Deferred[Any]:
        """Stop accepting, let connections end, close what is left, then flush what is told."""
        return ensureDeferred(self._stop())

    async def _stop(self) -> None:
        self.log.info("Stop listening", code=events.STOP_LISTENING)
        await self.listener.stopService()
        await self._connections.end(self._settings["incoming_connection_close_timeout"])
        await super().stopService()


class _ConnectionFactory(Factory):
    noisy = False

    def __init__(self, connector: AcraConnector) -> None:
        self._connector = connector

    def buildProtocol(self, addr: Any) -> ApplicationConnection:
        return self._connector.accept()
