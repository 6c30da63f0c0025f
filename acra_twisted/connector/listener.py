"""One address of AcraConnector: the way to its AcraServer, and what its connections share."""

from __future__ import annotations

from acra_twisted.config.revocation import ACRASERVER as LINK
from acra_twisted.config.revocation import APPLICATION
from acra_twisted.connector.applicationtls import application_context, application_tls
from acra_twisted.connector.connection import ApplicationConnection
from acra_twisted.connector.context import ConnectorContext
from acra_twisted.connector.link import Way
from acra_twisted.connector.upstream import link_security, server_address
from acra_twisted.daemon.dialect import connector_dialect
from acra_twisted.daemon.link import ACRASERVER, is_plain, protection
from acra_twisted.daemon.localuser import user_ids
from acra_twisted.daemon.service import DaemonService
from acra_twisted.loginactions import OFFER, REQUIRE
from acra_twisted.optionkinds import Address
from acra_twisted.options import Settings
from acra_twisted.pipeline.hooks import Pipeline
from acra_twisted.proxy.limits import Limits
from acra_twisted.telemetry.metrics.exchanges import ConnectorExchanges
from acra_twisted.telemetry.metrics.families import ConnectorMetrics
from acra_twisted.telemetry.pages.readiness import TIMEOUT, Reach, connecting
from acra_twisted.telemetry.tracing.exchanges import ExchangeTracing
from acra_twisted.transport import peers
from acra_twisted.transport.endpoints import client_endpoint
from acra_twisted.transport.failures import Party, shown
from acra_twisted.transport.tlscontext import TLSContext
from acra_twisted.wire.link import tracecontext


class Listener:
    """Makes all that connections to one address need.  ``name`` is that of its section, empty for
    the daemon's own address.  Raises ConfigError."""

    def __init__(
        self, name: str, settings: Settings, daemon: DaemonService, metrics: ConnectorMetrics
    ) -> None:
        self.name, self.settings, self._daemon = name, settings, daemon
        reactor, telemetry = daemon.reactor, daemon.telemetry
        where = server_address(settings)
        server = Party(peers.ACRASERVER[protection(settings, ACRASERVER)], shown(where))
        about = f"AcraServer of {name}" if name else ""
        dialect = connector_dialect(settings)
        endpoint = client_endpoint(reactor, where, TIMEOUT)
        self.reach = Reach(reactor, ACRASERVER, connecting(endpoint), about)
        self.context = ConnectorContext(
            reactor=reactor,
            log=daemon.log,
            event=daemon.event,
            metrics=metrics,
            tracing=telemetry.tracing,
            connections=daemon.connections,
            pipeline=Pipeline(),
            limits=Limits(settings["max_pending_exchanges"], write=settings["write_timeout"]),
            connect=self.way_to(where, server).connect,
            server=server,
            client_id=settings["client_id"],
            mark=tracecontext.DECIDES | (tracecontext.AWAITS if dialect.server_speaks_first else 0),
            users=user_ids("allowed_users", settings["allowed_users"]),
            application_tls=application_tls(settings),
            application_context=self._application_context(),
            connect_timeout=settings["acraserver_connect_timeout"],
            handshake_timeout=settings["handshake_timeout"],
            write_timeout=settings["write_timeout"],
            dialect=dialect,
            listener=name,
            link_exposed=is_plain(settings, ACRASERVER) and not where.is_local,
        )
        if settings["tracing_scope"] == "request":
            self._follow_requests()

    def way_to(self, where: Address, party: Party) -> Way:
        """How an address of AcraServer's is reached."""
        settings, daemon = self.settings, self._daemon
        timeout = settings["acraserver_connect_timeout"]
        endpoint = client_endpoint(daemon.reactor, where, timeout, daemon.keepalive)
        judge = daemon.revocation.judge(LINK)
        return Way(
            link_security(settings, daemon.keys, daemon.contexts, where, judge),
            daemon.transports.connecting(endpoint),
            party,
        )

    def _application_context(self) -> TLSContext | None:
        settings, daemon = self.settings, self._daemon
        if application_tls(settings) not in (OFFER, REQUIRE):
            return None
        judge = daemon.revocation.judge(APPLICATION)
        return daemon.contexts.add(lambda: application_context(settings), judge=judge)

    def _follow_requests(self) -> None:
        """Read the protocol that is carried, so that each request has a span."""
        settings, context, telemetry = self.settings, self.context, self._daemon.telemetry
        exchanges = ExchangeTracing(
            telemetry.tracing,
            scope="request",
            slow=int(settings["tracing_slow_threshold"] * 1e9),
            server=None,
            store=telemetry.store,
        )
        context.mark |= tracecontext.FOLLOWS
        context.observers = telemetry.observers(
            exchanges, ConnectorExchanges(context.metrics, self.name)
        )
        context.dialect = connector_dialect(settings, exchanges.context)

    def accept(self, address: str = "") -> ApplicationConnection:
        """A protocol for a connection that was just accepted."""
        return ApplicationConnection(self.context, self._daemon.next_number())
