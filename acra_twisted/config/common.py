"""The sections that both daemons have."""

from __future__ import annotations

from acra_twisted.config.closedkinds import ASSIGNMENTS
from acra_twisted.optionkinds import (
    ADDRESS,
    BOOLEAN,
    COMMAND,
    FILE,
    NAMES,
    TEXT,
    URL,
    Choice,
    HostAndPort,
    Integer,
    Seconds,
)
from acra_twisted.options import Option, Section
from acra_twisted.telemetry.logs.sinks import SyslogAddress
from acra_twisted.telemetry.tracing.sampling import AUTO, SamplerKind, TrustKind

LOGGING = Section(
    "logging",
    "Log lines.",
    (
        Option(
            "logging_format",
            Choice("plaintext", "json", "cef", "cef-acra"),
            "plaintext",
            "Format of the log. cef uses the names of CEF's dictionary, cef-acra those of Acra.",
        ),
        Option("log_to_console", BOOLEAN, True, "Write to standard error."),
        Option(
            "log_to_file",
            FILE,
            "",
            "Append to this file, which is made with mode 0600. SIGUSR1 reopens it.",
        ),
        Option(
            "log_to_syslog",
            SyslogAddress(),
            "",
            "Send lines by syslog (RFC 5424) to unix:///dev/log, udp://host:514 or tcp://host:514.",
        ),
        Option("log_to_journald", BOOLEAN, False, "Send lines to journald, with their fields."),
        Option(
            "audit_log_enable",
            BOOLEAN,
            False,
            "Sign every line, so that acra-log-verifier finds lines that were changed, added or "
            "removed. Needs the log key of keys_dir (acra-keymaker --generate_log_key).",
        ),
        Option(
            "security_log_file",
            FILE,
            "",
            "Append security events to this file as well, each with the same fields in the same "
            "order. SIGUSR1 reopens it.",
        ),
        Option(
            "security_log_format", Choice("json", "cef"), "json", "Format of security_log_file."
        ),
        Option("v", BOOLEAN, False, "Also log informational lines: sessions, finished spans."),
        Option("d", BOOLEAN, False, "Also log debug lines."),
    ),
)

