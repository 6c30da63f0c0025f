"""The meanings of most event codes, what to do about each, and how severe it is.

`loginmeanings` has those of logins, `revocationmeanings` those of revoked certificates, and
`protectionmeanings` those of protected columns.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from acra_twisted import events


class Event(NamedTuple):
    """The meaning and severity of a code: ``severity`` is CEF's, ``syslog`` names syslog's.

    Security events have an ``action``, which became of what a peer did, and its ``outcome`` for
    the peer; others have neither.
    """

    severity: int
    syslog: str
    meaning: str
    remedy: str
    action: str = ""
    outcome: str = ""


#: By code.
MEANINGS: Final[dict[int, Event]] = {
    events.GENERAL: Event(
        1,
        "info",
        "any other event",
        "Read the line.",
    ),
    events.WRONG_CONFIGURATION: Event(
        6,
        "error",
        "the configuration cannot be used",
        "Correct the settings that the line names; ``--check_config`` finds them before a start.",
    ),
    events.READ_CONFIGURATION: Event(
        6,
        "error",
        "the configuration file cannot be read",
        "Correct the file that the line names.",
    ),
    events.KEY_STORE: Event(
        6,
        "error",
        "the key store cannot be used",
        "Run the command in the line.",
    ),
    events.READ_KEYS: Event(
        6,
        "error",
        "a key could not be read, or the daemon reads keys again",
        "Run the command in the line; check owner and mode of ``keys_dir``.",
    ),
    events.START_LISTENING: Event(
        3,
        "warning",
        "listening has begun or failed",
        "If it failed, find the process that uses the address in the line.",
    ),
    events.STOP_LISTENING: Event(
        1,
        "info",
        "listening has ended",
        "Nothing, if the stop was intended.",
    ),
    events.TRANSPORT_CONFIGURATION: Event(
        6,
        "error",
        "the transport to connectors cannot be set up",
        "Correct the certificate or key that the line names.",
    ),
    events.ACCEPT_CONNECTION: Event(
        3,
        "warning",
        "a connection could not be accepted",
        "Check if descriptors have run out (``ulimit -n``).",
    ),
    events.START_CONNECTION: Event(
        3,
        "warning",
        "a connection could not be begun",
        "Check that AcraServer runs and that the connector can reach it.",
    ),
    events.CLOSE_CONNECTION: Event(
        3,
        "warning",
        "a connection has ended",
        "Look for the same trace id in the other side's log.",
    ),
    events.WRAP_CONNECTION: Event(
        5,
        "warning",
        "the handshake between connector and server failed",
        "Compare certificates or keys of the peer in the line. If you do not know the peer, "
        "block its address.",
        events.REFUSED,
        events.FAILURE,
    ),
    events.DROPPED_BY_TIMEOUT: Event(
        4,
        "warning",
        "a connection took too long and was dropped",
        "Find the peer that holds connections open (``src``); raise ``handshake_timeout`` or "
        "``reply_timeout`` for slow networks.",
        events.ENDED,
        events.FAILURE,
    ),
    events.CONNECT_TO_DATABASE: Event(
        6,
        "error",
        "the database could not be reached",
        "Check that the database runs at ``db_host`` and ``db_port``.",
    ),
    events.CLOSE_DATABASE: Event(
        3,
        "warning",
        "the database ended a connection",
        "Read the database's log.",
    ),
    events.QUERY_NOT_ALLOWED: Event(
        7,
        "error",
        "a stage refused a statement",
        "Look at ``stage``, ``rule`` and the redacted statement. Add a rule for a new statement "
        "of an application; otherwise find the sender.",
        events.BLOCKED,
        events.FAILURE,
    ),
    events.CENSOR_SETUP: Event(
        6,
        "error",
        "the rules of AcraCensor cannot be used",
        "Correct the line of the rule file; ``acra-censor`` tries rules before a start.",
    ),
    events.QUERY_CAPTURE_FULL: Event(
        3,
        "warning",
        "too many different statements to capture; further ones are omitted",
        "Make rules from the capture, or empty the file.",
    ),
    events.QUERY_PARSE_ERROR: Event(
        7,
        "error",
        "a statement could not be parsed",
        "Do the same as for 560. Statements that cannot be parsed are often attempts at injection.",
        events.BLOCKED,
        events.FAILURE,
    ),
    events.DECRYPT: Event(
        3,
        "warning",
        "containers were left as stored: they could not be opened",
        "Look for the reason on the statement's span (``acra.containers_failed``).",
    ),
    events.TLS_INIT: Event(
        5,
        "warning",
        "TLS with an application failed",
        "Check the application's certificate and ``sslmode``.",
        events.REFUSED,
        events.FAILURE,
    ),
    events.POISON_RECORD: Event(
        10,
        "alert",
        "a poison record was read: by an intruder, or by a backup",
        "Lock the account in ``duser``, keep the trace, and find the other data that the "
        "session has read.",
        events.ALLOWED,
        events.SUCCESS,
    ),
    events.POISON_REACTION: Event(
        8,
        "critical",
        "a reaction to a poison record failed",
        "Run ``poison_run_script_file`` by hand as the daemon's user.",
        events.ENDED,
        events.FAILURE,
    ),
    events.CANNOT_SEND_TRACE: Event(
        3,
        "warning",
        "the trace context could not be sent",
        "Nothing, if it happens once.",
    ),
    events.CANNOT_READ_TRACE: Event(
        4,
        "warning",
        "the trace context was unusable; a new trace has begun",
        "Find the connector that sent it (``src``).",
        events.ALLOWED,
        events.SUCCESS,
    ),
    events.CONNECTION_PROCESSING: Event(
        6,
        "error",
        "a connection ended with an error",
        "Read the error in the line.",
    ),
    events.UNEXPECTED_PACKET: Event(
        6,
        "warning",
        "a client broke the database protocol",
        "Find the client (``src``, ``suser``). It is a broken driver, a scanner, or an attack.",
        events.ENDED,
        events.FAILURE,
    ),
    events.DATABASE_PROTOCOL: Event(
        6,
        "warning",
        "the database broke its protocol",
        "Check that a PostgreSQL answers at ``db_host`` and ``db_port``.",
        events.ENDED,
        events.FAILURE,
    ),
    events.NETWORK_WRITE: Event(
        3,
        "warning",
        "a peer does not read its data",
        "Check that the peer in the line still works.",
    ),
    events.TLS_GENERAL: Event(
        6,
        "error",
        "TLS with the database failed",
        "Compare the database's certificate with ``tls_database_ca`` and ``tls_database_sni``.",
        events.REFUSED,
        events.FAILURE,
    ),
    events.STAGE_FAILED: Event(
        8,
        "critical",
        "a stage failed, or did not answer in time; the statement was refused unless the stage "
        "is advisory",
        "Look at ``stage`` and ``error``. The cause is a key, a service or the stage itself.",
        events.BLOCKED,
        events.FAILURE,
    ),
    events.EXPORT_FAILED: Event(
        3,
        "warning",
        "spans could not be exported",
        "Check that the daemon can reach the collector in the line.",
    ),
    events.INSECURE_SETTING: Event(
        5,
        "warning",
        "a setting weakens protection",
        "Change the setting that the line names.",
        events.ALLOWED,
        events.SUCCESS,
    ),
    events.REFUSED_CONNECTION: Event(
        5,
        "warning",
        "a connection was refused: limit or identity",
        "Find the peer that connects so often (``src``), or raise ``max_connections``. If the "
        "client id is missing, give the client a certificate.",
        events.REFUSED,
        events.FAILURE,
    ),
    events.UNREAD_SESSION: Event(
        3,
        "warning",
        "a connector carries a session that it cannot read; it does not trace its requests",
        "Let the connector end TLS (``application_tls_cert``).",
    ),
    events.LIMIT_EXCEEDED: Event(
        5,
        "warning",
        "a limit or a setting refused a request",
        "Raise the setting that the line names, if the request was intended.",
        events.BLOCKED,
        events.FAILURE,
    ),
    events.API_CALL: Event(
        5,
        "warning",
        "the HTTP API received a command; the line has the result",
        "Find the sender (``src``, ``suser``); ``http_api_clients`` lists the client ids that "
        "may give commands.",
        events.REFUSED,
        events.FAILURE,
    ),
    events.CERTIFICATE: Event(
        6,
        "warning",
        "a certificate of this side has expired, expires soon, or cannot be used",
        "Renew the certificate that the line names (``acra-certs --renew``) and send SIGHUP.",
    ),
    events.IDLE_SETTING: Event(
        3,
        "warning",
        "a setting has no effect or needs a restart, or a client of the configuration has no keys",
        "Change the setting, restart the daemon, or run the command that the line names.",
    ),
    events.TOKENS_AWAY: Event(
        6,
        "error",
        "the store of tokens, or the keys of their owner, cannot be asked: statements fail",
        "See that the store in ``token_store`` runs; the line has what it said.",
        events.REFUSED,
        events.FAILURE,
    ),
    events.LOG_LINES_LOST: Event(
        6,
        "warning",
        "a destination of the log accepts no lines, or accepts them again",
        "Make room on the disk, or repair the receiver that the line names. "
        "``acra_log_lines_lost_total`` counts lost lines.",
    ),
    events.HISTORY: Event(
        4,
        "warning",
        "the history of traces and events is not written, or its file was damaged",
        "Look at ``error``. Make room on the disk, or end the program that locks the file; a "
        "damaged file is kept under the name in ``set_aside``. Sessions are not affected.",
    ),
}
