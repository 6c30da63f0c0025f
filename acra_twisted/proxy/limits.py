"""How long each state of a session may last: looked at about once a second.

A state is told from its like by a mark: as long as both stay what they were, it lasts.  The states
and their limits are listed in docs/architecture.rst.
"""

from __future__ import annotations

import select
from typing import Any, Final, NamedTuple

from acra_twisted import events
from acra_twisted.dialects.flow import ClientFlow
from acra_twisted.endreason import EndReason, Farewell
from acra_twisted.proxy.pump import Pump
from acra_twisted.proxy.valve import OUTSTANDING, STAGE, Valve
from acra_twisted.session import Session

# What is not known where there is no epoll: then a peer that is gone is found out by a write.
_LEFT: Final[int] = getattr(select, "POLLRDHUP", 0)

#: Seconds without a reply after which it is asked whether a client that is not read is there.
_MOMENT: Final = 0.1


class Limits:
    """The bounds of a relay: a number of replies, and seconds, 0 for no limit."""

    __slots__ = ("pending", "hold", "idle", "silent", "message", "stage", "reply", "write")

    def __init__(
        self,
        pending: int,
        *,
        hold: float = 0,
        idle: float = 0,
        silent: float = 0,
        message: float = 0,
        stage: float = 0,
        reply: float = 0,
        write: float = 0,
    ) -> None:
        self.pending = pending
        self.hold = hold
        self.idle = idle
        self.silent = silent
        self.message = message
        self.stage = stage
        self.reply = reply
        self.write = write


class Ending(NamedTuple):
    """Why a session is ended, for the log, and what its client is told.

    ``code`` and ``event``: the event, if it is one.  ``aborts``: at once, for somebody does not
    read what there is to say, or is not there.
    """

    reason: str
    farewell: Farewell | None = None
    code: int = 0
    event: str = ""
    aborts: bool = False


IDLE: Final = Ending(
    "idle timeout", (EndReason.IDLE, "terminating connection due to idle-session timeout")
)
_SILENT: Final = Ending(
    "transaction idle timeout",
    (EndReason.IDLE_IN_TRANSACTION, "terminating connection due to idle-in-transaction timeout"),
)
_MESSAGE: Final = Ending(
    "message timeout", (EndReason.PROTOCOL, "terminating connection: a message took too long")
)
_STAGE: Final = Ending(
    "stage timeout",
    (EndReason.STAGE, "terminating connection: the statement could not be processed in time"),
    events.STAGE_FAILED,
    "A stage has not answered within stage_timeout",
)
_REPLY: Final = Ending(
    "reply timeout",
    (EndReason.NO_REPLY, "terminating connection: the database has said nothing for too long"),
    events.DROPPED_BY_TIMEOUT,
    "The database has said nothing for reply_timeout",
)
_GONE: Final = Ending("client disconnected", aborts=True)


class Patience:
    """Watches one session.  ``flow`` and ``pumps`` are the client's first."""

    def __init__(
        self,
        session: Session,
        limits: Limits,
        flow: ClientFlow,
        pumps: tuple[Pump, Pump],
        valves: tuple[Valve, Valve],
        now: float,
    ) -> None:
        self._session = session
        self._limits = limits
        self._request = flow
        self._pumps = pumps
        self._client_valve, self._database_valve = valves
        self._since: dict[str, tuple[float, Any]] = {"idle": (now, 0)}

    def _lasts(self, name: str, state: bool, mark: Any, limit: float, now: float) -> bool:
        """Return True if this state has lasted for longer than its limit."""
        before = self._since.get(name)
        if not state or not limit:
            self._since.pop(name, None)
        elif before is None or before[1] != mark:
            self._since[name] = (now, mark)
        else:
            return now - before[0] > limit
        return False

    def exhausted(self, now: float, client: Any) -> Ending | None:
        """Return what has taken too long, if anything has.  ``client`` is its transport."""
        session, limits, request = self._session, self._limits, self._request
        traffic, owed = session.traffic, bool(session.outstanding)
        stopped = self._client_valve.reasons
        heard = (traffic.from_client, traffic.from_database)
        idle = session.idle and not stopped
        if self._lasts("idle", idle, traffic.from_client, limits.idle, now):
            return IDLE
        works = owed and not session.copying_in
        silent = session.ready and not (stopped or session.idle or works or request.terminated)
        if self._lasts("silent", silent, heard, limits.silent, now):
            return _SILENT
        unfinished = request.unfinished and not stopped
        begun = traffic.from_client - request.unread
        if self._lasts("message", unfinished, begun, limits.message, now):
            return _MESSAGE
        for number, pump in enumerate(self._pumps):
            work = pump.waits_for
            if self._lasts(f"stage {number}", work is not None, work, limits.stage, now):
                return _STAGE
        waits = works and not self._database_valve.reasons
        if self._lasts("reply", waits, traffic.from_database, limits.reply, now):
            return _REPLY
        for valve, side in ((self._database_valve, "client"), (self._client_valve, "database")):
            since = valve.blocked_since
            if limits.write and since is not None and now - since > limits.write:
                text = f"The {side} does not read"
                return Ending("write timeout", None, events.NETWORK_WRITE, text, True)
        # Who is read shows by that; of who is not, nothing else tells.
        unread = OUTSTANDING in stopped or STAGE in stopped
        if self._lasts("unread", unread, traffic.from_database, _MOMENT, now) and has_left(client):
            return _GONE
        return None


def has_left(transport: Any) -> bool:
    """Return True if the peer has closed its connection, or its half of it, behind all that it has
    sent.

    Nothing is read for it.
    """
    asked = select.poll()
    asked.register(transport.getHandle(), _LEFT)
    return bool(asked.poll(0))
