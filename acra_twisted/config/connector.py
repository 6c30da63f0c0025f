"""Declares the options of AcraConnector.  Those that Acra has keep Acra's names."""

from __future__ import annotations

from acra_twisted.config.common import (
    BUSY_POLL,
    CORE_DUMP,
    KEYSTORE,
    LIMITS,
    LOGGING,
    NATIVE_TRANSPORTS,
    REUSE_PORT,
    SESSION_LIMITS,
    TCP,
    TRACING,
)
from acra_twisted.config.databasekind import DATABASE_KIND
from acra_twisted.config.history import WATCHING
from acra_twisted.config.revocation import CONNECTOR_REVOCATION
from acra_twisted.optionkinds import (
    ADDRESS,
    BOOLEAN,
    CLIENT_ID,
    FILE,
    HOST,
    LISTENING_ADDRESS,
    NAMES,
    PORT,
    TEXT,
    Address,
    Choice,
    Host,
    Integer,
    Seconds,
)
from acra_twisted.options import Option, Section

_MIB = 1 << 20
_TLS_AUTH = Integer(-1, 4)

CONNECTOR_SECTIONS = (
    Section(
        "connector",
        "Address for applications.",
        (
            Option(
                "incoming_connection_string",
                LISTENING_ADDRESS,
                Address("127.0.0.1", 9494),
                "Address for applications.",
            ),
            REUSE_PORT,
            BUSY_POLL,
            NATIVE_TRANSPORTS,
            CORE_DUMP,
            Option("unix_socket_mode", TEXT, "0600", "Mode of a unix listening socket, octal."),
            Option(
                "allowed_users",
                NAMES,
                (),
                "Users of this machine, by name or number, whose processes may connect. Others, "
                "and other machines, then may not. Empty allows everyone.",
            ),
            Option(
                "application_tls",
                Choice("auto", "require", "refuse", "pass"),
                "auto",
                "TLS that applications request. auto: with application_tls_cert the connector "
                "ends it; without, it declines on loopback and unix sockets, and elsewhere "
                "forwards the request to AcraServer. require: the connector ends TLS, and "
                "applications must use it. refuse: the connector always declines. pass: "
                "AcraServer answers, as in Acra. If AcraServer ends an application's TLS, its "
                "requests are not traced here.",
            ),
            Option(
                "application_tls_cert",
                FILE,
                "",
                "Certificate chain (PEM) for applications. SIGHUP reads it again.",
            ),
            Option("application_tls_key", FILE, "", "Its private key (PEM), mode 0600."),
            Option(
                "application_tls_ca",
                FILE,
                "",
                "CA certificates (PEM). If set, applications must show a certificate from one "
                "of them.",
            ),
            *LIMITS,
            *TCP,
            *DATABASE_KIND,
            *SESSION_LIMITS,
        ),
    ),
    Section(
        "acraserver",
        "AcraServer, and the link to it.",
        (
            Option("acraserver_connection_string", ADDRESS, None, "Address of AcraServer."),
            Option(
                "acraserver_connection_host",
                Host("acraserver_connection_port"),
                "",
                "AcraServer's host. Overrides the string.",
            ),
            Option(
                "acraserver_connection_port", PORT, 9393, "AcraServer's port, used with the host."
            ),
            Option(
                "client_id",
                CLIENT_ID,
                "",
                "This connector's client id. Required for Secure Session, which protects the "
                "link unless TLS or a plain connection is chosen.",
            ),
            Option(
                "acraserver_securesession_id",
                TEXT,
                "acra_server",
                "Id that the server must use in Secure Session. AcraServer 0.84 uses the "
                "connector's: set it to client_id there.",
            ),
            Option(
                "acraserver_tls_transport_enable", BOOLEAN, False, "Use mutual TLS to the server."
            ),
            Option(
                "acraserver_transport_encryption_disable",
                BOOLEAN,
                False,
                "Use a plain connection without protection.",
            ),
            Option(
                "acraserver_connect_timeout",
                Seconds(0.1),
                10.0,
                "Time limit for reaching the server.",
            ),
        ),
    ),
    Section(
        "api",
        "The server's HTTP API for programs of this machine. The connector forwards their "
        "requests.",
        (
            Option("http_api_enable", BOOLEAN, False, "Listen for commands."),
            Option(
                "incoming_connection_api_string",
                LISTENING_ADDRESS,
                Address("127.0.0.1", 9191),
                "Address for commands from programs, by HTTP.",
            ),
            Option(
                "acraserver_api_connection_string",
                ADDRESS,
                None,
                "Address of AcraServer for commands.",
            ),
            Option(
                "acraserver_api_connection_port",
                PORT,
                9090,
                "AcraServer's port for commands, used with acraserver_connection_host, which "
                "overrides the string.",
            ),
        ),
    ),
    Section(
        "tls",
        "Certificates of the link.",
        (
            Option("tls_ca", FILE, "", "CA certificates (PEM) that verify the server."),
            Option("tls_cert", FILE, "", "This daemon's certificate chain (PEM)."),
            Option("tls_key", FILE, "", "Its private key (PEM), mode 0600."),
            Option("tls_auth", Integer(0, 4), 4, "4 verifies the server, 0 does not."),
            Option(
                "tls_acraserver_sni",
                HOST,
                "",
                "Name that the server's certificate must have. Empty means its host.",
            ),
        ),
    ),
    CONNECTOR_REVOCATION,
    KEYSTORE,
    LOGGING,
    Section(
        TRACING.name,
        TRACING.help,
        (
            *TRACING.options,
            Option(
                "tracing_to_server",
                BOOLEAN,
                False,
                "Also send spans to AcraServer, over a separate link, so that its trace pages "
                "show both daemons. For a server of acra-twisted, with TLS or Secure Session.",
            ),
        ),
    ),
    *WATCHING,
)
