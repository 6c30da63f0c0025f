"""Declares the options of AcraServer.  Those that Acra has keep Acra's names."""

from __future__ import annotations

from acra_twisted.config.authentication import AUTHENTICATION
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
from acra_twisted.config.console import WATCHING_SERVER
from acra_twisted.config.databasekind import DATABASE_KIND, MYSQL_ONLY
from acra_twisted.config.encryptor import ENCRYPTOR
from acra_twisted.config.pipeline import CENSOR, PIPELINE, POISON
from acra_twisted.config.revocation import SERVER_REVOCATION
from acra_twisted.config.tokens import TOKENS
from acra_twisted.dialects.postgresql.startup import ALLOWED_PARAMETERS
from acra_twisted.optionkinds import (
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
from acra_twisted.telemetry.tracing.sampling import CLIENT_SAMPLERS

_MIB = 1 << 20
_TLS_AUTH = Integer(-1, 4)

SERVER_SECTIONS = (
    Section(
        "server",
        "Connections from connectors and applications.",
        (
            Option(
                "incoming_connection_string",
                LISTENING_ADDRESS,
                Address("127.0.0.1", 9393),
                "Address for connectors (or applications).",
            ),
            REUSE_PORT,
            BUSY_POLL,
            NATIVE_TRANSPORTS,
            CORE_DUMP,
            Option(
                "acraconnector_tls_transport_enable",
                BOOLEAN,
                False,
                "Connectors use TLS with a client certificate.",
            ),
            Option(
                "acraconnector_transport_encryption_disable",
                BOOLEAN,
                False,
                "Connectors or applications use a plain connection.",
            ),
            Option(
                "securesession_id",
                TEXT,
                "acra_server",
                "This server's id in Secure Session, which protects the link unless TLS or a "
                "plain connection is chosen.",
            ),
            Option(
                "client_id",
                CLIENT_ID,
                "",
                "Client id of every connection, if neither Secure Session nor certificates "
                "provide one.",
            ),
            *LIMITS,
            *TCP,
            Option(
                "max_connections_per_address",
                Integer(0, 1_000_000),
                0,
                "Limit of open connections from one address. 0 is no limit.",
            ),
        ),
    ),
    Section(
        "api",
        "The HTTP API: /resetKeyStorage makes the server read keys again. Connectors with "
        "http_api_enable use it inside the link's protection (Secure Session, TLS).",
        (
            Option("http_api_enable", BOOLEAN, False, "Accept commands."),
            Option(
                "incoming_connection_api_string",
                LISTENING_ADDRESS,
                Address("127.0.0.1", 9090),
                "Address for commands from connectors.",
            ),
            Option(
                "http_api_clients",
                NAMES,
                (),
                "Client ids that may give commands. Empty allows every client id that the link "
                "proves.",
            ),
        ),
    ),
    Section(
        "database",
        "The database, and permissions of its clients.",
        (
            *DATABASE_KIND,
            Option("db_host", Host("db_port", folder=True), "", "Host of the database. Required."),
            Option(
                "db_port",
                PORT,
                5432,
                "Port of the database. With mysql_enable it is 3306, unless it is set.",
            ),
            Option(
                "db_tls",
                Choice("auto", "require", "direct", "disable"),
                "auto",
                "TLS to the database. auto requires it, except on loopback: there it is used if "
                "the database offers it and certificates are configured (tls_ca, tls_cert, "
                "tls_database_*), and verified if tls_database_* says how. direct requires it and "
                "begins it with the first byte, as PostgreSQL 17 and later understand it.",
            ),
            Option(
                "db_connect_timeout", Seconds(0.1), 10.0, "Time limit for reaching the database."
            ),
            Option(
                "db_password_without_tls",
                Choice("loopback", "allow", "deny"),
                "loopback",
                "Decides if a database without TLS may ask for a cleartext or MD5 password.",
            ),
            Option(
                "client_tls",
                Choice("auto", "allow", "require", "disable"),
                "auto",
                "TLS that applications request in the database protocol. allow offers it. auto "
                "offers it if a certificate is configured and the link is plain, because within "
                "an encrypted link it would hide requests from the connector's traces.",
            ),
            Option(
                "allowed_startup_parameters",
                NAMES,
                ALLOWED_PARAMETERS,
                "Names of settings that a client may send when it connects. * allows all.",
            ),
            Option("replication_enable", BOOLEAN, False, "Allow replication connections."),
            Option(
                "function_call_enable",
                BOOLEAN,
                False,
                "Allow FunctionCall messages. Stages do not see them.",
            ),
            *MYSQL_ONLY,
            *SESSION_LIMITS,
            Option(
                "batch_hold_limit",
                Integer(0, 64 * _MIB),
                _MIB,
                "Bytes of an extended-protocol batch that are held until Sync or Flush. 0 holds "
                "nothing.",
            ),
            Option(
                "batch_hold_time",
                Seconds(),
                0.01,
                "Silence of the client after which a held batch leaves; it may take twice as "
                "long. 0 holds it until Sync or Flush.",
            ),
            Option(
                "session_idle_timeout",
                Seconds(),
                0.0,
                "End sessions that are idle for this time. 0 is never.",
            ),
            Option(
                "transaction_idle_timeout",
                Seconds(),
                0.0,
                "End sessions that wait this time for their client within a transaction or a "
                "copy. 0 is never.",
            ),
            Option(
                "reply_timeout",
                Seconds(),
                0.0,
                "End sessions whose database owes a reply and is silent for this time. 0 is "
                "never: statements may run for hours.",
            ),
            Option(
                "message_timeout",
                Seconds(),
                60.0,
                "Time limit for one message of a client. 0 is no limit.",
            ),
        ),
    ),
    AUTHENTICATION,
    Section(
        "tls",
        "Certificates. tls_client_* concerns connectors and applications, tls_database_* the "
        "database. tls_* is the default of both.",
        (
            Option("tls_ca", FILE, "", "CA certificates (PEM) that verify peers."),
            Option("tls_cert", FILE, "", "This daemon's certificate chain (PEM)."),
            Option("tls_key", FILE, "", "Its private key (PEM), mode 0600."),
            Option(
                "tls_auth",
                Integer(0, 4),
                4,
                "Peer certificates: 0 none, 3 verify if given, 4 require and verify.",
            ),
            Option("tls_client_ca", FILE, "", "Overrides tls_ca."),
            Option("tls_client_cert", FILE, "", "Overrides tls_cert."),
            Option("tls_client_key", FILE, "", "Overrides tls_key."),
            Option("tls_client_auth", _TLS_AUTH, -1, "Overrides tls_auth; -1 does not."),
            Option(
                "tls_database_ca",
                FILE,
                "",
                "Overrides tls_ca. If both are empty, the system's CAs are used.",
            ),
            Option("tls_database_cert", FILE, "", "Overrides tls_cert."),
            Option("tls_database_key", FILE, "", "Overrides tls_key."),
            Option(
                "tls_database_auth",
                _TLS_AUTH,
                -1,
                "Overrides tls_auth; -1 does not. 0 does not verify the database at all.",
            ),
            Option(
                "tls_database_sni",
                HOST,
                "",
                "Name that the database's certificate must have. Empty means db_host.",
            ),
            Option(
                "tls_client_id_from_cert",
                BOOLEAN,
                False,
                "Take the client id from the client certificate.",
            ),
            Option(
                "tls_identifier_extractor_type",
                Choice("distinguished_name", "serial_number"),
                "distinguished_name",
                "Part of the certificate that makes the client id.",
            ),
        ),
    ),
    SERVER_REVOCATION,
    PIPELINE,
    CENSOR,
    ENCRYPTOR,
    TOKENS,
    KEYSTORE,
    POISON,
    LOGGING,
    Section(
        TRACING.name,
        TRACING.help,
        (
            *TRACING.options,
            Option(
                "tracing_sampler_by_client",
                CLIENT_SAMPLERS,
                (),
                "Samplers of certain client ids, which override every other decision: "
                "id=always, other=probability:0.01.",
            ),
            Option(
                "tracing_propagate_to_database",
                BOOLEAN,
                False,
                "Add the trace context to statements of sampled exchanges in a comment, for the "
                "database's log and for pg_tracing. Named prepared statements stay unchanged.",
            ),
            Option(
                "tracing_trace_id_in_errors",
                BOOLEAN,
                False,
                "Add a hint with the trace id to errors for applications.",
            ),
            Option(
                "tracing_notice_enable",
                BOOLEAN,
                False,
                "Let a session ask for a NOTICE with trace id and times after each reply, by "
                "SET acra.trace_notice = on. Its exchanges are then always recorded.",
            ),
        ),
    ),
    *WATCHING_SERVER,
)
