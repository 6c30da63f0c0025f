"""Event codes: Acra's numbers, in one table.  The code is the signature id of a CEF line.

Numbers below 2000 are Acra's (acra-observability reference, section 10); ours start at 2000.
"""

from __future__ import annotations

from typing import Final, NamedTuple

#: What became of what a peer did.
ALLOWED, BLOCKED, REFUSED, ENDED = "allowed", "blocked", "refused", "ended"
FAILURE, SUCCESS = "failure", "success"
#: Names of syslog's severities to their numbers.
SYSLOG: Final = {"alert": 1, "critical": 2, "error": 3, "warning": 4, "notice": 5, "info": 6}

GENERAL: Final = 100
WRONG_CONFIGURATION: Final = 507
READ_CONFIGURATION: Final = 508
KEY_STORE: Final = 510
READ_KEYS: Final = 511
START_LISTENING: Final = 530
STOP_LISTENING: Final = 531
TRANSPORT_CONFIGURATION: Final = 532
ACCEPT_CONNECTION: Final = 533
START_CONNECTION: Final = 534
CLOSE_CONNECTION: Final = 536
WRAP_CONNECTION: Final = 538
DROPPED_BY_TIMEOUT: Final = 539
CONNECT_TO_DATABASE: Final = 540
CLOSE_DATABASE: Final = 541
QUERY_NOT_ALLOWED: Final = 560
CENSOR_SETUP: Final = 561
QUERY_CAPTURE_FULL: Final = 562
QUERY_PARSE_ERROR: Final = 563
DECRYPT: Final = 581
TLS_INIT: Final = 584
POISON_RECORD: Final = 587
POISON_REACTION: Final = 589
CANNOT_SEND_TRACE: Final = 800
CANNOT_READ_TRACE: Final = 801
CONNECTION_PROCESSING: Final = 1100
UNEXPECTED_PACKET: Final = 1203
DATABASE_PROTOCOL: Final = 1210
NETWORK_WRITE: Final = 1300
TLS_GENERAL: Final = 1302
STAGE_FAILED: Final = 2000
EXPORT_FAILED: Final = 2001
INSECURE_SETTING: Final = 2002
REFUSED_CONNECTION: Final = 2003
UNREAD_SESSION: Final = 2008
LOGIN_REFUSED: Final = 2010
LIMIT_EXCEEDED: Final = 2011
API_CALL: Final = 2012
CERTIFICATE: Final = 2014
IDLE_SETTING: Final = 2018
LOG_LINES_LOST: Final = 2019


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


