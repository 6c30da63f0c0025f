"""AcraConnector as a service: what all its connections share, and their beginning."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

from acra_twisted.config.revocation import ACRASERVER as LINK
from acra_twisted.config.revocation import APPLICATION, weak
from acra_twisted.connector.api import ApiConnection, api_address, api_role
from acra_twisted.connector.applicationtls import application_context, application_tls
from acra_twisted.connector.checks import socket_mode
from acra_twisted.connector.connection import ApplicationConnection
from acra_twisted.connector.context import ConnectorContext
from acra_twisted.connector.effects import verified_legs
from acra_twisted.connector.link import Attempt, Way
from acra_twisted.connector.upstream import link_security, server_address, verified_credentials
from acra_twisted.daemon.dialect import connector_dialect, dialect_of
from acra_twisted.daemon.link import ACRASERVER, is_secure_session, protection
from acra_twisted.daemon.localuser import user_ids
from acra_twisted.daemon.service import API, MAIN, DaemonService
from acra_twisted.loginactions import OFFER, REQUIRE
from acra_twisted.options import Address, Settings
from acra_twisted.pipeline.hooks import Pipeline
from acra_twisted.proxy.limits import Limits
from acra_twisted.telemetry.export.destinations import batching
from acra_twisted.telemetry.export.resource import Resource
from acra_twisted.telemetry.metrics.exchanges import ConnectorMetrics
from acra_twisted.telemetry.pages.readiness import TIMEOUT, Reach
from acra_twisted.telemetry.tracing.exchanges import ExchangeTracing
from acra_twisted.transport import peers
from acra_twisted.transport.activation import InheritedSockets
from acra_twisted.transport.endpoints import client_endpoint
from acra_twisted.transport.failures import Party, shown
from acra_twisted.wire.link import tracecontext


class AcraConnector(DaemonService):
    """``settings`` have passed `check`; ``exit_with`` is that of `DaemonService`.  Raises
    ConfigError."""

    name = "acra-connector"

    def __init__(
        self,
        reactor: Any,
        settings: Settings,
        exit_with: Callable[[int], None] = lambda status: None,
        inherited: InheritedSockets | None = None,
    ) -> None:
        metrics = ConnectorMetrics("acraconnector")
        users = user_ids("allowed_users", settings["allowed_users"])
        super().__init__(
            reactor,
            settings,
            metrics,
            system=dialect_of(settings).name,
            mode=socket_mode(settings),
            needs_keys=is_secure_session(settings, ACRASERVER),
            inherited=inherited,
            exit_with=exit_with,
            verified=lambda: verified_credentials(settings),
        )
        metrics.watch_sessions(self.sessions)
        timeout = settings["acraserver_connect_timeout"]
        where = server_address(settings)
        server = Party(peers.ACRASERVER[protection(settings, ACRASERVER)], shown(where))
        self._way = self._way_to(where, server)
        self.telemetry.reach = Reach(reactor, ACRASERVER, client_endpoint(reactor, where, TIMEOUT))
        ends_tls = application_tls(settings)
        self.context = ConnectorContext(
            reactor=reactor,
            log=self.log,
            event=self.event,
            metrics=metrics,
            tracing=self.telemetry.tracing,
            connections=self.connections,
            pipeline=Pipeline(),
            limits=Limits(settings["max_pending_exchanges"], write=settings["write_timeout"]),
            connect=self.connect,
            server=server,
            client_id=settings["client_id"],
            mark=tracecontext.DECIDES,
            users=users,
            application_tls=ends_tls,
            application_context=(
                self.contexts.add(
                    lambda: application_context(settings), judge=self.revocation.judge(APPLICATION)
                )
                if ends_tls in (OFFER, REQUIRE)
                else None
            ),
            connect_timeout=timeout,
            handshake_timeout=settings["handshake_timeout"],
            write_timeout=settings["write_timeout"],
            dialect=connector_dialect(settings),
        )
        if settings["tracing_scope"] == "request":
            self._follow_requests()
        if settings["tracing_to_server"]:
            self._export_to_server()
        self.serve(MAIN, self.accept)
        if settings["http_api_enable"]:
            self._serve_api()

    def _way_to(self, where: Address, party: Party) -> Way:
        """How an address of AcraServer's is reached."""
        settings, judge = self.settings, self.revocation.judge(LINK)
        timeout = settings["acraserver_connect_timeout"]
        endpoint = client_endpoint(self.reactor, where, timeout, self.keepalive)
        return Way(
            link_security(settings, self.keys, self.contexts, where, judge),
            self.transports.connecting(endpoint),
            party,
        )

    def _follow_requests(self) -> None:
        """Read the protocol that is carried, so that each request has a span."""
        settings, context = self.settings, self.context
        exchanges = ExchangeTracing(
            self.telemetry.tracing,
            scope="request",
            slow=int(settings["tracing_slow_threshold"] * 1e9),
            server=None,
            store=self.telemetry.store,
        )
        context.mark |= tracecontext.FOLLOWS
        context.observers = self.telemetry.observers(exchanges, context.metrics)
        context.dialect = connector_dialect(settings, exchanges.context)

    def _export_to_server(self) -> None:
        # It brings protobuf along: only for those who use it.
        from acra_twisted.connector.spanlink import LinkExporter

        exporter = LinkExporter(
            self.reactor,
            Resource(self.name),
            self.connect,
            self.context.connect_timeout,
            self.context.dialect.spans_offer,
            party=self.context.server,
            **batching(self.settings),
        )
        self.telemetry.add_exporter(exporter)

    def _serve_api(self) -> None:
        where = api_address(self.settings)
        role = api_role(peers.ACRASERVER[protection(self.settings, ACRASERVER)])
        self.api = self._way_to(where, Party(role, shown(where)))
        self.serve(API, self.accept_command)

    # -- connections ------------------------------------------------------------------------------

    def accept(self, address: str = "") -> ApplicationConnection:
        """A protocol for a connection that was just accepted."""
        return ApplicationConnection(self.context, self.next_number())

    def accept_command(self, address: str = "") -> ApiConnection:
        """The same for one to the API port."""
        return ApiConnection(self.context, self.next_number(), self.api)

    def connect(self, established: Attempt) -> Deferred[Any]:
        """Reach the server; ``established`` fires when the link is protected."""
        return self._way.connect(established)

    # -- see DaemonService ------------------------------------------------------------------------

    def facts(self) -> dict[str, str]:
        """Link, server, and what applications may expect."""
        return {
            "link": protection(self.settings, ACRASERVER),
            "server": self.context.server.where,
            "application_tls": self.context.application_tls,
            "tracing_scope": self.settings["tracing_scope"],
        }

    def insecure(self) -> list[str]:
        """Addresses that other machines can reach, and certificates that are not checked."""
        found = weak(self.settings, verified_legs(self.settings))
        address: Address = self.settings[MAIN]
        if not address.is_local:
            found.append(f"applications may connect from other machines: {address}")
        commands: Address = self.settings[API]
        if API in self.listeners and not commands.is_local:
            found.append(f"other machines may give commands in clear: {commands}")
        return found
