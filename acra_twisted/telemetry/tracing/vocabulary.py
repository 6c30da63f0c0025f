"""Every span and every attribute, with what it means: docs/spans.rst is made of this.

A test reads the code and fails if an attribute is put on a span that is not here, or is here and
put nowhere; another checks what real exchanges bring.
"""

from __future__ import annotations

from typing import NamedTuple


class SpanKind(NamedTuple):
    """``name`` as it is shown, with capitals for what varies.  ``kind`` and ``parent`` are those
    of the usual case."""

    name: str
    daemon: str
    kind: str
    parent: str
    meaning: str


class Attribute(NamedTuple):
    """``spans``: where it is put.  ``stable``: of OpenTelemetry's stable conventions."""

    name: str
    type: type
    spans: str
    meaning: str
    stable: bool = False


SPANS = (
    SpanKind(
        "handleConnection", "connector", "client", "none", "one complete application connection"
    ),
    SpanKind(
        "WrapClient",
        "connector",
        "client",
        "handleConnection",
        "connecting to the server, and the handshake",
    ),
    SpanKind(
        "ProxyWithTracing",
        "connector",
        "internal",
        "handleConnection",
        "one of the two directions of the carried bytes",
    ),
    SpanKind(
        "SUMMARY",
        "connector",
        "client",
        "the application's, or none",
        "a request, from its first byte to the last of its reply (tracing_scope = request)",
    ),
    SpanKind(
        "WrapServer",
        "server",
        "server",
        "the connector's handleConnection",
        "the link's handshake, from the other end",
    ),
    SpanKind(
        "handleConnection",
        "server",
        "server",
        "the connector's handleConnection",
        "one complete connection; links to WrapServer",
    ),
    SpanKind(
        "handleCommandsConnection",
        "server",
        "server",
        "the connector's handleConnection",
        "one complete connection to the HTTP API; links to WrapServer",
    ),
    SpanKind(
        "processHTTPConnection",
        "server",
        "server",
        "handleCommandsConnection, or the request's traceparent",
        "one request to the HTTP API",
    ),
    SpanKind(
        "HandleSession",
        "server",
        "internal",
        "processHTTPConnection",
        "the execution of the command",
    ),
    SpanKind(
        "authenticate",
        "server",
        "internal",
        "handleConnection",
        "a login that AcraServer ends, up to the proof",
    ),
    SpanKind(
        "auth lookup",
        "server",
        "client",
        "authenticate",
        "the wait for a source of secrets; a kept answer has none",
    ),
    SpanKind(
        "ConnectDatabase", "server", "client", "handleConnection", "TCP and TLS to the database"
    ),
    SpanKind(
        "revocation check",
        "both",
        "internal",
        "the handshake's, or handleConnection",
        "asking whether a peer's certificate is revoked; an answer that is kept needs none",
    ),
    SpanKind(
        "startup",
        "both",
        "as requests",
        "handleConnection, or the application's",
        "authentication, up to the first ReadyForQuery, or MySQL's OK",
    ),
    SpanKind(
        "SUMMARY",
        "server",
        "server",
        "the connector's, the application's, or none",
        "a request and its complete reply; its name is db.query.summary. Without a text it is "
        "FunctionCall, or MySQL's command: ping, statistics, set_option, reset_connection, "
        "change_user, or command for one that is unknown",
    ),
    *(
        SpanKind(f"{word} SUMMARY", "both", "as requests", "as requests", meaning)
        for word, meaning in (
            ("prepare", "a statement that is prepared or described without being executed"),
            ("fetch", "rows that MySQL's client fetches from the cursor of a prepared statement"),
            ("bulk", "a prepared statement that MariaDB runs for many rows of values at once"),
            ("reset", "MySQL's client drops a prepared statement's cursor and long values"),
        )
    ),
    SpanKind("stage NAME", "server", "internal", "the request's", "a stage judged a statement"),
    SpanKind(
        "stage NAME rows",
        "server",
        "internal",
        "the request's",
        "a stage judged rows; as long as all runs of rows together",
    ),
    SpanKind(
        "(any)",
        "server",
        "as the stage says",
        "the request's, or another of the stage's",
        "opened by a stage of your own, with attributes of its own: see stages.rst",
    ),
    SpanKind(
        "SYSTEM NAME",
        "server",
        "client",
        "the request's",
        "from the last request byte sent to the database to the end of its reply; its name is "
        "db.system.name and the request's name",
    ),
)

