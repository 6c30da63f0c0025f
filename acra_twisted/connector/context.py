"""The common context of AcraConnector's connections."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from acra_twisted import events
from acra_twisted.connector.applicationtls import UNREAD
from acra_twisted.daemon.localuser import peer_user
from acra_twisted.telemetry.logs.audit import identity_fields

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

    from acra_twisted.connector.link import Attempt
    from acra_twisted.daemon.connections import Connections
    from acra_twisted.dialectinterfaces import IServerDialect
    from acra_twisted.pipeline.hooks import Pipeline
    from acra_twisted.proxy.limits import Limits
    from acra_twisted.telemetry.metrics.families import ConnectorMetrics
    from acra_twisted.telemetry.tracing.exchanges import Tracing
    from acra_twisted.transport.failures import Party
    from acra_twisted.transport.tlscontext import TLSContext


@dataclass(slots=True)
class ConnectorContext:
    """Is made by the service, and read by connections.

    ``event`` logs and counts one, see DaemonService.  ``connect`` reaches the server, and
    ``server`` is the server in reasons of failures.  ``mark`` is what is said of this connector to
    its server.  ``observers`` are None where the protocol that is carried is not followed.
    ``listener`` is the name of its section, empty for the connector's own address.
    ``link_exposed``: others may read what goes over the link.
    ``users`` are the ids of users who may connect, empty for all.  Times are in seconds.
    """

    reactor: Any
    log: Any
    event: Callable[..., None]
    metrics: ConnectorMetrics
    tracing: Tracing
    connections: Connections[Any]
    pipeline: Pipeline
    limits: Limits
    connect: Callable[[Attempt], Deferred[Any]]
    server: Party
    client_id: str
    mark: int
    users: frozenset[int]
    application_tls: str
    application_context: TLSContext | None
    connect_timeout: float
    handshake_timeout: float
    write_timeout: float
    dialect: IServerDialect
    observers: Any = None
    listener: str = ""
    link_exposed: bool = False
    _told: set[str] = field(default_factory=set)

    def admits(self, connection: Any) -> bool:
        """True if the user of the peer's process may connect."""
        return not self.users or peer_user(connection.transport.getHandle()) in self.users

    def carries_unread(self, connection: Any, why: str) -> None:
        """Count a connection whose requests cannot be traced here; the log has the first of each
        kind."""
        self.metrics.carries_unread(why)
        if why not in self._told:
            self._told.add(why)
            self.event(
                events.UNREAD_SESSION,
                UNREAD[why],
                session_id=connection.number,
                trace_id=connection.span.trace_id,
                span_id=connection.span.span_id,
                **identity_fields(connection.identity),
            )
