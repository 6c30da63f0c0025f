"""The options of each daemon.  What an option of Acra's does keeps Acra's name."""

from __future__ import annotations

from acra_twisted.config.common import (
    BUSY_POLL,
    CORE_DUMP,
    KEYSTORE,
    LIMITS,
    LOGGING,
    METRICS,
    REUSE_PORT,
    SESSION_LIMITS,
    TCP,
    TRACING,
)
from acra_twisted.dialects.postgresql.startup import ALLOWED_PARAMETERS
from acra_twisted.options import (
    ADDRESS,
    BOOLEAN,
    CLIENT_ID,
    FILE,
    HOST,
    NAMES,
    PORT,
    TEXT,
    Address,
    Choice,
    Host,
    Integer,
    Option,
    Seconds,
    Section,
)
from acra_twisted.telemetry.tracing.sampling import CLIENT_SAMPLERS

_MIB = 1 << 20
_TLS_AUTH = Integer(-1, 4)

SERVER_SECTIONS = (
    Section(
        "server",
        "Who connects, and how.",
        (
            Option(
                "incoming_connection_string",
                ADDRESS,
                Address("127.0.0.1", 9393),
                "Where connectors (or applications) connect.",
            ),
            REUSE_PORT,
            BUSY_POLL,
            CORE_DUMP,
            Option(
                "acraconnector_tls_transport_enable",
                BOOLEAN,
                False,
                "Connectors come over TLS with a client certificate.",
            ),
            Option(
                "acraconnector_transport_encryption_disable",
                BOOLEAN,
                False,
                "Connectors or applications come over a plain connection.",
            ),
            Option(
                "securesession_id",
                TEXT,
                "acra_server",
                "Our id in Secure Session, which is the link's protection where neither TLS nor "
                "a plain connection is chosen.",
            ),
            Option(
                "client_id",
                CLIENT_ID,
                "",
                "Client id of every connection, where neither Secure Session nor certificates "
                "give one.",
            ),
            *LIMITS,
            *TCP,
            Option(
                "max_connections_per_address",
                Integer(0, 1_000_000),
                0,
                "Connections at a time from one address. 0 is no limit.",
            ),
        ),
    ),
    Section(
        "api",
        "The HTTP API: /resetKeyStorage has keys read anew. It is spoken within the link's "
        "protection (Secure Session, TLS), as connectors speak it that have http_api_enable.",
        (
            Option("http_api_enable", BOOLEAN, False, "Take commands."),
            Option(
                "incoming_connection_api_string",
                ADDRESS,
                Address("127.0.0.1", 9090),
                "Where connectors bring commands.",
            ),
            Option(
                "http_api_clients",
                NAMES,
                (),
                "Client ids that may give commands. Empty: all that the link proves.",
            ),
        ),
    ),
    Section(
        "database",
        "The database behind, and what its clients may do.",
        (
            Option("db_host", Host("db_port", folder=True), "", "Host of the database. Required."),
            Option("db_port", PORT, 5432, "Port of the database."),
            Option(
                "db_tls",
                Choice("auto", "require", "disable"),
                "auto",
                "TLS to the database. auto requires it, but from one on loopback: there it is used "
                "where it is offered, if certificates are configured (tls_ca, tls_cert, "
                "tls_database_*), and verified if tls_database_* says how.",
            ),
            Option("db_connect_timeout", Seconds(0.1), 10.0, "To reach the database."),
            Option(
                "db_password_without_tls",
                Choice("loopback", "allow", "deny"),
                "loopback",
                "Whether a database without TLS may ask for a cleartext or MD5 password.",
            ),
            Option(
                "client_tls",
                Choice("auto", "allow", "require", "disable"),
                "auto",
                "TLS asked for by applications in the database protocol. allow offers it. auto "
                "does where a certificate is configured and the link is plain: within an "
                "encrypted link it would hide requests from the connector's traces.",
            ),
            Option(
                "allowed_startup_parameters",
                NAMES,
                ALLOWED_PARAMETERS,
                "Settings a client may give when it connects, by name. * allows all.",
            ),
            Option("replication_enable", BOOLEAN, False, "Let replication connections through."),
            Option(
                "function_call_enable",
                BOOLEAN,
                False,
                "Let FunctionCall messages through. Stages do not see them.",
            ),
            *SESSION_LIMITS,
            Option(
                "batch_hold_limit",
                Integer(0, 64 * _MIB),
                _MIB,
                "Bytes of an extended-protocol batch held back until Sync or Flush. 0 holds "
                "nothing.",
            ),
            Option(
                "batch_hold_time",
                Seconds(),
                0.01,
                "What is held back goes when the client has sent nothing for so long, up to twice "
                "that. 0 holds it until Sync or Flush.",
            ),
            Option(
                "session_idle_timeout", Seconds(), 0.0, "Ends sessions without work. 0 is never."
            ),
            Option(
                "transaction_idle_timeout",
                Seconds(),
                0.0,
                "Ends sessions that wait for their client within a transaction or while it copies "
                "in. 0 is never.",
            ),
            Option(
                "reply_timeout",
                Seconds(),
                0.0,
                "Ends sessions whose database says nothing for so long although it owes a reply. 0 "
                "is never: statements may run for hours.",
            ),
            Option(
                "message_timeout",
                Seconds(),
                60.0,
                "How long a client may take over one message. 0 is for ever.",
            ),
        ),
    ),
    Section(
        "tls",
        "Certificates. tls_client_* is the side of connectors and applications, tls_database_* "
        "that of the database; tls_* is for both where those are empty.",
        (
            Option("tls_ca", FILE, "", "CA certificates (PEM) peers are verified by."),
            Option("tls_cert", FILE, "", "Our certificate chain (PEM)."),
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
            Option("tls_database_ca", FILE, "", "Overrides tls_ca. Neither: the system's CAs."),
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
                "Name the database's certificate must have; db_host if empty.",
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
                "What of the certificate makes the client id.",
            ),
        ),
    ),
    Section(
        "pipeline",
        "Processing stages, nearest the client first; replies run the list backwards.",
        (
            Option("stages", NAMES, ("decryptor",), "Stages to run, by name, in order."),
            Option(
                "stage_timeout",
                Seconds(),
                60.0,
                "How long stages may take over one statement, or one run of rows, before the "
                "session is ended. 0 is for ever.",
            ),
        ),
    ),
    Section(
        "censor",
        "AcraCensor, the SQL firewall. Its handlers stand in a file of their own, or here in "
        "sections [censor:NAME], in the order in which they decide. Either runs the stage "
        "censor, nearest the client, if stages does not name it. Read anew at SIGHUP.",
        (
            Option("acracensor_config_file", FILE, "", "Rule file in Acra's YAML."),
            Option(
                "ignore_parse_error",
                BOOLEAN,
                False,
                "Statements that cannot be parsed go on to the handlers and are not denied at "
                "once. For handlers in [censor:NAME]; a rule file has a key of its own.",
            ),
            Option(
                "parse_errors_log",
                FILE,
                "",
                "File for statements that cannot be parsed, without their literals. For handlers "
                "in [censor:NAME]; a rule file has a key of its own.",
            ),
            Option(
                "value_matches_functions",
                BOOLEAN,
                False,
                "%%VALUE%% also stands for a function call, as in Acra: that admits pg_sleep(5). "
                "For handlers in [censor:NAME]; a rule file has a key of its own.",
            ),
            Option(
                "unknown_functions",
                Choice("", "allow", "deny"),
                "",
                "What functions and operators count as that the firewall's table does not have, "
                "such as your own: harmless (allow), or like one that runs SQL from a text (deny). "
                "Empty: no denial concerns them, and no permission for tables or by placeholder "
                "covers them. For handlers in [censor:NAME]; a rule file has a key of its own.",
            ),
            Option(
                "statistics",
                Choice("", "allow", "deny"),
                "",
                "Whether a handler that denies tables denies the planner's statistics, too, which "
                "show values of every table (pg_stats, pg_statistic). Empty: it does. For handlers "
                "in [censor:NAME]; a rule file has a key of its own.",
            ),
        ),
    ),
    KEYSTORE,
    Section(
        "poison",
        "What happens when a poison record is read. It is always an event of the log.",
        (
            Option(
                "poison_detect_enable",
                BOOLEAN,
                False,
                "Run the stage poison, nearest the database, if stages does not name it. Any of "
                "the reactions below turns it on; it cannot be switched off beside one.",
            ),
            Option(
                "poison_run_script_file",
                FILE,
                "",
                "Program to start, without arguments and with an empty environment.",
            ),
            Option("poison_script_timeout", Seconds(0.1), 60.0, "It is killed after so long."),
            Option("poison_stop_session_enable", BOOLEAN, False, "End the session that read it."),
            Option(
                "poison_shutdown_enable",
                BOOLEAN,
                False,
                "End the whole server, with exit status 1.",
            ),
        ),
    ),
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
                "Samplers of certain client ids, which hold against every other decision: "
                "id=always, other=probability:0.01.",
            ),
            Option(
                "tracing_propagate_to_database",
                BOOLEAN,
                False,
                "Statements of sampled exchanges take their trace context to the database in a "
                "comment, for its own log and for pg_tracing. Named prepared statements stay as "
                "they are.",
            ),
            Option(
                "tracing_trace_id_in_errors",
                BOOLEAN,
                False,
                "Errors that applications get have a hint with the trace id.",
            ),
            Option(
                "tracing_notice_enable",
                BOOLEAN,
                False,
                "A session may ask for a NOTICE with trace id and times behind each reply, by "
                "SET acra.trace_notice = on; its exchanges are always recorded then.",
            ),
        ),
    ),
    METRICS,
)

