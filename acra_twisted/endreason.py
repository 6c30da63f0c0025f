"""Why a session ends, or cannot begin, in no database's numbers: its dialect has those.

The texts that go with a reason are for the client: they quote neither a statement nor a value.
"""

from __future__ import annotations

from enum import Enum


class EndReason(Enum):
    """A reason that a client is told."""

    SHUTDOWN = "the proxy shuts down"
    NOT_READY = "the session did not get ready in time"
    IDLE = "the session was idle for too long"
    IDLE_IN_TRANSACTION = "a transaction was idle for too long"
    NO_REPLY = "the database has said nothing for too long"
    DATABASE = "the database cannot be reached, or was lost"
    HANDSHAKE = "the first packets of a client are malformed"
    TLS_REQUIRED = "a client must use TLS, and does not"
    LOGIN = "this client may not have this session"
    NO_RIGHT = "this user may not log in any more"
    TOO_MANY = "there are too many sessions"
    PROTOCOL = "a peer broke the protocol, or took too long over a message"
    SEQUENCE = "a packet has another number than is due"
    TOO_LARGE = "a message is larger than a limit"
    REFUSED = "a stage ended the session"
    STAGE = "a stage did not answer in time"
    ROLLED_BACK = "the transaction cannot be left as the client takes it to be"
    INTERNAL = "the proxy failed"


#: What a client is told: why, and a text.
Farewell = tuple[EndReason, str]