#: Every code there is.
TABLE: Final[dict[int, Event]] = {
    GENERAL: Event(
        1,
        "info",
        "any other event",
        "Read the line.",
    ),
    WRONG_CONFIGURATION: Event(
        6,
        "error",
        "the configuration cannot be used",
        "Correct the settings that the line names; ``--check_config`` finds them before a start.",
    ),
    READ_CONFIGURATION: Event(
        6,
        "error",
        "the configuration file cannot be read",
        "Correct the file that the line names.",
    ),
    KEY_STORE: Event(
        6,
        "error",
        "the key store cannot be used",
        "Run the command in the line.",
    ),
    READ_KEYS: Event(
        6,
        "error",
        "a key could not be read, or the daemon reads keys again",
        "Run the command in the line; check owner and mode of ``keys_dir``.",
    ),
    START_LISTENING: Event(
        3,
        "warning",
        "listening has begun or failed",
        "If it failed, find the process that uses the address in the line.",
    ),
    STOP_LISTENING: Event(
        1,
        "info",
        "listening has ended",
        "Nothing, if the stop was intended.",
    ),
    TRANSPORT_CONFIGURATION: Event(
        6,
        "error",
        "the transport to connectors cannot be set up",
        "Correct the certificate or key that the line names.",
    ),
    ACCEPT_CONNECTION: Event(
        3,
        "warning",
        "a connection could not be accepted",
        "Check if descriptors have run out (``ulimit -n``).",
    ),
    START_CONNECTION: Event(
        3,
        "warning",
        "a connection could not be begun",
        "Check that AcraServer runs and that the connector can reach it.",
    ),
    CLOSE_CONNECTION: Event(
        3,
        "warning",
        "a connection has ended",
        "Look for the same trace id in the other side's log.",
    ),
    WRAP_CONNECTION: Event(
        5,
        "warning",
        "the handshake between connector and server failed",
        "Compare certificates or keys of the peer in the line. If you do not know the peer, "
        "block its address.",
        REFUSED,
        FAILURE,
    ),
    DROPPED_BY_TIMEOUT: Event(
        4,
        "warning",
        "a connection took too long and was dropped",
        "Find the peer that holds connections open (``src``); raise ``handshake_timeout`` or "
        "``reply_timeout`` for slow networks.",
        ENDED,
        FAILURE,
    ),
    CONNECT_TO_DATABASE: Event(
        6,
        "error",
        "the database could not be reached",
        "Check that the database runs at ``db_host`` and ``db_port``.",
    ),
    CLOSE_DATABASE: Event(
        3,
        "warning",
        "the database ended a connection",
        "Read the database's log.",
    ),
    QUERY_NOT_ALLOWED: Event(
        7,
        "error",
        "a stage refused a statement",
        "Look at ``stage``, ``rule`` and the redacted statement. Add a rule for a new statement "
        "of an application; otherwise find the sender.",
        BLOCKED,
        FAILURE,
    ),
    CENSOR_SETUP: Event(
        6,
        "error",
        "the rules of AcraCensor cannot be used",
        "Correct the line of the rule file; ``acra-censor`` tries rules before a start.",
    ),
    QUERY_CAPTURE_FULL: Event(
        3,
        "warning",
        "too many different statements to capture; further ones are omitted",
        "Make rules from the capture, or empty the file.",
    ),
    QUERY_PARSE_ERROR: Event(
        7,
        "error",
        "a statement could not be parsed",
        "Do the same as for 560. Statements that cannot be parsed are often attempts at injection.",
        BLOCKED,
        FAILURE,
    ),
    DECRYPT: Event(
        3,
        "warning",
        "containers were left as stored: they could not be opened",
        "Look for the reason on the statement's span (``acra.containers_failed``).",
    ),
    TLS_INIT: Event(
        5,
        "warning",
        "TLS with an application failed",
        "Check the application's certificate and ``sslmode``.",
        REFUSED,
        FAILURE,
    ),
    POISON_RECORD: Event(
        10,
        "alert",
        "a poison record was read: by an intruder, or by a backup",
        "Lock the account in ``duser``, keep the trace, and find the other data that the "
        "session has read.",
        ALLOWED,
        SUCCESS,
    ),
    POISON_REACTION: Event(
        8,
        "critical",
        "a reaction to a poison record failed",
        "Run ``poison_run_script_file`` by hand as the daemon's user.",
        ENDED,
        FAILURE,
    ),
    CANNOT_SEND_TRACE: Event(
        3,
        "warning",
        "the trace context could not be sent",
        "Nothing, if it happens once.",
    ),
    CANNOT_READ_TRACE: Event(
        4,
        "warning",
        "the trace context was unusable; a new trace has begun",
        "Find the connector that sent it (``src``).",
        ALLOWED,
        SUCCESS,
    ),
    CONNECTION_PROCESSING: Event(
        6,
        "error",
        "a connection ended with an error",
        "Read the error in the line.",
    ),
    UNEXPECTED_PACKET: Event(
        6,
        "warning",
        "a client broke the database protocol",
        "Find the client (``src``, ``suser``). It is a broken driver, a scanner, or an attack.",
        ENDED,
        FAILURE,
    ),
    DATABASE_PROTOCOL: Event(
        6,
        "warning",
        "the database broke its protocol",
        "Check that a PostgreSQL answers at ``db_host`` and ``db_port``.",
        ENDED,
        FAILURE,
    ),
    NETWORK_WRITE: Event(
        3,
        "warning",
        "a peer does not read its data",
        "Check that the peer in the line still works.",
    ),
    TLS_GENERAL: Event(
        6,
        "error",
        "TLS with the database failed",
        "Compare the database's certificate with ``tls_database_ca`` and ``tls_database_sni``.",
        REFUSED,
        FAILURE,
    ),
    STAGE_FAILED: Event(
        8,
        "critical",
        "a stage failed, or did not answer in time; the statement was refused unless the stage "
        "is advisory",
        "Look at ``stage`` and ``error``. The cause is a key, a service or the stage itself.",
        BLOCKED,
        FAILURE,
    ),
    EXPORT_FAILED: Event(
        3,
        "warning",
        "spans could not be exported",
        "Check that the daemon can reach the collector in the line.",
    ),
    INSECURE_SETTING: Event(
        5,
        "warning",
        "a setting weakens protection",
        "Change the setting that the line names.",
        ALLOWED,
        SUCCESS,
    ),
    REFUSED_CONNECTION: Event(
        5,
        "warning",
        "a connection was refused: limit or identity",
        "Find the peer that connects so often (``src``), or raise ``max_connections``. If the "
        "client id is missing, give the client a certificate.",
        REFUSED,
        FAILURE,
    ),
    UNREAD_SESSION: Event(
        3,
        "warning",
        "a connector carries a session that it cannot read; it does not trace its requests",
        "Let the connector end TLS (``application_tls_cert``).",
    ),
    LOGIN_REFUSED: Event(
        5,
        "warning",
        "the database refused a login",
        "Look at ``rule`` (password, pg_hba, role, database), ``duser`` and ``src``. ``cn2`` "
        "counts the refusals of an address; many of them are an attack.",
        REFUSED,
        FAILURE,
    ),
    LIMIT_EXCEEDED: Event(
        5,
        "warning",
        "a limit or a setting refused a request",
        "Raise the setting that the line names, if the request was intended.",
        BLOCKED,
        FAILURE,
    ),
    API_CALL: Event(
        5,
        "warning",
        "the HTTP API received a command; the line has the result",
        "Find the sender (``src``, ``suser``); ``http_api_clients`` lists the client ids that "
        "may give commands.",
        REFUSED,
        FAILURE,
    ),
    CERTIFICATE: Event(
        6,
        "warning",
        "a certificate of this side has expired, expires soon, or cannot be used",
        "Renew the certificate that the line names (``acra-certs --renew``) and send SIGHUP.",
    ),
    IDLE_SETTING: Event(
        3,
        "warning",
        "a setting has no effect, or needs a restart",
        "Change the setting, or restart the daemon.",
    ),
    LOG_LINES_LOST: Event(
        6,
        "warning",
        "a destination of the log accepts no lines, or accepts them again",
        "Make room on the disk, or repair the receiver that the line names. "
        "``acra_log_lines_lost_total`` counts lost lines.",
    ),
}

#: What belongs on the stream of security events.
SECURITY: Final = frozenset(code for code, event in TABLE.items() if event.action)


def cef_severity(code: int, level: int) -> int:
    """The severity of a line: the table's for security events.  ``level`` is that of its level.

    Other lines weigh what their level says, and from a warning (3) on what the table says if that
    is more.
    """
    event = TABLE.get(code)
    if event is None or level < 3:
        return level
    return event.severity if event.action else max(event.severity, level)


def syslog_severity(code: int, level: int) -> int:
    """As `cef_severity`, as a number of syslog's, where less is worse."""
    event = TABLE.get(code)
    if event is None or not event.action or level > SYSLOG["warning"]:
        return level
    return SYSLOG[event.syslog]
