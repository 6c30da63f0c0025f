"""Live parts of views: made anew now and then, and sent as server-sent events to who looks.

A template has a part between ``<!--live NAME-->`` and ``<!--/live-->``; text from outside cannot
look so, for it is escaped.  Who looks at the same view with the same arguments shares one feed.  It
makes the view as a page is made, in turns, and sends of it what has changed.  Feeds end with their
last listener.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any, Final, TypeAlias

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from acra_twisted.telemetry.console.view import View
from acra_twisted.telemetry.pages.answers import Busy
from acra_twisted.telemetry.pages.rendering import NotKept, Page, Piece
from acra_twisted.telemetry.pages.turns import Turns
from acra_twisted.telemetry.pages.waiting import Wait

#: Listeners of a daemon at most.
LISTENERS_MAX: Final = 20
#: Characters of a part; a larger one stays as it was when the page was made.
PART_MAX: Final = 32_768
#: A feed rests so many times as long as it has worked.
_REST: Final = 20
_PART: Final = re.compile(r"<!--live (\w+)-->(.*?)<!--/live-->", re.DOTALL)
#: Ends a line of an event.
_LINE_END: Final = re.compile(r"\r\n|\r|\n")
#: Sent where nothing has changed: it keeps the connection, and tells who has gone.
_STILL: Final = ":\n\n"

_FULL: Final = "As many as may listen to live parts already do"

_log = Logger()
_Key: TypeAlias = tuple[str, frozenset[tuple[str, str]]]


class Listener:
    """Somebody who looks at a view; ``left`` is called when it does so no longer."""

    def __init__(self, left: Callable[[Listener], None]) -> None:
        self._left = left
        self._seen: dict[str, int] = {}
        self._pending: dict[str, str] = {}
        self._is_due = self._is_over = self._has_left = False
        self._waiting: Deferred[str] | None = None

    def tell(self, parts: Mapping[str, str]) -> None:
        """Send what it has not seen yet; what waits to be sent is replaced by what is newer."""
        for name, text in parts.items():
            known = hash(text)
            if self._seen.get(name) != known:
                self._seen[name] = known
                self._pending[name] = text
        self._is_due = True
        self._send()

    def end(self) -> None:
        """Send no more."""
        self._is_over = True
        self._send()

    def next(self) -> Deferred[str]:
        """Return what is to be sent next; empty at the end."""
        self._waiting = Deferred(lambda _: self.leave())
        waiting = self._waiting
        self._send()
        return waiting

    def leave(self) -> None:
        """It has gone."""
        self._waiting = None
        if not self._has_left:
            self._has_left = True
            self._left(self)

    def _send(self) -> None:
        if self._waiting is None or not (self._is_due or self._is_over):
            return
        waiting, self._waiting = self._waiting, None
        message = "" if self._is_over else _message(self._pending)
        self._pending, self._is_due = {}, False
        waiting.callback(message)


def _message(parts: Mapping[str, str]) -> str:
    """Return events with the parts as their data, line by line."""
    made = []
    for name, text in parts.items():
        lines = "".join(f"data: {line}\n" for line in _LINE_END.split(text))
        made.append(f"event: {name}\n{lines}\n")
    return "".join(made) or _STILL


def parts_of(text: str) -> dict[str, str]:
    """Return the live parts of a page that are not too large."""
    return {name: part for name, part in _PART.findall(text) if len(part) <= PART_MAX}


class _Feed:
    """Makes a view again and again."""

    def __init__(self, feeds: Feeds, view: View, arguments: Mapping[str, str]) -> None:
        self._feeds = feeds
        self._view = view
        self._arguments = arguments
        self.key = _key(view, arguments)
        self.listeners: set[Listener] = set()
        self._pieces: Iterator[Piece] = iter(())
        self._made: list[str] = []
        self._wait: Wait | None = None
        self._spent = 0.0
        self._timer = feeds.reactor.callLater(0, self._begin)

    def _begin(self) -> None:
        self._made, self._spent = [], 0.0
        self._feeds.catch_up()
        self._pieces = self._feeds.page(self._view, self._arguments).pieces
        self._feeds.turns.add(self)

    def step(self) -> bool:
        """See turns.Job: the next piece."""
        if not self.listeners:
            return False
        began = self._feeds.reactor.seconds()
        try:
            piece = next(self._pieces, None)
        except NotKept:
            self.end()
            return False
        except Exception:
            _log.failure("a part of the console cannot be shown")
            self.end()
            return False
        self._spent += self._feeds.reactor.seconds() - began
        if isinstance(piece, Wait):
            self._wait = piece
            piece.then(self._go_on)
            return False
        if piece is None:
            self._done()
            return False
        self._made.append(piece)
        return True

    def rest(self) -> None:
        """See turns.Job."""

    def _go_on(self) -> None:
        self._wait = None
        self._feeds.turns.add(self)

    def _done(self) -> None:
        parts = parts_of("".join(self._made))
        self._made = []
        for listener in tuple(self.listeners):
            listener.tell(parts)
        if self.listeners:
            pause = max(self._view.live, _REST * self._spent)
            self._timer = self._feeds.reactor.callLater(pause, self._begin)

    def left(self, listener: Listener) -> None:
        """One looks no longer."""
        self.listeners.discard(listener)
        if not self.listeners:
            self.end()

    def end(self) -> None:
        """Make it no more."""
        if self._timer.active():
            self._timer.cancel()
        self._feeds.turns.drop(self)
        wait, self._wait = self._wait, None
        if wait is not None:
            wait.cancel()
        self._feeds.forget(self)
        listeners, self.listeners = self.listeners, set()
        for listener in listeners:
            listener.end()


class Feeds:
    """The feeds of a daemon.  ``page`` makes a view for arguments, and ``catch_up`` is called
    before.  ``limit`` is the number of listeners."""

    def __init__(
        self,
        reactor: Any,
        turns: Turns,
        page: Callable[[View, Mapping[str, str]], Page],
        catch_up: Callable[[], None],
        limit: int = LISTENERS_MAX,
    ) -> None:
        self.catch_up = catch_up
        self.limit = limit
        self.reactor = reactor
        self.turns = turns
        self.page = page
        self._feeds: dict[_Key, _Feed] = {}
        self._is_over = False

    def __len__(self) -> int:
        """Return how many listen."""
        return sum(len(feed.listeners) for feed in self._feeds.values())

    @property
    def full(self) -> bool:
        """True if nobody else may listen."""
        return self._is_over or len(self) >= self.limit

    def stream(
        self, view: View, arguments: Mapping[str, str], prolong: Callable[[], None]
    ) -> Generator[Piece, None, None]:
        """Give the events of a view, with waits between them.  ``prolong`` is called for each: the
        peer has taken what came before.  Raises Busy, before the first one, where nobody else
        may listen."""
        if self.full:
            raise Busy(_FULL)
        listener = self._listen(view, arguments)
        try:
            yield _STILL
            while True:
                wait = Wait(listener.next())
                yield wait
                if not wait.result:
                    return
                prolong()
                yield wait.result
        finally:
            listener.leave()

    def head(self) -> Iterator[Piece]:
        """Give no events, and raise Busy where `stream` does."""
        if self.full:
            raise Busy(_FULL)
        yield ""

    def _listen(self, view: View, arguments: Mapping[str, str]) -> Listener:
        feed = self._feeds.get(_key(view, arguments))
        if feed is None:
            feed = _Feed(self, view, arguments)
            self._feeds[feed.key] = feed
        listener = Listener(feed.left)
        feed.listeners.add(listener)
        return listener

    def forget(self, feed: _Feed) -> None:
        """A feed has ended."""
        if self._feeds.get(feed.key) is feed:
            del self._feeds[feed.key]

    def stop(self) -> None:
        """End all: the daemon ends."""
        self._is_over = True
        for feed in tuple(self._feeds.values()):
            feed.end()


def _key(view: View, arguments: Mapping[str, str]) -> _Key:
    return view.name, frozenset(arguments.items())
