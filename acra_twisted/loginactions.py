"""The actions that a login asks for, and the facts that it is told: see `dialectinterfaces.ILogin`.

A login is everything between a client's first byte and the session's first request.  It knows no
socket, no clock and no file: it is fed the bytes of both legs and facts about them, and answers
each time with a list of actions.  `proxy.handshake` carries them out, in order; those that only a
daemon can carry out (Connect, Cancellable, LookUp, Carry and more) it hands on to its host.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from acra_twisted.fast.record import Record

# The two legs.
CLIENT: Final = "client"
DATABASE: Final = "database"

# The purposes of a connection to the database.  Of one that speaks first its greeting is wanted
# before there is a client that it could be for: then the connection is reached for GREETING, and
# once more, where it is there already, for SESSION.
GREETING: Final = "its greeting"
SESSION: Final = "a session"
ERRAND: Final = "a request that opens no session"

# Why a session is carried unread: its bytes are encrypted for us; it is a request to cancel; it
# does not begin as this database's sessions do; its server did not make itself known.
ENCRYPTED: Final = "encrypted"
CANCEL: Final = "cancel"
OTHER: Final = "other"
UNKNOWN_SERVER: Final = "foreign"

#: Who answers a client's request for TLS.  PASS: AcraServer.  DECLINE: the connector says that
#: there is none; direct TLS goes to AcraServer.  REFUSE: the same, and direct TLS is refused.
#: OFFER: the connector agrees.  REQUIRE: it also refuses a client that does not ask.
PASS, DECLINE, REFUSE, OFFER, REQUIRE = "pass", "decline", "refuse", "offer", "require"


class Write(Record):
    """Send ``data`` on ``leg``."""

    __slots__ = ("leg", "data")

    def __init__(self, leg: str, data: bytes) -> None:
        self.leg = leg
        self.data = data

    def _parts(self) -> tuple[object, ...]:
        return (self.leg, self.data)


class StartTLS(NamedTuple):
    """Begin TLS on ``leg``.  ``received`` are bytes of the peer's ClientHello that have been read
    already.  The answer is ``tls_started``."""

    leg: str
    received: bytes = b""


class Connect(NamedTuple):
    """Reach the database for ``purpose``.  The answer is ``connected``; or the host ends it, if it
    does not want this client to have that.

    ``request`` says what is wanted; ``first`` are the bytes that the database gets first.
    """

    purpose: str
    request: Any
    first: bytes


class Open(NamedTuple):
    """Make the Session: the database is reached.  The answer is ``opened``."""


class Ask(NamedTuple):
    """Find the answer to ``question``, now or later, and give it to ``answered``.

    A `Work` is a question for the stages; its answer is their verdict.  The database leg is not
    read meanwhile.
    """

    question: Any


class Cancellable(NamedTuple):
    """The database has given the session ``key``, by which others may cancel its requests."""

    key: Any


class Serve(NamedTuple):
    """Serve what the client has asked for, which is no session: ``what`` says what it is."""

    what: Any


class Carry(NamedTuple):
    """Take note that bytes are carried unread, and ``why``; empty if nobody wants to know.

    The login still sees the bytes of both legs until it says `Copy`.
    """

    why: str


class LookUp(Record):
    """Find what proves that a client is ``user``, who asks for ``database``.  The answer is
    ``looked_up``, or the host ends it, if it has too many logins already."""

    __slots__ = ("user", "database")

    def __init__(self, user: bytes, database: bytes = b"") -> None:
        self.user = user
        self.database = database

    def _parts(self) -> tuple[object, ...]:
        return (self.user, self.database)


class Derive(NamedTuple):
    """Salt a password (`wire.scram.salted`).  The answer is ``derived``."""

    password: bytes
    salt: bytes
    iterations: int


class Proven(Record):
    """Take note that the client has proven to be ``user``.

    ``method`` is "scram", "certificate", "md5" or "cleartext" where this daemon has seen the proof;
    then it comes before Connect, which the host may refuse.  It is "database" where the database
    has asked for the proof and accepted it; then it comes before the client is told, and the host
    may end the session.  ``bound``: the proof holds for the client's TLS connection alone.
    ``database`` is the one that the client asks for.
    """

    __slots__ = ("user", "method", "bound", "database")

    def __init__(self, user: bytes, method: str, bound: bool, database: bytes = b"") -> None:
        self.user = user
        self.method = method
        self.bound = bound
        self.database = database

    def _parts(self) -> tuple[object, ...]:
        return (self.user, self.method, self.bound, self.database)


class Admitted(NamedTuple):
    """Take note that the database lets the client in and has asked for no proof.  It comes before
    the client is told, and the host may end the session."""

    database: bytes


class Unproven(NamedTuple):
    """Count a login that has failed, wait as long as the limits say, then send ``error`` to the
    client and close its leg.

    ``result`` is a label of the metric of logins: password, unknown, binding, downgrade, replay,
    malformed, database or source; ``method`` and ``bound`` are as in Proven.
    """

    result: str
    error: bytes
    method: str = ""
    bound: bool = False


class Stale(NamedTuple):
    """Forget what was found for ``user``: the database accepts it no longer."""

    user: bytes


class Close(NamedTuple):
    """Send what is queued on ``leg``, then close it."""

    leg: str


class Leave(NamedTuple):
    """The client is gone, or given up: have ``visit``, an IVisit, bring the login to its end with
    the database, and close that behind it."""

    visit: Any


class Fail(Record):
    """End the connection for ``error``, a WireError or a HandshakeError; ``at_once``: without
    waiting for the client to read what is queued."""

    __slots__ = ("error", "at_once")

    def __init__(self, error: Exception, at_once: bool = False) -> None:
        self.error = error
        self.at_once = at_once

    def _parts(self) -> tuple[object, ...]:
        return (self.error, self.at_once)


class Ready(NamedTuple):
    """Go on without the login: the session is ready.

    ``flows`` are those of requests and of replies.  The rest is what was read behind the login's
    last bytes: it belongs to the flows.
    """

    flows: tuple[Any, Any]
    from_client: bytes = b""
    from_database: bytes = b""


class Copy(NamedTuple):
    """Go on without the login: copy both legs, unread, and before that what was read and not passed
    on."""

    from_client: bytes = b""
    from_database: bytes = b""


Action = (
    Write
    | StartTLS
    | Connect
    | Open
    | Ask
    | Cancellable
    | Serve
    | LookUp
    | Proven
    | Admitted
    | Unproven
    | Stale
    | Derive
    | Carry
    | Close
    | Leave
    | Fail
    | Ready
    | Copy
)