TRACING = Section(
    "tracing",
    "Recorded traces, and destinations of their spans.",
    (
        Option(
            "tracing_sampler",
            SamplerKind(),
            "always",
            "Selects the traces to record. Denied, failed and slow exchanges are always recorded.",
        ),
        Option(
            "tracing_trust_remote",
            TrustKind(),
            AUTO,
            "Selects the peers whose sampling decisions count. auto: this package's connectors "
            "and applications; a connection of Acra's connector, which marks every one as "
            "sampled, joins its trace, and tracing_sampler decides. true: every peer. false: "
            "none.",
        ),
        Option(
            "tracing_scope",
            Choice("connection", "request"),
            "request",
            "request: each exchange is a trace of its own, linked with its connection's; a "
            "connector follows the protocol to begin it. connection: exchanges are in their "
            "connection's trace, and a connector copies bytes unread.",
        ),
        Option(
            "tracing_slow_threshold",
            Seconds(),
            1.0,
            "Exchanges that take at least this time are always recorded. 0 is off.",
        ),
        Option("tracing_log_enable", BOOLEAN, False, "Write each finished span as a log line."),
        Option(
            "otlp_endpoint",
            URL,
            "",
            "OTLP/HTTP collector: Jaeger, an OpenTelemetry collector, Lightstep, Datadog agent. "
            "For example http://localhost:4318/v1/traces. Empty is off.",
        ),
        Option(
            "zipkin_endpoint",
            URL,
            "",
            "Zipkin v2 collector, for example http://localhost:9411/api/v2/spans. Empty is off.",
        ),
        Option(
            "otlp_headers",
            TEXT,
            "",
            "Headers of each request to otlp_endpoint, such as a token: name=value, separated "
            "by commas.",
            secret=True,
        ),
        Option(
            "otlp_compression",
            Choice("auto", "gzip", "none"),
            "auto",
            "Compression of requests for OTLP. auto means gzip, and none for a collector on "
            "this host.",
        ),
        Option(
            "lightstep_endpoint",
            URL,
            "",
            "Lightstep by OTLP, for example https://ingest.lightstep.com/traces/otlp/v0.9. Needs "
            "an access token. Empty is off.",
        ),
        Option("lightstep_access_token", TEXT, "", "Lightstep's access token.", secret=True),
        Option("lightstep_access_token_file", FILE, "", "File with the token, mode 0600."),
        Option(
            "datadog_endpoint",
            URL,
            "",
            "Datadog's agent, for example http://localhost:8126. Needs the extra datadog (pip "
            "install msgpack). Empty is off.",
        ),
        Option(
            "tracing_jaeger_enable",
            BOOLEAN,
            False,
            "Send Jaeger's own thrift, to the collector if one is named, else to the agent. "
            "Jaeger also accepts OTLP.",
        ),
        Option("jaeger_agent_endpoint", HostAndPort(), "", "Jaeger's agent (UDP)."),
        Option(
            "jaeger_collector_endpoint",
            URL,
            "",
            "Jaeger's collector, for example http://localhost:14268/api/traces.",
        ),
        Option("jaeger_basic_auth_username", TEXT, "", "User for the collector."),
        Option("jaeger_basic_auth_password", TEXT, "", "The user's password.", secret=True),
        Option(
            "jaeger_acra_names",
            BOOLEAN,
            False,
            "Names begin with Sent. or Recv. by the span's kind, and links are children, as in "
            "Acra.",
        ),
        Option(
            "tracing_exporters",
            NAMES,
            (),
            "Exporter classes made for OpenCensus, by dotted path (package.module.Class). Each "
            "is constructed without arguments and runs on its own thread.",
        ),
        Option(
            "tracing_tls_ca",
            FILE,
            "",
            "CA certificates (PEM) that verify collectors with https. Empty means the system's.",
        ),
        Option(
            "tracing_queue_size",
            Integer(1, 1_000_000),
            8192,
            "Limit of spans that wait in the queue of each exporter.",
        ),
        Option(
            "tracing_batch_size",
            Integer(0, 10_000),
            0,
            "Spans in a request to a collector. 0 chooses by kind (OTLP 1024, others 256).",
        ),
        Option(
            "tracing_interval",
            Seconds(0.01, 3600),
            1.0,
            "Seconds between two requests. A queue that is half full does not wait.",
        ),
    ),
)

METRICS = Section(
    "metrics",
    "Prometheus endpoint and trace pages.",
    (
        Option(
            "incoming_connection_prometheus_metrics_string",
            ADDRESS,
            None,
            "Address of /metrics: counts, times and trace ids, for every peer that can reach "
            "it. Empty is off.",
        ),
        Option(
            "incoming_connection_zpages_string",
            ADDRESS,
            None,
            "Address of the trace pages (/debug/tracez). Empty is off. They show redacted "
            "statements: keep them on loopback, or protect them with one of the next two "
            "settings.",
        ),
        Option(
            "zpages_token_file",
            FILE,
            "",
            "File with a token, mode 0600, that the trace pages require.",
        ),
        Option(
            "zpages_tls_enable",
            BOOLEAN,
            False,
            "The trace pages use TLS and require client certificates, with tls_ca, tls_cert and "
            "tls_key.",
        ),
        Option(
            "zpages_hosts",
            NAMES,
            (),
            "Host names to which the trace pages answer, besides localhost and addresses, if "
            "they require neither a token nor a certificate. /metrics on its own address "
            "answers to any name.",
        ),
        Option(
            "http_max_connections",
            Integer(4, 10_000),
            16,
            "Limit of connections to metrics and trace pages together. A new connection "
            "replaces the one that has waited longest, so that clients of the database never "
            "lack descriptors.",
        ),
    ),
)

REUSE_PORT = Option(
    "incoming_connection_reuse_port",
    BOOLEAN,
    False,
    "Several processes of one user listen on incoming_connection_string, and the kernel "
    "distributes connections among them. Start one for each core, each with its own address for "
    "metrics and pages. Limits apply to each process.",
)