_REQUEST, _DATABASE, _STAGE = "request", "database", "stage"
_API = "processHTTPConnection"
_BOTH = "request, database"
ATTRIBUTES = (
    Attribute("db.system.name", str, _BOTH, "postgresql, mysql or mariadb", True),
    Attribute(
        "db.namespace",
        str,
        _REQUEST,
        "the database's name; with MySQL and MariaDB the one that USE has chosen last",
        True,
    ),
    Attribute("user.name", str, _REQUEST, "the database's user"),
    Attribute("db.query.summary", str, _REQUEST, "operations and tables; the span's name", True),
    Attribute("db.query.text", str, _REQUEST, "the client's statement, every literal as ?", True),
    Attribute(
        "db.response.status_code",
        str,
        _REQUEST,
        "SQLSTATE of an error; with MySQL and MariaDB its number, such as 1062",
        True,
    ),
    Attribute("db.response.returned_rows", int, _REQUEST, "rows returned or changed", True),
    Attribute(
        "db.operation.batch.size",
        int,
        _REQUEST,
        "rows of a bulk execution, if a stage judges values",
        True,
    ),
    Attribute(
        "error.type",
        str,
        _REQUEST,
        "SQLSTATE or MySQL's number of an error, or the kind of end: lost, aborted",
        True,
    ),
    Attribute("server.address", str, "database, ConnectDatabase", "the real database", True),
    Attribute("server.port", int, "database, ConnectDatabase", "its port", True),
    Attribute(
        "tls.client.subject",
        str,
        "handleConnection",
        "the subject of the peer's certificate at AcraServer, as Go prints it",
    ),
    Attribute(
        "acra.revocation.leg",
        str,
        "revocation check",
        "the peer: client, database, acraserver, application",
    ),
    Attribute(
        "acra.revocation.result",
        str,
        "revocation check",
        "good, revoked, unknown, stale, no answer, and others",
    ),
    Attribute(
        "acra.client_id",
        str,
        "request, handleConnection",
        "the client id: that of the map if there is one, else the one that the link has proven",
    ),
    Attribute(
        "acra.client_id_line",
        int,
        "handleConnection",
        "the line of client_id_map_file that has given the client id, or refused it",
    ),
    Attribute(
        "acra.listener",
        str,
        "handleConnection",
        "the name of the ``[listener:NAME]`` that accepted the connection",
    ),
    Attribute(
        "acra.protocol",
        str,
        _REQUEST,
        "simple for a text that was run at once, prepared for an execution of a prepared one",
    ),
    Attribute("acra.in_transaction", bool, _REQUEST, "a transaction was open when it came"),
    Attribute("acra.verdict", str, "request, stage", "allow or deny; on a stage's span its answer"),
    Attribute(
        "acra.denied_by", str, _REQUEST, "the stage that refused it; database for a refused login"
    ),
    Attribute("acra.censor.rule", str, _REQUEST, "the rule of AcraCensor that refused it"),
    Attribute("acra.censor.place", str, _REQUEST, "file and line of that rule"),
    Attribute("acra.stage", str, _STAGE, "its name"),
    Attribute("acra.stage_failed", str, _REQUEST, "the stage that failed, and the error's type"),
    Attribute("acra.runs", int, "stage NAME rows", "runs of rows that it judged"),
    Attribute("acra.time.proxy_ms", float, _REQUEST, "time not waiting for the database"),
    Attribute("acra.time.database_ms", float, _REQUEST, "from sent to the end of the reply"),
    Attribute("acra.time.first_byte_ms", float, _DATABASE, "from sent to the first byte"),
    Attribute(
        "acra.time.client_read_ms", float, _REQUEST, "reading a message that arrived in pieces"
    ),
    Attribute("acra.time.parse_ms", float, _REQUEST, "from reading it to its first stage"),
    Attribute(
        "acra.time.waiting_ms", float, _DATABASE, "while the database answered earlier requests"
    ),
    Attribute("acra.slow", bool, _REQUEST, "it took at least tracing_slow_threshold"),
    Attribute("acra.containers_found", int, _REQUEST, "containers in its rows"),
    Attribute("acra.containers_opened", int, _REQUEST, "decrypted containers"),
    Attribute("acra.containers_failed", int, _REQUEST, "containers left as stored"),
    Attribute(
        "acra.containers_failed.REASON",
        int,
        _REQUEST,
        "containers left as stored, by reason: no_key, no_key_fits, damaged, unusual_form",
    ),
    Attribute(
        "acra.plan",
        str,
        _REQUEST,
        "hit if it was known what becomes of such a statement, else miss",
    ),
    Attribute(
        "acra.columns_ACTION",
        int,
        _REQUEST,
        "values of protected columns, by what became of them: encrypted, passed_as_is, searched, "
        "tokenized, detokenized, opened, masked, plaintext, failed",
    ),
    Attribute(
        "acra.columns", str, _REQUEST, "the protected columns of these values, by their labels"
    ),
    Attribute(
        "acra.refused_reason",
        str,
        _REQUEST,
        "the reason for which it was refused for a protected column: see encryption.rst",
    ),
    Attribute("acra.refused_column", str, _REQUEST, "the column for which it was refused"),
    Attribute(
        "acra.encryption_bypassed",
        str,
        _REQUEST,
        "the name of the bypass that let it pass with columns left unprotected",
    ),
    Attribute(
        "acra.search_foreign_owner",
        str,
        _REQUEST,
        "columns that were searched and whose values another client's keys encrypt",
    ),
    Attribute("acra.poison_records", int, _REQUEST, "poison records in its rows"),
    Attribute("acra.poison_row", int, _REQUEST, "the row of its result with the first of them"),
    Attribute("acra.poison_column", str, _REQUEST, "the column with the first of them"),
    Attribute("acra.event_code", int, _REQUEST, "the security event that it caused"),
    Attribute(
        "acra.tag.KEY",
        str,
        _REQUEST,
        "a tag in the comment that held its context: application, route, dddbs and others",
    ),
    Attribute("acra.traceparent_malformed", bool, _REQUEST, "a context was there and unusable"),
    Attribute(
        "acra.traceparent_conflict",
        bool,
        _REQUEST,
        "a comment of its text has another context than its query attribute, which holds",
    ),
    Attribute("acra.mysql.results", int, _REQUEST, "results of its reply, where there are several"),
    Attribute("acra.mysql.warnings", int, _REQUEST, "warnings, as the database counts them"),
    Attribute("acra.mysql.infile_bytes", int, _REQUEST, "bytes of the file that the client sent"),
    Attribute("acra.auth_result", str, "authenticate", "ok, or what was wrong"),
    Attribute("acra.auth_mechanism", str, "authenticate", "the proof: scram, certificate..."),
    Attribute("acra.auth_bound", bool, "authenticate", "it holds for one TLS connection alone"),
    Attribute("acra.auth_source", str, "authenticate", "file, query or keystore"),
    Attribute("acra.auth_age", float, "authenticate", "seconds since the source was asked"),
    Attribute("acra.session_id", int, "handleConnection", "the server's number of the session"),
    Attribute("acra.connection_id", int, "handleConnection", "the connector's number"),
    Attribute(
        "acra.unread",
        str,
        "handleConnection",
        "the reason why a connector traces none of its requests: encrypted, other",
    ),
    Attribute("acra.direction", str, "ProxyWithTracing", "request or response"),
    Attribute(
        "http.request.method", str, _API, "the method; _OTHER if HTTP does not define it", True
    ),
    Attribute("http.response.status_code", int, _API, "the status of the answer", True),
    Attribute("url.path", str, _API, "the path; undefined if it is not a command's", True),
    Attribute("http.url", str, "HandleSession", "the command's path; Acra's name"),
    Attribute("from_connector", bool, "handleConnection", "a connector was there; Acra's name"),
)

