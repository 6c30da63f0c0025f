"""How a session ends: the reasons in its log line, and what its client is told."""

from __future__ import annotations

from typing import Final

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.python.failure import Failure

from acra_twisted import events
from acra_twisted.endreason import EndReason, Farewell
from acra_twisted.errors import FrameTooLarge, WireError
from acra_twisted.session import Session
from acra_twisted.transport.failures import Party, Reason, Role, reason_of

#: Reason and text for each way a session is ended by us.
SHUTDOWN: Final = (EndReason.SHUTDOWN, "terminating connection due to administrator command")
HANDSHAKE: Final = (EndReason.NOT_READY, "terminating connection: it took too long to get ready")
REVOKED: Final = (
    EndReason.NO_RIGHT,
    "terminating connection: its certificate has been revoked",
)
INTERNAL: Final = (EndReason.INTERNAL, "internal error in the proxy")
HUNG_UP: Final = (EndReason.REFUSED, "the session was ended")
UNANSWERED: Final = (
    EndReason.DATABASE,
    "the database closed the connection before it answered; AcraServer's log says more",
)
TERMINATED: Final = "client terminated"
_REFUSED: Final = "the database refused the login"
_RAISE: Final = "raise message_size_limit in AcraServer, and in AcraConnector if there is one"


def lost(session: Session, side: str, reason: Failure) -> str:
    """Say why a session ends whose client or database is gone."""
    if session.refused:
        return _REFUSED
    if reason.check(ConnectionDone):
        return f"{side} disconnected"
    if reason.check(ConnectionLost) and not hasattr(reason.value, "osError"):
        return f"{side} connection lost"
    return f"{side}: {reason_of(reason, Party(Role(side)), stood=True).what}"


def broken(session: Session, error: WireError) -> Farewell | None:
    """Report the event of a peer that broke its protocol.  Return what the client is told, which
    quotes no database."""
    refused = error.reason is EndReason.LOGIN
    report = session.observer.security_event
    if refused:
        report(events.LOGIN_REFUSED, str(error), session, None, rule="proxy")
    elif error.side == "client":
        report(events.UNEXPECTED_PACKET, f"client: {error}", session, None)
    else:
        report(events.DATABASE_PROTOCOL, f"{error.side}: {error}", session, None)
    if error.reason is None:
        return None
    if error.side == "client" or refused:
        return error.reason, str(error)
    if isinstance(error, FrameTooLarge):
        return EndReason.TOO_LARGE, f"the database's {error}: {_RAISE}"
    return error.reason, "the database broke its protocol"


def not_reached(reason: Reason) -> Farewell:
    """Return what a client is told whose database cannot be reached: never where that is."""
    return EndReason.DATABASE, f"could not connect to the database: {reason.public}"