CORE_DUMP = Option(
    "core_dump_enable",
    BOOLEAN,
    False,
    "Allow core dumps, and debuggers of the same user, to find a defect. Both see keys and data.",
)

BUSY_POLL = Option(
    "busy_poll",
    Integer(0, 1000),
    0,
    "Microseconds for which the process polls for the next event before it sleeps. With 100 the "
    "replies of a few sessions arrive a third sooner, above all on virtual machines; this takes "
    "up to a core while clients are active. 0 is off.",
)

NATIVE_TRANSPORTS = Option(
    "native_transports",
    Choice("auto", "off"),
    "auto",
    "Code that reads and writes sessions' connections. 'auto' is the daemon's own where there is "
    "epoll (it takes a third less CPU time a query), 'off' is Twisted's, for TLS as well.",
)

LIMITS = (
    Option("max_connections", Integer(1, 1_000_000), 10_000, "Limit of open connections."),
    Option(
        "handshake_timeout",
        Seconds(0.1),
        10.0,
        "Time limit from accept until the session is ready.",
    ),
    Option(
        "incoming_connection_close_timeout",
        Seconds(),
        10.0,
        "Time that sessions have to end by themselves at shutdown.",
    ),
    Option(
        "write_timeout",
        Seconds(),
        60.0,
        "Time after which a peer that does not read loses its connection. 0 is no limit.",
    ),
)

#: Options of every TCP connection: clients, the link, the database, collectors, pages.
TCP = (
    Option(
        "tcp_keepalives_idle",
        Integer(0, 32_767),
        60,
        "Seconds of silence on a TCP connection before the kernel probes its peer. This and the "
        "next two settings apply to clients, the link, the database, collectors and pages. 0 is "
        "the system's value.",
    ),
    Option(
        "tcp_keepalives_interval",
        Integer(0, 32_767),
        15,
        "Seconds between two probes. 0 is the system's value.",
    ),
    Option(
        "tcp_keepalives_count",
        Integer(0, 127),
        4,
        "Number of unanswered probes after which the connection is lost. 0 is the system's value.",
    ),
    Option(
        "tcp_user_timeout",
        Seconds(),
        0.0,
        "Seconds that sent data may stay unacknowledged before the connection is lost, also while "
        "the peer does not read. PostgreSQL's option of this name counts milliseconds. 0 is the "
        "system's value, about 15 minutes.",
    ),
)

#: Limits of a session of the database protocol in either daemon.
SESSION_LIMITS = (
    Option(
        "message_size_limit",
        Integer((1 << 20) // 64, 1 << 30),
        64 << 20,
        "Limit of a message of the database protocol, in bytes. A larger request is refused, "
        "and a larger row of a result ends the session. Copy data that no stage reads may be "
        "larger.",
    ),
    Option(
        "max_prepared_statements",
        Integer(1, 1_000_000),
        10_000,
        "Limit of prepared statements and portals of one session.",
    ),
    Option(
        "max_pending_exchanges",
        Integer(1, 1_000_000),
        10_000,
        "Number of outstanding replies at which the daemon stops reading the client.",
    ),
)

KEYSTORE = Section(
    "keystore",
    "Keys, in a folder of Acra's format (version 1). The environment variable ACRA_MASTER_KEY "
    "(base64), a file or a command supplies the master key, never a flag.",
    (
        Option(
            "keystore",
            TEXT,
            "filesystem",
            "Kind of key store: filesystem, or the name of an installed plug-in.",
        ),
        Option("keystore_settings", ASSIGNMENTS, (), "Settings of a key store that is a plug-in."),
        Option("keys_dir", FILE, ".acrakeys", "Folder of keys, mode 0700."),
        Option("keys_dir_public", FILE, "", "Folder of public keys, if it is a different one."),
        Option("master_key_file", FILE, "", "File with the master key, mode 0600."),
        Option(
            "master_key_command",
            COMMAND,
            "",
            "Command that prints the master key in base64, for example a secret store's client. "
            "It runs without a shell.",
        ),
        Option(
            "keystore_cache_size",
            Integer(-1, 1_000_000),
            1000,
            "Keys kept in memory. 0 is unlimited, -1 keeps none.",
        ),
    ),
)
