"""Sockets that are ready, told of without the reactor's ceremony.

Twisted's reactor spends more on one event (a logging context, checks of the descriptor, a turn of
its loop) than a bare relay spends on reading and writing.  So the sockets of sessions are watched
by an epoll object of their own.  That object watches the reactor's epoll object as well, and the
reactor waits here: one wait is enough for both.  While the reactor has nothing to do, neither a
descriptor nor a timer, sessions are told of one event after the other and it has no turn.  A
reactor that does not wait by epoll watches the hub's object as it does any descriptor.

What is short and written while sockets are told of their events is held back until all that were
found together have been told, and then sent, one after the other.  A peer that is woken finds more
to do, and is woken less often; that is what costs most of a transaction.  Measured in
docs/performance.rst.  What nobody waits for is done behind that (`afterwards`).

To fall asleep and be woken takes longer than all that is done here, on virtual machines above all.
Who wants replies sooner, and has a core to spare, lets the hub be `busy`.
"""

from __future__ import annotations

import math
import select
from collections.abc import Callable
from time import monotonic
from typing import Any, Final

from twisted.internet.interfaces import IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import classImplements

from acra_twisted.fast.compiled import mypyc_attr
from acra_twisted.fast.syscalls import poller
from acra_twisted.transport.endings import LOST

_log: Final = Logger()

#: Events found together, for whose sake writes are held back.
_TOGETHER: Final = 32
#: The longest wait, in seconds.
_LONGEST: Final = 60.0

# Where Twisted's reactor keeps its timers.
_NEW: Final = "_newTimedCalls"
_PENDING: Final = "_pendingTimedCalls"

# As epoll has them.  Other systems can import this, and have no hub.
READABLE: Final = 1
WRITABLE: Final = 4


@mypyc_attr(allow_interpreted_subclasses=True)
class Watched:
    """A receiver of events.  It is a class and not a Protocol: compiled, its methods are not
    called by name; tests use subclasses that are not compiled."""

    def ready(self, events: int) -> None:
        """Something can be read or written, or the connection is gone."""
        raise NotImplementedError  # pragma: no cover - abstract

    def flush(self) -> bool:
        """Send held bytes; return True if nothing waits."""
        raise NotImplementedError  # pragma: no cover - abstract

    def connectionLost(self, reason: Failure) -> None:
        """An exception came out of `ready` or `flush`, or the reactor stops."""
        raise NotImplementedError  # pragma: no cover - abstract

    def dropped(self, reason: Failure) -> None:
        """Somebody else has closed the descriptor: nothing can be sent any more."""
        self.connectionLost(reason)


