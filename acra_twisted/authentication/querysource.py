"""The source that asks the database: few connections, kept open, and a bounded queue."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.python.failure import Failure

from acra_twisted.authentication.queryconnection import KeyDerivation, NoAnswer, QueryConnection
from acra_twisted.queryactions import Rows

CONNECTIONS = 2
#: Questions that may wait for a connection.
WAITING_MAX = 1000
#: Seconds before the next try to connect: of the first, and at most.
_PAUSE, _PAUSE_MAX = 0.25, 5.0
#: Connections over which one question is tried: the first may have been dead for hours.
_TRIES = 2


class _Question:
    __slots__ = ("answer", "connection", "timer", "tries", "user")

    def __init__(self, user: bytes) -> None:
        self.user = user
        self.answer: Deferred[bytes | None] = Deferred()
        self.connection: QueryConnection | None = None
        self.timer: Any = None
        self.tries = 0


class QuerySource:
    """Finds secrets by a query that a role of the service's own may run.

    ``connect`` gives a Deferred of a channel to the database; ``make_client`` makes an
    IServiceQuery with a password; ``read_password`` reads that, and raises ConfigError.
    ``timeout`` is the time in seconds for one answer, and for one login.  ``explain`` says in words
    why a connection failed.
    """

    def __init__(
        self,
        reactor: Any,
        connect: Callable[[], Deferred[Any]],
        make_client: Callable[[bytes], Any],
        read_password: Callable[[], bytes],
        derive: KeyDerivation,
        explain: Callable[[Exception], str],
        timeout: float,
    ) -> None:
        self._reactor = reactor
        self._connect = connect
        self._make_client = make_client
        self._read_password = read_password
        self._derive = derive
        self._explain = explain
        self._timeout = timeout
        self._password = read_password()
        self._queue: deque[_Question] = deque()
        self._running: dict[QueryConnection, _Question] = {}
        self._idle: list[QueryConnection] = []
        self._opening: set[Deferred[Any]] = set()
        self._failures = 0
        self._not_before = 0.0
        self._why = ""
        self._epoch = 0
        self._stopped = False

    @property
    def connections(self) -> int:
        """Connections that are open, or being opened."""
        return len(self._running) + len(self._idle) + len(self._opening)

    @property
    def waiting(self) -> int:
        """Questions that wait for a connection."""
        return len(self._queue)

    def look_up(self, user: bytes) -> Deferred[bytes | None]:
        """Return the secret of ``user``; None if there is no such user, or none that may log in.
        Fails with NoAnswer."""
        if self._stopped:
            return fail(NoAnswer("the server stops"))
        if len(self._queue) >= WAITING_MAX:
            return fail(NoAnswer("too many questions wait", is_away=False))
        question = _Question(user)
        question.timer = self._reactor.callLater(self._timeout, self._expire, question)
        self._queue.append(question)
        self._go_on()
        return question.answer

    def read(self) -> Callable[[], None]:
        """Read the password anew; the returned function puts it in force, on new connections.
        Raises ConfigError."""
        password = self._read_password()

        def switch() -> None:
            self._password = password
            self._epoch += 1
            self._failures, self._not_before = 0, 0.0
            self._close_all("the password was read anew")

        return switch

    def stop(self) -> None:
        """Close connections; questions that wait have no answer."""
        self._stopped = True
        self._fail_all("the server stops")
        self._close_all("the server stops")

    # -- questions --------------------------------------------------------------------------------

    def _go_on(self) -> None:
        while self._queue and self._idle:
            self._ask(self._idle.pop(), self._queue.popleft())
        if not self._queue or len(self._opening) >= len(self._queue):
            return
        if self._reactor.seconds() < self._not_before:
            if not self.connections:
                self._fail_all(self._why)
        elif self.connections < CONNECTIONS:
            self._open()

    def _ask(self, connection: QueryConnection, question: _Question) -> None:
        question.connection, question.tries = connection, question.tries + 1
        self._running[connection] = question
        asked = connection.ask(question.user)
        asked.addCallbacks(
            self._answered, self._not_answered, (connection, question), {}, (connection, question)
        )

    def _answered(self, rows: Rows, connection: QueryConnection, question: _Question) -> None:
        self._is_free(connection)
        # Whether names are the same is for us to say: a collation may call others equal.
        found = rows[0] if rows and rows[0][0] == question.user else (None, None)
        self._done(question).callback(found[1])
        self._go_on()

    def _not_answered(
        self, failure: Failure, connection: QueryConnection, question: _Question
    ) -> None:
        if not connection.is_closed:
            self._is_free(connection)
        elif question.timer.active() and question.tries < _TRIES and not self._stopped:
            question.connection = None
            self._queue.appendleft(question)
            self._go_on()
            return
        self._done(question).errback(failure)
        self._go_on()

    def _is_free(self, connection: QueryConnection) -> None:
        del self._running[connection]
        self._idle.append(connection)

    def _expire(self, question: _Question) -> None:
        late = f"no answer within {self._timeout:g} s"
        if question.connection is not None:
            question.connection.close(late)
        else:
            self._queue.remove(question)
            self._done(question).errback(NoAnswer(self._why or late))

    def _done(self, question: _Question) -> Deferred[bytes | None]:
        if question.timer.active():
            question.timer.cancel()
        return question.answer

    def _fail_all(self, reason: str) -> None:
        waiting, self._queue = self._queue, deque()
        for question in waiting:
            self._done(question).errback(NoAnswer(reason))

    # -- connections ------------------------------------------------------------------------------

    def _open(self) -> None:
        """Open one connection; others follow when it is there, if they are wanted."""
        epoch = self._epoch
        opening = self._connect()
        self._opening.add(opening)
        connection = QueryConnection(
            self._make_client(self._password), self._derive, self._explain, self._lost
        )

        def log_in(channel: Any) -> Deferred[None]:
            return connection.log_in(channel).addTimeout(
                self._timeout, self._reactor, lambda failure, _: failure
            )

        def opened(_: None) -> None:
            self._failures, self._not_before, self._why = 0, 0.0, ""
            if self._stopped:
                connection.close()
            else:
                self._idle.append(connection)

        def failed(failure: Failure) -> None:
            if epoch != self._epoch:
                return
            value = failure.value
            if isinstance(value, NoAnswer):
                self._why = str(value)
            else:
                self._why = self._explain(value) if isinstance(value, Exception) else "it failed"
            pause = min(_PAUSE * 2.0**self._failures, _PAUSE_MAX)
            self._failures = min(self._failures + 1, 16)
            self._not_before = self._reactor.seconds() + pause

        def settled(_: Any) -> None:
            self._opening.discard(opening)
            self._go_on()

        def go_on(result: Any) -> Any:
            self._opening.discard(opening)
            return result

        opening.addCallback(log_in)
        opening.addBoth(go_on)
        opening.addCallbacks(opened, failed)
        opening.addBoth(settled)

    def _lost(self, connection: QueryConnection) -> None:
        if connection in self._idle:
            self._idle.remove(connection)
        self._running.pop(connection, None)

    def _close_all(self, reason: str) -> None:
        open_now, opening_now = [*self._idle, *self._running], list(self._opening)
        for connection in open_now:
            connection.close(reason)
        for opening in opening_now:
            opening.cancel()
