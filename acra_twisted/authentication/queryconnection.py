"""A connection of the service's own to the database: it logs in and asks one thing at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, TimeoutError, maybeDeferred
from twisted.python.failure import Failure

from acra_twisted.errors import AcraError, HandshakeError, WireError
from acra_twisted.queryactions import (
    Answered,
    Derive,
    LoggedIn,
    QueryAction,
    Refused,
    Rows,
    Send,
    StartTLS,
)
from acra_twisted.transport.binding import end_point
from acra_twisted.wire.scram import salted

#: Iterations up to which a key is derived at once; more take longer than a turn of the reactor.
_AT_ONCE = 20_000

#: Runs a function in a thread, and gives its result later.
InThread = Callable[..., Deferred[bytes]]


class NoAnswer(AcraError):
    """The database has not answered; ``str()`` says why.

    ``is_away``: nothing can be asked at present.  False: it is this question that has no answer.
    ``code`` is as in `queryactions.Refused`.
    """

    def __init__(self, reason: str, is_away: bool = True, code: str = "") -> None:
        super().__init__(reason)
        self.is_away = is_away
        self.code = code


class KeyDerivation:
    """Derives keys of passwords, in a thread where it takes long; the latest is kept."""

    def __init__(self, in_thread: InThread) -> None:
        self._in_thread = in_thread
        self._latest: tuple[Derive | None, bytes] = (None, b"")

    def __call__(self, wanted: Derive, answer: Callable[[bytes], None]) -> None:
        """Give the key to ``answer``, now or later."""
        known, key = self._latest
        if known == wanted:
            answer(key)
            return

        def keep(key: bytes) -> None:
            self._latest = wanted, key
            answer(key)

        if wanted.iterations <= _AT_ONCE:
            keep(_derive(wanted))
        else:
            self._in_thread(_derive, wanted).addCallback(keep)


class QueryConnection:
    """One connection.  ``client`` is an IServiceQuery; ``lost`` is called when the connection is
    over, however that came, with the connection.

    `log_in` and `ask` return Deferreds that fail with NoAnswer, or with what `explain` does not
    know; cancelling one closes the connection.
    """

    def __init__(
        self,
        client: Any,
        derive: KeyDerivation,
        explain: Callable[[Exception], str],
        lost: Callable[[QueryConnection], None],
    ) -> None:
        self._client = client
        self._derive = derive
        self._explain = explain
        self._lost = lost
        self._channel: Any = None
        self._pending: Deferred[Any] | None = None
        self.is_closed = False

    def log_in(self, channel: Any) -> Deferred[None]:
        """Log in over ``channel``, which is ready for the first packet."""
        self._channel = channel
        channel.receiver, channel.on_lost = self._received, self._is_lost
        certificate = channel.certificate if channel.encrypted else None
        bound_to = None if certificate is None else end_point(certificate)
        begun: Deferred[None] = self._wait()
        self._perform(self._client.begin(channel.encrypted, bound_to))
        return begun

    def ask(self, value: bytes) -> Deferred[Rows]:
        """Ask the question about ``value``; one question at a time."""
        asked: Deferred[Rows] = self._wait()
        self._perform(self._client.ask(value))
        return asked

    def close(self, reason: str = "the connection was closed") -> None:
        """Close the connection, and tell the one who waits the reason."""
        self._end(NoAnswer(reason))

    # -- what the channel says --------------------------------------------------------------------

    def _received(self, data: bytes) -> None:
        self._tell(lambda: self._client.feed(data))

    def _is_encrypted(self) -> None:
        self._tell(self._client.tls_started)

    def _tell(self, step: Callable[[], list[QueryAction]]) -> None:
        try:
            actions = step()
        except (WireError, HandshakeError) as error:
            self._end(NoAnswer(str(error)))
        else:
            self._perform(actions)

    def _is_lost(self, reason: Failure) -> None:
        value = reason.value
        text = self._explain(value) if isinstance(value, Exception) else "it is gone"
        self._end(NoAnswer(self._client.problem or text))

    # -- what the client wants --------------------------------------------------------------------

    def _perform(self, actions: list[QueryAction]) -> None:
        for action in actions:
            if self.is_closed:
                return
            if isinstance(action, Send):
                self._channel.write(action.data)
            elif isinstance(action, StartTLS):
                self._channel.on_encrypted = self._is_encrypted
                self._channel.start_offered_tls()
            elif isinstance(action, Derive):
                self._derive(action, self._derived)
            elif isinstance(action, LoggedIn):
                self._answer(None)
            elif isinstance(action, Answered):
                self._answer(action.rows)
            elif isinstance(action, Refused):
                self._answer(Failure(NoAnswer(action.reason, code=action.code)))

    def _derived(self, key: bytes) -> None:
        if not self.is_closed:
            self._perform(self._client.derived(key))

    # -- those who wait ---------------------------------------------------------------------------

    def _wait(self) -> Deferred[Any]:
        self._pending = Deferred(lambda _: self.close("it took too long"))
        return self._pending

    def _answer(self, answer: Any) -> None:
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.callback(answer)

    def _end(self, error: NoAnswer) -> None:
        if self.is_closed:
            return
        self.is_closed = True
        self._channel.on_lost = None
        self._channel.abort()
        self._lost(self)
        self._answer(Failure(error))


async def log_in(
    reactor: Any,
    connect: Callable[[bool], Deferred[Any]],
    client: Any,
    explain: Callable[[Exception], str],
    seconds: float,
) -> QueryConnection:
    """Return a connection that has logged in by ``client``, an IServiceQuery, for one that asks and
    waits.

    ``connect`` is told whether TLS is left to the client.  ``seconds`` is the time limit for the
    login.  Keys of passwords are derived at once, however long it takes.  Raises NoAnswer.
    """
    try:
        channel = await connect(client.plain)
    except CancelledError:
        raise
    except Exception as error:
        raise NoAnswer(explain(error)) from None
    connection = QueryConnection(client, KeyDerivation(maybeDeferred), explain, lambda _: None)

    def late(*_: object) -> Failure:
        return Failure(NoAnswer(client.problem or explain(TimeoutError())))

    try:
        await connection.log_in(channel).addTimeout(seconds, reactor, late)
    except BaseException:
        connection.close()
        raise
    return connection


def _derive(wanted: Derive) -> bytes:
    return salted(wanted.password, wanted.salt, wanted.iterations)
