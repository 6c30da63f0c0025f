"""The common context of AcraServer's connections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from acra_twisted.authentication.certificateusers import CertificateUsers
    from acra_twisted.authentication.limits import LoginLimits
    from acra_twisted.authentication.mapfile import MapFile
    from acra_twisted.daemon.connections import Connections
    from acra_twisted.dialectinterfaces import IServerDialect
    from acra_twisted.pipeline.hooks import Pipeline
    from acra_twisted.pipeline.observers import Observers
    from acra_twisted.proxy.limits import Limits
    from acra_twisted.server.cancel import CancelKeys
    from acra_twisted.server.database import Database
    from acra_twisted.telemetry.metrics.exchanges import ServerExchanges
    from acra_twisted.telemetry.metrics.families import ServerMetrics
    from acra_twisted.telemetry.pages.turns import Turns
    from acra_twisted.telemetry.tracing.exchanges import Tracing
    from acra_twisted.telemetry.tracing.received import SpanReceiver
    from acra_twisted.transport.failures import Party


@dataclass(slots=True)
class ServerContext:
    """Is made by the service, and read by connections.

    ``metrics`` are the daemon's, ``counts`` those of the listener.
    ``dialect`` is an IDatabaseDialect, ``login_policy`` what its logins are given.
    ``handshake_timeout`` is in seconds.  ``peer`` and ``database_party`` are those who connect and
    the database in reasons of failures.  ``client_id`` is that of connections whose link proves
    none; ``id_from_certificate`` says how one is taken from a certificate, empty if it is not.
    ``client_tls`` is the TLS context for applications, None without TLS.  ``intake`` takes spans of
    connectors, None where they are not wanted.  ``credentials`` look up what proves a user, None
    where the database alone asks for it.  ``client_ids`` maps logins to client ids, None where
    the link, the certificate or ``client_id`` gives them.
    ``link_encrypted``: everything between client, or connector, and this server is encrypted.
    ``certificates`` say which users a client's certificate proves, None where none does;
    ``in_thread`` runs a function in a thread and gives its result later.  ``listener`` is the name
    of the listener whose connections these are, empty for the server's own address.
    """

    reactor: Any
    log: Any
    metrics: ServerMetrics
    counts: ServerExchanges
    tracing: Tracing
    turns: Turns
    connections: Connections[Any]
    observers: Observers
    pipeline: Pipeline
    limits: Limits
    dialect: IServerDialect
    cancel_keys: CancelKeys
    database: Database
    database_party: Party
    peer: Party
    login_policy: Any
    client_id: str
    id_from_certificate: str
    client_tls: Any
    handshake_timeout: float
    login_limits: LoginLimits
    intake: SpanReceiver | None = None
    credentials: Any = None
    client_ids: MapFile | None = None
    link_encrypted: bool = False
    certificates: CertificateUsers | None = None
    in_thread: Any = None
    listener: str = ""
