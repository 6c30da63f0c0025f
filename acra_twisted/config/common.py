"""The sections that both daemons have."""

from __future__ import annotations

from acra_twisted.options import (
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
    Option,
    Seconds,
    Section,
)
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
            "Format. cef has the names of CEF's dictionary, cef-acra those that Acra writes.",
        ),
        Option("log_to_console", BOOLEAN, True, "Write to standard error."),
        Option(
            "log_to_file",
            FILE,
            "",
            "Append to this file, made with mode 0600. Opened anew at SIGUSR1.",
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
            "order. Opened anew at SIGUSR1.",
        ),
        Option("security_log_format", Choice("json", "cef"), "json", "Its format."),
        Option("v", BOOLEAN, False, "Log informational lines, too: sessions, finished spans."),
        Option("d", BOOLEAN, False, "Log debug lines, too."),
    ),
)

TRACING = Section(
    "tracing",
    "Which traces are recorded and where their spans go.",
    (
        Option(
            "tracing_sampler",
            SamplerKind(),
            "always",
            "Which traces are recorded. Denied, failed and slow exchanges always are.",
        ),
        Option(
            "tracing_trust_remote",
            TrustKind(),
            AUTO,
            "Whose sampling decision holds. auto: that of this package's connectors and of "
            "applications; a connection of Acra's connector, which says sampled of each, joins its "
            "trace, and tracing_sampler decides. true: that of every peer. false: of none.",
        ),
        Option(
            "tracing_scope",
            Choice("connection", "request"),
            "request",
            "request: each exchange is a trace of its own, linked with its connection's; a "
            "connector follows the protocol to begin it. connection: exchanges are in their "
            "connection's trace, and a connector reads nothing of what it carries.",
        ),
        Option(
            "tracing_slow_threshold",
            Seconds(),
            1.0,
            "Exchanges that take as long are always recorded. 0 is off.",
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
            "Headers of each request to otlp_endpoint: name=value, commas between. A token, for "
            "example.",
            secret=True,
        ),
        Option(
            "otlp_compression",
            Choice("auto", "gzip", "none"),
            "auto",
            "How requests are packed for OTLP; auto: gzip, but none for a collector on this host.",
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
            "Jaeger's own thrift, to the collector if one is named, else to the agent. Jaeger "
            "understands OTLP, too.",
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
            "Names begin with Sent. or Recv. by the span's kind, and links are children, as Acra "
            "has it.",
        ),
        Option(
            "tracing_exporters",
            NAMES,
            (),
            "Classes made for OpenCensus, by dotted path (package.module.Class). Each is made "
            "without arguments and runs on a thread of its own.",
        ),
        Option(
            "tracing_tls_ca",
            FILE,
            "",
            "CA certificates (PEM) collectors with https are verified by; the system's if empty.",
        ),
        Option("tracing_queue_size", Integer(1, 1_000_000), 8192, "Spans waiting per exporter."),
        Option(
            "tracing_batch_size",
            Integer(0, 10_000),
            0,
            "Spans per request to a collector; 0 for what suits it (OTLP 1024, others 256).",
        ),
        Option(
            "tracing_interval",
            Seconds(0.01, 3600),
            1.0,
            "Seconds between two requests; a queue that is half full does not wait.",
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
            "Where /metrics is served, to whoever can reach it: counts, times and ids of traces. "
            "Empty is off.",
        ),
        Option(
            "incoming_connection_zpages_string",
            ADDRESS,
            None,
            "Where the trace pages (/debug/tracez) are served. Empty is off. They show redacted "
            "statements: keep them on loopback, or guard them with one of the next two.",
        ),
        Option(
            "zpages_token_file",
            FILE,
            "",
            "File with a token, mode 0600, that the trace pages want to be shown.",
        ),
        Option(
            "zpages_tls_enable",
            BOOLEAN,
            False,
            "The trace pages speak TLS and want client certificates, by tls_ca, tls_cert, tls_key.",
        ),
        Option(
            "zpages_hosts",
            NAMES,
            (),
            "Host names that the trace pages may be asked for by, besides localhost and addresses, "
            "where neither a token nor a certificate is wanted. /metrics on an address of its own "
            "can be asked for by any name.",
        ),
        Option(
            "http_max_connections",
            Integer(4, 10_000),
            16,
            "Connections to metrics and trace pages together. The one that has waited longest "
            "makes room for the next, so that clients of the database never lack descriptors.",
        ),
    ),
)