#: Additions of exporters: name, exporters, meaning.
EXPORTED = (
    (
        "status.code",
        "OTLP, Jaeger, Zipkin, Datadog",
        "OpenCensus' status code of a span that failed; Jaeger's span always has it, with 0 for "
        "success",
    ),
    ("status.message", "Jaeger", "the text of the status"),
    ("error", "Jaeger, Zipkin", "true for a span that failed; Zipkin's has the text"),
    ("error.message", "Datadog", "the text of the status"),
    ("span.kind", "Jaeger, Datadog", "server, client or internal; absent with jaeger_acra_names"),
    ("component", "Datadog", "acra-twisted"),
    ("link.N", "Zipkin, Datadog", "a link: trace id, span id, kind"),
    ("opencensus.link.type", "OTLP", "a link's type: 0 unknown, 1 child, 2 parent"),
    ("events", "Datadog", "annotations and message events, as JSON"),
    ("_dd.p.tid", "Datadog", "the upper half of the trace id, at a trace's first span"),
    ("_sampling_priority_v1", "Datadog", "1: the agent keeps the trace"),
    ("runtime-id", "Datadog", "service.instance.id, at a trace's first span"),
    ("version", "Datadog", "service.version, at a trace's first span"),
)
#: The origin of spans: attributes of the resource, with their meanings.
RESOURCE = (
    ("service.name", "acra-server or acra-connector; OTEL_SERVICE_NAME changes it"),
    ("service.namespace", "acra"),
    ("service.version", "acra-twisted's version"),
    ("service.instance.id", "a random UUID of this process"),
    ("host.name", "the host's name"),
    ("process.pid", "the process id"),
)


def attribute(name: str) -> Attribute | None:
    """Return the attribute's entry, None if its name is unknown."""
    for known in ATTRIBUTES:
        head = known.name.rstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
        if name == known.name or (head != known.name and name.startswith(head)):
            return known
    return None