CONNECTOR_SECTIONS = (
    Section(
        "connector",
        "Where applications connect.",
        (
            Option(
                "incoming_connection_string",
                ADDRESS,
                Address("127.0.0.1", 9494),
                "Where applications connect.",
            ),
            REUSE_PORT,
            BUSY_POLL,
            CORE_DUMP,
            Option("unix_socket_mode", TEXT, "0600", "Mode of a unix listening socket, octal."),
            Option(
                "allowed_users",
                NAMES,
                (),
                "Users of this machine, by name or number, whose processes may connect; nobody "
                "else may then, and nobody from another machine. Empty is everyone.",
            ),
            Option(
                "application_tls",
                Choice("auto", "require", "refuse", "pass"),
                "auto",
                "TLS asked for by applications. auto: with application_tls_cert the connector "
                "ends it; without, it declines on loopback and unix sockets, and elsewhere passes "
                "the request on to AcraServer. require: the connector ends TLS, and nobody may "
                "connect without. refuse: it always declines. pass: AcraServer answers, as in "
                "Acra. Requests are not traced here where AcraServer ends an application's TLS.",
            ),
            Option(
                "application_tls_cert",
                FILE,
                "",
                "Certificate chain (PEM) that applications are shown. Read anew at SIGHUP.",
            ),
            Option("application_tls_key", FILE, "", "Its private key (PEM), mode 0600."),
            Option(
                "application_tls_ca",
                FILE,
                "",
                "CA certificates (PEM). If given, applications must show a certificate of theirs.",
            ),
            *LIMITS,
            *TCP,
            *SESSION_LIMITS,
        ),
    ),
    Section(
        "acraserver",
        "The server, and the link to it.",
        (
            Option("acraserver_connection_string", ADDRESS, None, "Where AcraServer listens."),
            Option(
                "acraserver_connection_host",
                Host("acraserver_connection_port"),
                "",
                "Its host; overrides the string.",
            ),
            Option("acraserver_connection_port", PORT, 9393, "Its port, with the host."),
            Option(
                "client_id",
                CLIENT_ID,
                "",
                "Our client id. Required for Secure Session, which is the link's protection where "
                "neither TLS nor a plain connection is chosen.",
            ),
            Option(
                "acraserver_securesession_id",
                TEXT,
                "acra_server",
                "The id that the server must present in Secure Session. AcraServer 0.84 has the "
                "connector's: set it to client_id there.",
            ),
            Option("acraserver_tls_transport_enable", BOOLEAN, False, "Mutual TLS to the server."),
            Option(
                "acraserver_transport_encryption_disable",
                BOOLEAN,
                False,
                "No protection: a plain connection.",
            ),
            Option("acraserver_connect_timeout", Seconds(0.1), 10.0, "To reach the server."),
        ),
    ),
    Section(
        "api",
        "The server's HTTP API, for programs of this machine: what they ask here is asked there.",
        (
            Option("http_api_enable", BOOLEAN, False, "Listen for commands."),
            Option(
                "incoming_connection_api_string",
                ADDRESS,
                Address("127.0.0.1", 9191),
                "Where programs bring commands, by HTTP.",
            ),
            Option(
                "acraserver_api_connection_string", ADDRESS, None, "Where AcraServer takes them."
            ),
            Option(
                "acraserver_api_connection_port",
                PORT,
                9090,
                "Its port, with acraserver_connection_host, which overrides the string.",
            ),
        ),
    ),
    Section(
        "tls",
        "Certificates for the link.",
        (
            Option("tls_ca", FILE, "", "CA certificates (PEM) the server is verified by."),
            Option("tls_cert", FILE, "", "Our certificate chain (PEM)."),
            Option("tls_key", FILE, "", "Its private key (PEM), mode 0600."),
            Option("tls_auth", Integer(0, 4), 4, "4: verify the server. 0: do not."),
            Option(
                "tls_acraserver_sni",
                HOST,
                "",
                "Name the server's certificate must have; its host if empty.",
            ),
        ),
    ),
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
                "Spans go to AcraServer as well, over a link of their own, so that its trace pages "
                "show both. For a server of acra-twisted, with TLS or Secure Session.",
            ),
        ),
    ),
    METRICS,
)