REUSE_PORT = Option(
    "incoming_connection_reuse_port",
    BOOLEAN,
    False,
    "Several processes of one user listen on incoming_connection_string, and the kernel shares "
    "connections out: start one for each core, with metrics and pages on an address of its own. "
    "Limits count in each of them.",
)

CORE_DUMP = Option(
    "core_dump_enable",
    BOOLEAN,
    False,
    "Core dumps, and debuggers of the same user, are let in: to look for a defect. Either sees "
    "keys and data.",
)

BUSY_POLL = Option(
    "busy_poll",
    Integer(0, 1000),
    0,
    "Microseconds for which the next event is asked for again and again before the process falls "
    "asleep. 100 lets replies of few sessions come a third sooner, above all on virtual machines, "
    "and takes up to a core while they talk. 0 is off.",
)

LIMITS = (
    Option("max_connections", Integer(1, 1_000_000), 10_000, "Connections at a time."),
    Option("handshake_timeout", Seconds(0.1), 10.0, "From accept to being ready, in all."),
    Option(
        "incoming_connection_close_timeout",
        Seconds(),
        10.0,
        "At shutdown: how long sessions may take to end by themselves.",
    ),
    Option("write_timeout", Seconds(), 60.0, "How long a peer may not read. 0 is for ever."),
)

#: Of every TCP connection: clients, the link, the database, collectors, pages.
TCP = (
    Option(
        "tcp_keepalives_idle",
        Integer(0, 32_767),
        60,
        "Seconds of silence on a TCP connection after which its peer is asked whether it is still "
        "there. Like the next two it holds for clients, the link, the database, collectors and "
        "pages. 0 is the system's value.",
    ),
    Option(
        "tcp_keepalives_interval",
        Integer(0, 32_767),
        15,
        "Seconds until it is asked again. 0 is the system's value.",
    ),
    Option(
        "tcp_keepalives_count",
        Integer(0, 127),
        4,
        "Questions without an answer after which the connection is lost. 0 is the system's value.",
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

#: What bounds a session of the database protocol in either daemon.
SESSION_LIMITS = (
    Option(
        "message_size_limit",
        Integer((1 << 20) // 64, 1 << 30),
        64 << 20,
        "Largest message of the database protocol, bytes. A larger request is refused, a larger "
        "row of a result ends the session; copy data that stages do not look at may be larger.",
    ),
    Option(
        "max_prepared_statements",
        Integer(1, 1_000_000),
        10_000,
        "Prepared statements and portals of one session.",
    ),
    Option(
        "max_pending_exchanges",
        Integer(1, 1_000_000),
        10_000,
        "Replies a client may have outstanding before it is not read any more.",
    ),
)

KEYSTORE = Section(
    "keystore",
    "Keys: a folder as Acra's tools make it (version 1). The master key comes from the environment "
    "variable ACRA_MASTER_KEY (base64), from a file or from a command; never from a flag.",
    (
        Option("keys_dir", FILE, ".acrakeys", "Folder of keys, mode 0700."),
        Option("keys_dir_public", FILE, "", "Folder of public keys, if it is another one."),
        Option("master_key_file", FILE, "", "File with the master key, mode 0600."),
        Option(
            "master_key_command",
            COMMAND,
            "",
            "Command that prints the master key, in base64: a secret store's client. No shell.",
        ),
        Option(
            "keystore_cache_size",
            Integer(-1, 1_000_000),
            1000,
            "Keys kept in memory. 0 is unlimited, -1 keeps none.",
        ),
    ),
)
