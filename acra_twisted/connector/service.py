"""AcraConnector as a service: listener, link settings, and the connections it carries."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from socket import socket
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.protocol import Factory
from twisted.logger import Logger

from acra_twisted import events
from acra_twisted.connector.api import ApiConnection, api_address, api_role
from acra_twisted.connector.applicationtls import UNREAD, application_context, application_tls
from acra_twisted.connector.connection import ApplicationConnection
from acra_twisted.connector.link import Attempt, Way
from acra_twisted.connector.watch import OFFER, REQUIRE
from acra_twisted.daemon.connections import Connections
from acra_twisted.daemon.localuser import peer_user, user_ids
from acra_twisted.daemon.reload import renew
from acra_twisted.daemon.running import running, sessions
from acra_twisted.dialects.postgresql.dialect import PostgresqlDialect
from acra_twisted.dialects.postgresql.propagation import Disclosure
from acra_twisted.errors import ConfigError, KeyStoreError, try_all
from acra_twisted.keystore.masterkey import VARIABLE
from acra_twisted.keystore.opening import need_keys, open_keys
from acra_twisted.model import Session
from acra_twisted.options import Address, Settings
from acra_twisted.pipeline.hooks import Pipeline
from acra_twisted.proxy.limits import Limits
from acra_twisted.telemetry.export.destinations import batching, doubts, make_exporters
from acra_twisted.telemetry.export.resource import Resource
from acra_twisted.telemetry.logs import banner
from acra_twisted.telemetry.logs.audit import identity_fields
from acra_twisted.telemetry.metrics.exchanges import ConnectorMetrics
from acra_twisted.telemetry.pages.readiness import TIMEOUT, Reach
from acra_twisted.telemetry.service import TelemetryService, make_guard
from acra_twisted.telemetry.tracing.exchanges import ExchangeTracing
from acra_twisted.telemetry.tracing.spans import Span
from acra_twisted.transport import peers
from acra_twisted.transport.certificates import CLIENT, SERVER
from acra_twisted.transport.endpoints import ListenerService, bind, client_endpoint
from acra_twisted.transport.failures import Party, shown
from acra_twisted.transport.keepalive import keepalive
from acra_twisted.transport.securesession import SecureSessionSecurity
from acra_twisted.transport.tls import (
    Credentials,
    RawSecurity,
    TLSContext,
    TLSContexts,
    TLSSecurity,
    told,
)
from acra_twisted.wire.link import tracecontext

Accepted = ApplicationConnection | ApiConnection


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


def uses_secure_session(settings: Settings) -> bool:
    """Whether the link is protected by Secure Session: as in Acra, unless something else is on."""
    return not (
        settings["acraserver_tls_transport_enable"]
        or settings["acraserver_transport_encryption_disable"]
    )


def link_name(settings: Settings) -> str:
    """The protection of the link to the server, as `parties` names it."""
    if settings["acraserver_tls_transport_enable"]:
        return peers.LINK_TLS
    plain = settings["acraserver_transport_encryption_disable"]
    return peers.LINK_PLAIN if plain else peers.LINK_SECURE_SESSION


def link_security(
    settings: Settings, keys: Any, contexts: TLSContexts, address: Address | None = None
) -> Any:
    """The ITransportSecurity of a link to the server, or to another ``address`` of its.  Raises
    ConfigError; reads certificate and key files.

    The context of TLS is added to ``contexts``.
    """
    if settings["acraserver_tls_transport_enable"]:
        name = settings["tls_acraserver_sni"] or (address or server_address(settings)).host
        if not name:
            raise ConfigError("tls_acraserver_sni: name the server's certificate")
        return TLSSecurity(contexts.add(lambda: Credentials(settings).client_creator(name)), True)
    if settings["acraserver_transport_encryption_disable"]:
        return RawSecurity()
    if not settings["client_id"]:
        raise ConfigError(
            "client_id: Secure Session needs one; or choose acraserver_tls_transport_enable = "
            "true, or acraserver_transport_encryption_disable = true for no protection"
        )
    security = SecureSessionSecurity(
        need_keys(keys, settings, "Secure Session"),
        settings["acraserver_securesession_id"],
        time.time,
        settings["client_id"],
    )
    try:
        security.check()
    except KeyStoreError as error:
        raise ConfigError(str(error)) from None
    return security


def link_keys(settings: Settings, environment: Any, seconds: Callable[[], float]) -> Any:
    """The key store, if the link needs one.  Raises ConfigError."""
    if uses_secure_session(settings):
        return open_keys(settings, environment, seconds)
    environment.pop(VARIABLE, None)
    return None


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
    try_all(
        lambda: _check_tracing(settings),
        lambda: application_tls(settings) in (OFFER, REQUIRE) and application_context(settings),
        lambda: _check_link(settings),
        lambda: socket_mode(settings),
        lambda: settings["http_api_enable"] and api_address(settings),
    )


def _check_tracing(settings: Settings) -> None:
    if settings["tracing_to_server"] and link_name(settings) == peers.LINK_PLAIN:
        raise ConfigError(
            "tracing_to_server: AcraServer takes spans over TLS and Secure Session only, for "
            "elsewhere nobody has proven who sends them; set acraserver_tls_transport_enable = "
            "true, or tracing_to_server = false (and otlp_endpoint)"
        )


def _check_link(settings: Settings) -> None:
    listener = settings["incoming_connection_string"]
    if listener is not None and server_address(settings).leads_to(listener):
        raise ConfigError(
            f"acraserver_connection_string: {listener} is the connector's own address "
            "(incoming_connection_string), and it would connect to itself without end; name "
            "AcraServer's"
        )
    # A copy of the environment: the service will want to find the master key there as well.
    link_security(settings, link_keys(settings, dict(os.environ), lambda: 0.0), TLSContexts())


def check_whole(settings: Settings) -> list[str]:
    """Exporters and pages can be made, and certificates used; the rest that is to be said.  Raises
    ConfigError, as a start or connections would."""
    remarks: list[str] = []
    try_all(
        lambda: make_exporters(None, "", settings),
        lambda: make_guard(settings, "tls_"),
        lambda: user_ids("allowed_users", settings["allowed_users"]),
        lambda: remarks.extend(doubts(settings)),
        lambda: remarks.extend(check_certificates(settings)),
    )
    return remarks


def check_certificates(settings: Settings) -> list[str]:
    """What is to be said of this side's certificates.  Raises ConfigError if connections cannot
    work with them."""
    parts = []
    if settings["acraserver_tls_transport_enable"]:
        parts.append(Credentials(settings).judged(CLIENT, link=True))
    if application_tls(settings) in (OFFER, REQUIRE):
        applications = Credentials(settings, "application_tls_", falls_back=False)
        parts.append(applications.judged(SERVER))
    if settings["zpages_tls_enable"]:
        severe, others = Credentials(settings).judged(SERVER)
        parts.append(([], [*severe, *others]))
    return told(*parts)


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
        self._users = user_ids("allowed_users", settings["allowed_users"])
        shared: bool = settings["incoming_connection_reuse_port"]
        kept = keepalive(settings)
        listener = bind("incoming_connection_string", address, mode, shared, kept)
        commands = self._bind_api(settings, mode)
        self.metrics = ConnectorMetrics("acraconnector")
        contexts = self._contexts = TLSContexts()
        self.telemetry = TelemetryService(
            reactor,
            "acra-connector",
            settings,
            self.metrics,
            self._running,
            self._sessions,
            contexts=contexts,
        )
        self.telemetry.setServiceParent(self)
        self.connect_timeout: float = settings["acraserver_connect_timeout"]
        self.handshake_timeout: float = settings["handshake_timeout"]
        self.write_timeout: float = settings["write_timeout"]
        self.keys = link_keys(settings, os.environ, reactor.seconds)
        if self.keys is not None:
            self.metrics.watch_keys(self.keys)
        security = link_security(settings, self.keys, contexts)
        self.application_tls = application_tls(settings)
        self.application_context: TLSContext | None = None
        if self.application_tls in (OFFER, REQUIRE):
            self.application_context = contexts.add(lambda: application_context(settings))
        self._set_up_tracing(settings)
        where = server_address(settings)
        endpoint = client_endpoint(reactor, where, TIMEOUT)
        self.telemetry.reach = Reach(reactor, "acraserver", endpoint)
        self.server = Party(peers.ACRASERVER[link_name(settings)], shown(where))
        to_server = client_endpoint(reactor, where, self.connect_timeout, kept)
        self._way = Way(security, to_server, self.server)
        if settings["tracing_to_server"]:
            # It brings protobuf along: only for those who use it.
            from acra_twisted.connector.spanlink import LinkExporter

            exporter = LinkExporter(
                reactor,
                Resource("acra-connector"),
                self.connect,
                self.connect_timeout,
                party=self.server,
                **batching(settings),
            )
            self.telemetry.add_exporter(exporter)
        self._numbers = 0
        # Of which kinds of sessions that are carried unread the log has been told.
        self._told_of_unread: set[str] = set()
        self._connections: Connections[Accepted] = Connections(reactor)
        self.metrics.watch_pool(
            "connections", lambda: len(self._connections), settings["max_connections"]
        )
        self.listener = ListenerService(
            reactor, listener, _ConnectionFactory(self.accept), address.path, mode
        )
        self.listener.setServiceParent(self)
        self.api_listener: ListenerService | None = None
        if commands is not None:
            self._set_up_api(settings, commands, mode)

    @staticmethod
    def _bind_api(settings: Settings, mode: int) -> socket | None:
        if not settings["http_api_enable"]:
            return None
        option = "incoming_connection_api_string"
        return bind(option, settings[option], mode, keepalive=keepalive(settings))

    def _set_up_api(self, settings: Settings, listener: socket, mode: int) -> None:
        here: Address = settings["incoming_connection_api_string"]
        there = api_address(settings)
        self.api = Way(
            link_security(settings, self.keys, self._contexts, there),
            client_endpoint(self.reactor, there, self.connect_timeout, keepalive(settings)),
            Party(api_role(peers.ACRASERVER[link_name(settings)]), shown(there)),
        )
        self.api_listener = ListenerService(
            self.reactor,
            listener,
            _ConnectionFactory(self.accept_command),
            here.path,
            mode,
        )
        self.api_listener.setServiceParent(self)

    def _set_up_tracing(self, settings: Settings) -> None:
        """``dialect`` is None where the protocol that is carried is not to be followed."""
        self.client_id: str = settings["client_id"]
        self.pipeline = Pipeline()
        self.limits = Limits(settings["max_pending_exchanges"], write=self.write_timeout)
        self.dialect: Any = None
        #: What is said of this connector to its server.
        self.mark = tracecontext.DECIDES
        if settings["tracing_scope"] != "request":
            return
        exchanges = ExchangeTracing(
            self.telemetry.tracing,
            system=PostgresqlDialect.name,
            scope="request",
            slow=int(settings["tracing_slow_threshold"] * 1e9),
            server=None,
            store=self.telemetry.store,
        )
        self.mark |= tracecontext.FOLLOWS
        self.observers = self.telemetry.observers(exchanges)
        self.dialect = PostgresqlDialect(
            message_limit=settings["message_size_limit"],
            max_prepared=settings["max_prepared_statements"],
            disclosure=Disclosure(exchanges.context, exchanges.context, to_acra=True),
        )

    # -- connections ------------------------------------------------------------------------------

    def accept(self) -> ApplicationConnection:
        """A protocol for a connection that was just accepted."""
        self._numbers += 1
        return ApplicationConnection(self, self._numbers)

    def accept_command(self) -> ApiConnection:
        """The same for one to the API port."""
        self._numbers += 1
        return ApiConnection(self, self._numbers, self.api)

    def admits(self, connection: Accepted) -> bool:
        """Whether whose process it is may connect."""
        if not self._users:
            return True
        return peer_user(connection.transport.getHandle()) in self._users

    def opened(self, connection: Accepted, connection_type: str = "db") -> bool:
        """Count a connection; True if it is one too many."""
        self._connections.add(connection)
        self.metrics.connection_opened(connection_type)
        return bool(len(self._connections) > self._settings["max_connections"])

    def closed(self, connection: Accepted, seconds: float, connection_type: str = "db") -> None:
        """A connection has ended."""
        self._connections.discard(connection)
        self.metrics.connection_closed(seconds, connection_type)

    def connect(self, established: Attempt) -> Deferred[Any]:
        """Reach the server; ``established`` fires when the link is protected."""
        return self._way.connect(established)

    def carries_unread(self, connection: ApplicationConnection, why: str) -> None:
        """The requests of a connection cannot be traced here."""
        self.metrics.carries_unread(why)
        if why not in self._told_of_unread:
            self._told_of_unread.add(why)
            self.event(
                events.UNREAD_SESSION,
                UNREAD[why],
                session_id=connection.number,
                trace_id=connection.span.trace_id,
                span_id=connection.span.span_id,
                **identity_fields(connection.identity),
            )

    def event(self, code: int, text: str, **fields: Any) -> None:
        """A warning with the event's code, counted."""
        self.metrics.event(code)
        self.log.warn("{event_text}", event_text=text, code=code, **fields)

    def _running(self) -> Iterator[Span]:
        return running(self._connections)

    def _sessions(self) -> Iterator[Session]:
        return sessions(self._connections)

    # -- service ----------------------------------------------------------------------------------

    def startService(self) -> None:
        """Accept connections."""
        super().startService()
        self._connections.start()
        self.telemetry.unready = ""
        banner.begins(self.log, self._settings, self.telemetry.exporters, **self._facts())
        address: Address = self._settings["incoming_connection_string"]
        if not address.is_local:
            self.event(
                events.INSECURE_SETTING, f"applications may connect from other machines: {address}"
            )
        commands: Address = self._settings["incoming_connection_api_string"]
        if self.api_listener is not None and not commands.is_local:
            self.event(
                events.INSECURE_SETTING, f"other machines may give commands in clear: {commands}"
            )

    def _facts(self) -> dict[str, str]:
        """What this connector does, for the line at the start."""
        facts = {
            "link": link_name(self._settings),
            "server": self.server.where,
            "application_tls": self.application_tls,
            "tracing_scope": self._settings["tracing_scope"],
        }
        if self.api_listener is not None:
            facts["api"] = shown(self._settings["incoming_connection_api_string"])
        return facts

    def stopService(self) -> Deferred[Any]:
        """Stop accepting, let connections end, close what is left, then flush what is told."""
        return ensureDeferred(self._stop())

    async def _stop(self) -> None:
        self.telemetry.unready = "stopping"
        banner.stops(self.log)
        await self.listener.stopService()
        if self.api_listener is not None:
            await self.api_listener.stopService()
        await self._connections.end(self._settings["incoming_connection_close_timeout"])
        if self.keys is not None:
            self.keys.close()
        await super().stopService()

    def hurry(self) -> None:
        """A second SIGTERM: sessions are not waited for any longer."""
        self._connections.hurry()

    def reload(self) -> None:
        """SIGHUP: read keys and certificates anew; connections go on."""
        if self.keys is not None:
            self.keys.forget()
        self.log.info("Keys will be read anew", code=events.READ_KEYS)
        renew(self._contexts, self.log)
        self.telemetry.tell_certificates()


class _ConnectionFactory(Factory):
    noisy = False

    def __init__(self, accept: Callable[[], Accepted]) -> None:
        self._accept = accept

    def buildProtocol(self, addr: Any) -> Accepted:
        return self._accept()
