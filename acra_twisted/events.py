"""Event codes: Acra's numbers, in one file.  The code is the signature id of a CEF line.

Numbers below 2000 are Acra's (acra-observability reference, section 10); ours start at 2000.
"""

from __future__ import annotations

from typing import Final

GENERAL: Final = 100
WRONG_CONFIGURATION: Final = 507
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
API_CALL: Final = 2012
IDLE_SETTING: Final = 2018

#: What belongs on the stream of security events.
SECURITY: Final = frozenset(
    (
        QUERY_NOT_ALLOWED,
        POISON_RECORD,
        POISON_REACTION,
        WRAP_CONNECTION,
        DROPPED_BY_TIMEOUT,
        TLS_INIT,
        TLS_GENERAL,
        CANNOT_READ_TRACE,
        UNEXPECTED_PACKET,
        DATABASE_PROTOCOL,
        STAGE_FAILED,
        INSECURE_SETTING,
        REFUSED_CONNECTION,
        API_CALL,
    )
)

#: What each code means, for the documentation.
MEANINGS: Final[dict[int, str]] = {
    GENERAL: "anything without a code of its own",
    WRONG_CONFIGURATION: "the configuration cannot be used",
    READ_KEYS: "a key could not be read",
    START_LISTENING: "listening has begun or failed",
    STOP_LISTENING: "listening has ended",
    TRANSPORT_CONFIGURATION: "the transport to connectors cannot be set up",
    ACCEPT_CONNECTION: "a connection could not be accepted",
    START_CONNECTION: "a connection could not be begun",
    CLOSE_CONNECTION: "a connection has ended",
    WRAP_CONNECTION: "the handshake between connector and server failed",
    DROPPED_BY_TIMEOUT: "a connection took too long and was dropped",
    CONNECT_TO_DATABASE: "the database could not be reached",
    CLOSE_DATABASE: "the database ended a connection",
    QUERY_NOT_ALLOWED: "a stage refused a statement",
    QUERY_CAPTURE_FULL: "too many different statements to capture; further ones are left out",
    QUERY_PARSE_ERROR: "a statement could not be parsed",
    DECRYPT: "containers were left as stored: they could not be opened",
    TLS_INIT: "TLS with an application failed",
    POISON_RECORD: "a poison record was read: an intruder, or a backup of one",
    POISON_REACTION: "a reaction to a poison record failed",
    CANNOT_SEND_TRACE: "the trace context could not be sent",
    CANNOT_READ_TRACE: "the trace context was unusable; a new trace was begun",
    CONNECTION_PROCESSING: "a connection ended with an error",
    UNEXPECTED_PACKET: "a client broke the database protocol",
    DATABASE_PROTOCOL: "the database broke its protocol",
    NETWORK_WRITE: "a peer does not read",
    TLS_GENERAL: "TLS with the database failed",
    STAGE_FAILED: "a stage raised; the statement was refused unless the stage is advisory",
    EXPORT_FAILED: "spans could not be exported",
    INSECURE_SETTING: "a setting weakens protection",
    REFUSED_CONNECTION: "a connection was refused: limit or identity",
    IDLE_SETTING: "a setting has no effect, or needs a restart to have one",
    UNREAD_SESSION: "a connector carries what it cannot read: its requests are not traced there",
    API_CALL: "a command came to the HTTP API, and what became of it",
}