class Hub:
    """The sockets watched for one reactor, which knows of it once there are any."""

    def __init__(
        self, reactor: Any, busy: float = 0.0, clock: Callable[[], float] = monotonic
    ) -> None:
        self._reactor = reactor
        self._clock = clock
        self._epoll = select.epoll()
        self._poll = poller(self._epoll).poll
        # What epoll was told of each descriptor, and whom it tells.  The latter by position, for
        # they are looked up for every event: descriptors are small numbers.
        self._events: dict[int, int] = {}
        self._watched: list[Watched | None] = []
        # Where the reactor waits here: what it does for itself, and its epoll object.
        self._iterate: Callable[[float], None] | None = None
        self._of_reactor = -1
        # The reactor's attributes, where its timers can be looked at: those that are new, and the
        # others by time.
        self._timers: dict[str, Any] | None = None
        #: True if writes may be held, by calling `hold`.
        self.holding = False
        self._held: list[Watched] = []
        self._afterwards: list[Callable[[], Any]] = []
        #: Seconds for which the next event is asked for again and again, before it is waited for.
        self.busy = busy
        # The last event was a socket's.
        self._talks = False

    def watch(self, fd: int, who: Watched, events: int) -> None:
        """Tell ``who`` of ``events`` from now on, and of errors and hang-ups."""
        before = self._events.get(fd)
        watched = self._watched
        if fd >= len(watched):
            watched.extend([None] * (fd + 1 - len(watched)))
        if before is None:
            if not self._events and self._iterate is None:
                self._begin()
            self._epoll.register(fd, events)
        elif events != before:
            self._epoll.modify(fd, events)
        self._events[fd] = events
        watched[fd] = who

    def _begin(self) -> None:
        """Have the reactor wait here, or watch this as it does any descriptor."""
        reactor = self._reactor
        own = _epoll_of(reactor)
        if own is None:
            reactor.addReader(self)
            return
        self._iterate, self._of_reactor = reactor.doIteration, own.fileno()
        # Twisted has no other names for them; a reactor that has none has a turn at each event.
        attributes = vars(reactor)
        self._timers = attributes if _NEW in attributes and _PENDING in attributes else None
        watched = self._watched
        if self._of_reactor >= len(watched):
            watched.extend([None] * (self._of_reactor + 1 - len(watched)))
        self._epoll.register(self._of_reactor, READABLE)
        reactor.doIteration = self._turn
        # The reactor tells nobody of its end but those whom it watches.
        reactor.addSystemEventTrigger("during", "shutdown", self.connectionLost, LOST)

    def forget(self, fd: int) -> None:
        """Tell nobody any more.  Before the descriptor is closed."""
        if self._events.pop(fd, None) is not None:
            self._watched[fd] = None
            self._epoll.unregister(fd)
            if not self._events and self._iterate is None:
                self._reactor.removeReader(self)

    def closed(self, fd: int, reason: Failure) -> None:
        """Tell of a descriptor that somebody else has closed just now: epoll has forgotten it."""
        if self._events.pop(fd, None) is None:
            return
        who, self._watched[fd] = self._watched[fd], None
        if not self._events and self._iterate is None:
            self._reactor.removeReader(self)
        if who is not None:
            who.dropped(reason)

    def hold(self, who: Watched) -> None:
        """Have ``who`` flush when everybody has been told; only while `holding`."""
        self._held.append(who)

    def afterwards(self, function: Callable[[], Any]) -> None:
        """Call it when everything that was held back is sent; at once if nothing is."""
        if self.holding:
            self._afterwards.append(function)
        else:
            function()

    def soon(self, function: Callable[..., Any], *args: Any) -> None:
        """Have the reactor call it in its next turn, which comes at once."""
        self._reactor.callLater(0, function, *args)

    def doRead(self) -> None:
        """Twisted: something is ready."""
        self._serve(0.0)

    def _turn(self, delay: float | None) -> None:
        """Take the place of the reactor's wait: ``delay`` seconds, None for ever, or until it has
        something to do.  Each wait lasts until the next timer is due, and is not cut short to look
        for others: the system sets a clock for each wait, and one that would ring soon, before its
        own does, takes a tenth of a statement's time."""
        wait = _LONGEST if delay is None else min(float(delay), _LONGEST)
        due, first = self._clock() + wait, self._first_timer()
        while self._serve(wait) and wait > 0:
            wait = due - self._clock()
            if wait <= 0 or self._first_timer() != first:
                break

    def _first_timer(self) -> float:
        """When the reactor's first timer is due, by its clock; NaN, which equals nothing, if it has
        to sort its timers before that is known."""
        found = self._timers
        # From its own attributes: Python would look through the reactor's classes first.
        if found is None or len(found[_NEW]) > 0:
            return math.nan
        timers: list[Any] = found[_PENDING]
        first: float = timers[0].time if timers else 0.0
        return first

    def _serve(self, wait: float) -> bool:
        """Wait for the next events, and tell of them.  Return False if one was the reactor's."""
        watched = self._watched
        ready = self._ask(wait) if self.busy and self._talks else self._poll(wait, _TOGETHER)
        has_turn = False
        self.holding = True
        for fd, events in ready:
            who = watched[fd]
            if who is not None:
                try:
                    who.ready(events)
                except Exception:
                    _failed(who)
            elif fd == self._of_reactor:
                has_turn = True
        self.holding = False
        held = self._held
        if held:
            self._held = []
            for who in held:
                try:
                    who.flush()
                except Exception:
                    _failed(who)
        if self._afterwards:
            self._catch_up()
        self._talks = len(ready) > (1 if has_turn else 0)
        if has_turn and self._iterate is not None:
            self._iterate(0.0)
        return not has_turn

    def _ask(self, wait: float) -> list[tuple[int, int]]:
        """Ask for events again and again for a while, and wait for them if there are none."""
        until = self._clock() + min(self.busy, wait)
        while self._clock() < until:
            ready = self._poll(0.0, _TOGETHER)
            if ready:
                return ready
        return self._poll(wait, _TOGETHER)

    def _catch_up(self) -> None:
        functions, self._afterwards = self._afterwards, []
        for function in functions:
            try:
                function()
            except Exception:
                _log.failure("internal error")

    def fileno(self) -> int:
        """Twisted: of the epoll object."""
        return self._epoll.fileno()

    def logPrefix(self) -> str:
        """Twisted: for its log."""
        return "-"

    def connectionLost(self, reason: Failure) -> None:
        """Twisted: the reactor stops, and with it every connection."""
        for who in tuple(self._watched):
            if who is not None:
                who.connectionLost(reason)


def _failed(who: Watched) -> None:
    """An internal error: it ends this one, and the others go on."""
    failure = Failure()
    _log.failure("internal error", failure)
    who.connectionLost(failure)


def _epoll_of(reactor: Any) -> select.epoll | None:
    """Return the object by which a reactor waits; None if it is of another kind, or if the reactor
    waits at another hub already.  Twisted has no name for it that is not its own."""
    found = getattr(reactor, "_poller", None)
    waits_elsewhere = "doIteration" in vars(reactor)
    return None if waits_elsewhere or not isinstance(found, select.epoll) else found


# Not as a decorator: compiled classes have none.
classImplements(Hub, IReadDescriptor)
