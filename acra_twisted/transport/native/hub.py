"""Sockets that are ready, told of without the reactor's ceremony.

Twisted's reactor spends more on one event (a logging context, checks of the descriptor, a turn of
its loop) than a bare relay spends on reading and writing.  So the sockets of sessions are watched
by an epoll object of their own, which the reactor watches as it does any descriptor: an epoll
object is readable while something in it is ready.  While sessions talk the hub keeps the floor: it
waits for the next event itself, a millisecond at most, and gives the reactor its turn (timers,
accepting, pages, threads) every two milliseconds, and at once when somebody asks for it.

What is short and written while sockets are told of their events is held back until all that were
found together have been told, and then sent, one after the other.  A peer that is woken finds more
to do, and is woken less often; that is what costs most of a transaction.  Measured in
docs/performance.rst.  What nobody waits for is done behind that (`afterwards`).

To fall asleep and be woken takes longer than all that is done here, on virtual machines above all.
Who wants replies sooner, and has a core to spare, lets the hub be `busy`.
"""

from __future__ import annotations

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

_log: Final = Logger()

#: Events after which the reactor's timers and other descriptors have their turn,
_EVENTS: Final = 256
#: and events found together, for whose sake writes are held back.
_TOGETHER: Final = 32
#: and seconds;
_FLOOR: Final = 0.002
#: seconds for which the next event is waited for.
_LINGER: Final = 0.001

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


class Hub:
    """The sockets watched for one reactor.  Known to the reactor only while there are any."""

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
        #: True if writes may be held, by calling `hold`.
        self.holding = False
        self._held: list[Watched] = []
        self._afterwards: list[Callable[[], Any]] = []
        #: Seconds for which the next event is asked for again and again, before it is waited for.
        self.busy = busy
        self._comes_back = False
        # Things that the reactor will bring: nobody is to be kept waiting for them.
        self._awaited = 0

    def watch(self, fd: int, who: Watched, events: int) -> None:
        """Tell ``who`` of ``events`` from now on, and of errors and hang-ups."""
        before = self._events.get(fd)
        if before is None:
            if not self._events:
                self._reactor.addReader(self)
            self._epoll.register(fd, events)
        elif events != before:
            self._epoll.modify(fd, events)
        self._events[fd] = events
        watched = self._watched
        if fd >= len(watched):
            watched.extend([None] * (fd + 1 - len(watched)))
        watched[fd] = who

    def forget(self, fd: int) -> None:
        """Tell nobody any more.  Before the descriptor is closed."""
        if self._events.pop(fd, None) is not None:
            self._watched[fd] = None
            self._epoll.unregister(fd)
            if not self._events:
                self._reactor.removeReader(self)

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
        """Have the reactor call it in its next turn, and let that come at once."""
        self._awaited += 1
        self._reactor.callLater(0, self._arrived, function, args)

    def _arrived(self, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self._awaited -= 1
        function(*args)

    def expect(self, count: int) -> None:
        """Wait for so many more things that the reactor brings, or fewer if it is negative: it has
        every turn until there are none."""
        self._awaited += count

    def doRead(self) -> None:
        """Twisted: something is ready."""
        self._serve(0.0)

    def _come_back(self) -> None:
        self._comes_back = False
        self._serve(0.0 if self._awaited else _LINGER)

    def _serve(self, wait: float) -> None:
        poll, watched = self._poll, self._watched
        left = _EVENTS
        until = self._clock() + _FLOOR
        while left > 0:
            most = min(left, _TOGETHER)
            ready = self._ask(most) if self.busy and wait else poll(wait, most)
            if not ready:
                return
            left -= len(ready)
            wait = _LINGER
            self.holding = True
            for fd, events in ready:
                who = watched[fd]
                if who is not None:
                    try:
                        who.ready(events)
                    except Exception:
                        _failed(who)
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
            if self._awaited or not self._events or self._clock() > until:
                break
        if self.busy and self._events and not self._comes_back:
            # The reactor would fall asleep.
            self._comes_back = True
            self._reactor.callLater(0, self._come_back)

    def _ask(self, most: int) -> list[tuple[int, int]]:
        """For so many events again and again, and wait for them if there are none."""
        until = self._clock() + self.busy
        while self._clock() < until:
            ready = self._poll(0.0, most)
            if ready:
                return ready
        return self._poll(_LINGER, most)

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


# Not as a decorator: compiled classes have none.
classImplements(Hub, IReadDescriptor)
