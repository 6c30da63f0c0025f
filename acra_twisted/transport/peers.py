"""The peers of both daemons, for `reasons`: which settings have to do with each, and what it means
if one speaks something else than it should."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from acra_twisted.transport import spoken
from acra_twisted.transport.failures import Role

#: Names of the link's protections.
LINK_TLS: Final = "TLS"
LINK_SECURE_SESSION: Final = "Secure Session"
LINK_PLAIN: Final = "none"

_SERVER_TLS: Final = "acraconnector_tls_transport_enable"
_SERVER_PLAIN: Final = "acraconnector_transport_encryption_disable"
_CONNECTOR_TLS: Final = "acraserver_tls_transport_enable"
_CONNECTOR_PLAIN: Final = "acraserver_transport_encryption_disable"
_WHERE: Final = "acraserver_connection_string"

# -- AcraServer, as AcraConnector sees it --------------------------------------------------------

_SERVES: Final[Mapping[str, str]] = {
    spoken.POSTGRESQL: f"that listener serves PostgreSQL: name one for MySQL in {_WHERE}, or set "
    "mysql_enable = false here",
    spoken.MYSQL: f"that listener serves MySQL or MariaDB: name one for PostgreSQL in {_WHERE}, or "
    "set mysql_enable = true here",
}

ACRASERVER_TLS: Final = Role(
    "AcraServer",
    "TLS handshake",
    _WHERE,
    "acraserver_connect_timeout",
    "tls_cert",
    "tls_ca",
    "tls_acraserver_sni",
    f"is it AcraServer, and does it take TLS ({_SERVER_TLS} = true there)? its log says why",
    speaks={
        spoken.POSTGRESQL: f"set {_SERVER_TLS} = true there; if it is a database itself, "
        f"see {_WHERE}",
        "": f"set {_SERVER_TLS} = true there; or another program listens there: see {_WHERE}",
    },
    serves=_SERVES,
)
ACRASERVER_SECURE_SESSION: Final = Role(
    "AcraServer",
    "Secure Session handshake",
    _WHERE,
    "acraserver_connect_timeout",
    hung_up="does it know this client_id and its key (the .pub file in its keys_dir), and does it "
    f"take Secure Session (neither {_SERVER_TLS} nor {_SERVER_PLAIN} there)? its log says why",
    unproven="in keys_dir the file of the client id with _server.pub behind must be the server's "
    "public key, and acraserver_securesession_id its securesession_id",
    speaks={
        spoken.TLS: f"set {_CONNECTOR_TLS} = true here, or {_SERVER_TLS} = false there",
        spoken.POSTGRESQL: f"set {_SERVER_PLAIN} = false there; if it is a database itself, "
        f"see {_WHERE}",
    },
    serves=_SERVES,
)
ACRASERVER_PLAIN: Final = Role(
    "AcraServer",
    "startup",
    _WHERE,
    "acraserver_connect_timeout",
    hung_up=f"does it take connections without encryption ({_SERVER_PLAIN} = true there)? its log "
    "says why",
    speaks={
        spoken.TLS: f"set {_CONNECTOR_TLS} = true and {_CONNECTOR_PLAIN} = false here",
    },
    serves=_SERVES,
)

ACRASERVER: Final[Mapping[str, Role]] = {
    LINK_TLS: ACRASERVER_TLS,
    LINK_SECURE_SESSION: ACRASERVER_SECURE_SESSION,
    LINK_PLAIN: ACRASERVER_PLAIN,
}

# -- who connects to AcraServer ------------------------------------------------------------------

_STRAY: Final[Mapping[str, str]] = {
    spoken.HTTP: "a probe or a browser? health and metrics have a port of their own "
    "(incoming_connection_prometheus_metrics_string)",
    spoken.PROXY: "it is not understood here: switch it off in the load balancer",
}
_APPLICATION: Final = "an application connects to AcraConnector and not here"
_SERVED: Final[Mapping[str, str]] = {
    spoken.POSTGRESQL: "this listener serves MySQL and MariaDB: the application, or "
    f"{_WHERE} of its connector, should name one for PostgreSQL",
    spoken.MYSQL: f"this listener serves PostgreSQL: {_WHERE} of the connector should name one "
    "with mysql_enable = true, or the connector have mysql_enable = false",
}

CONNECTOR_TLS: Final = Role(
    "the peer",
    "TLS handshake",
    certificate="tls_client_cert or tls_cert",
    authorities="tls_client_ca or tls_ca",
    hung_up="the connector's log says why",
    speaks={
        **_STRAY,
        spoken.POSTGRESQL: _APPLICATION,
        spoken.SECURE_SESSION: f"set {_CONNECTOR_TLS} = true in the connector, or {_SERVER_TLS} = "
        "false here",
        spoken.PLAIN: f"set {_CONNECTOR_TLS} = true and {_CONNECTOR_PLAIN} = false in the "
        "connector",
    },
    serves=_SERVED,
)
CONNECTOR_SECURE_SESSION: Final = Role(
    "the peer",
    "Secure Session handshake",
    hung_up="the connector's log says why: is this server's .pub file in its keys_dir?",
    unproven="keys_dir must hold two files for a client id: its name with _server behind (this "
    "server's private key) and with .pub behind (the connector's public key of today)",
    speaks={
        **_STRAY,
        spoken.POSTGRESQL: _APPLICATION,
        spoken.TLS: f"set {_CONNECTOR_TLS} = false in the connector, or {_SERVER_TLS} = true here",
        spoken.PLAIN: f"set {_CONNECTOR_PLAIN} = false in the connector",
    },
    serves=_SERVED,
)
CONNECTOR_PLAIN: Final = Role(
    "the peer",
    "startup",
    speaks={
        **_STRAY,
        spoken.TLS: f"set {_CONNECTOR_PLAIN} = true in the connector, or {_SERVER_TLS} = true "
        f"and {_SERVER_PLAIN} = false here",
        spoken.SECURE_SESSION: f"set {_CONNECTOR_PLAIN} = true in the connector, or "
        f"{_SERVER_PLAIN} = false here",
    },
    serves=_SERVED,
)

CONNECTOR: Final[Mapping[str, Role]] = {
    LINK_TLS: CONNECTOR_TLS,
    LINK_SECURE_SESSION: CONNECTOR_SECURE_SESSION,
    LINK_PLAIN: CONNECTOR_PLAIN,
}

# -- the others ----------------------------------------------------------------------------------

DATABASE: Final = Role(
    "the database",
    "TLS handshake",
    "db_host and db_port",
    "db_connect_timeout",
    "tls_database_cert or tls_cert",
    "tls_database_ca or tls_ca",
    "tls_database_sni",
    "the database's log says why",
    "switch TLS on there (its setting ssl), or see db_tls",
    speaks={
        spoken.MYSQL: "it is MySQL or MariaDB: set mysql_enable = true, or name a PostgreSQL in "
        "db_host and db_port",
        spoken.POSTGRESQL: "it is PostgreSQL: set mysql_enable = false",
        spoken.TLS: "it speaks TLS at once, which no database does: see db_host and db_port",
    },
)
APPLICATION: Final = Role(
    "the application",
    "TLS handshake",
    certificate="application_tls_cert, or tls_cert at AcraServer",
    hung_up="does it trust this side's certificate (sslrootcert)?",
)
COLLECTOR: Final = Role("the collector", address="the exporter's endpoint")


# -- who takes spans -----------------------------------------------------------------------------


def collector(setting: str) -> Role:
    """A collector whose address is in ``setting``."""
    return Role("the collector", "handshake", setting, authorities="tracing_tls_ca")
