"""The base of every dialect's flows: what a `proxy.relay` and its pumps know of either direction.

Sans-IO: bytes in, work for the stages and bytes out.  A flow keeps the chunk that is being read and
what waits behind an unsettled Work; its dialect's subclass knows where messages begin and end, and
writes their numbers, where a protocol has such, for its own leg.
"""

from __future__ import annotations

from typing import Any

from zope.interface import classImplements

from acra_twisted.dialectinterfaces import IReplyFlow, IRequestFlow
from acra_twisted.errors import QuestionError
from acra_twisted.exchange import ROWS, Work
from acra_twisted.fast.compiled import mypyc_attr
from acra_twisted.question import Question
from acra_twisted.session import Session
from acra_twisted.wire.framing import ChunkBuffer


@mypyc_attr(allow_interpreted_subclasses=True)
class MessageFlow:
    """One direction, as far as both are alike.

    ``_start``: where what has not left of the current chunk begins; ``_out``: what leaves.
    ``passed_whole``: so many requests or replies have come alone and whole, and needed no loop over
    their messages.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._buffer = ChunkBuffer()
        self._start = 0
        self._out: list[bytes] = []
        self._streaming = 0
        self._unsettled = False
        self._waiting: list[bytes] = []
        self.passed_whole = 0

    def begin(self, data: bytes) -> Work | None:
        """Do `feed` and the first `next_work`; at once for what is most frequent."""
        self.feed(data)
        return self.next_work()

    def feed(self, data: bytes) -> None:
        """Accept bytes from the source; while a Work is unsettled they wait."""
        if self._unsettled:
            self._waiting.append(data)
        else:
            self._load(data)

    def next_work(self) -> Work | None:
        """See IMessageFlow."""
        raise NotImplementedError  # pragma: no cover - abstract

    def settle(self, work: Work, verdict: Any) -> None:
        """See IMessageFlow."""
        raise NotImplementedError  # pragma: no cover - abstract

    def take_output(self) -> bytes:
        """See IMessageFlow."""
        raise NotImplementedError  # pragma: no cover - abstract

    @property
    def unfinished(self) -> bool:
        """See IMessageFlow."""
        return len(self._buffer) > 0 or self._streaming > 0

    @property
    def unread(self) -> int:
        """See IMessageFlow."""
        return len(self._buffer) - self._streaming

    @property
    def _at_rest(self) -> bool:
        """Nothing is left over from what came before."""
        buffer = self._buffer
        return not (
            self._unsettled
            or self._streaming
            or self._waiting
            or buffer.held
            or buffer.position < len(buffer.data)
        )

    def _load(self, data: bytes) -> None:
        """Make ``data``, behind what is unread, the current chunk."""
        self._buffer.feed(data)

    def _part(self, start: int, end: int) -> bytes:
        """Bytes of the chunk; of all of it the object that arrived, not a copy."""
        data = self._buffer.data
        return data if start == 0 and end == len(data) else data[start:end]

    def _load_waiting(self) -> None:
        if self._waiting:
            data, self._waiting = b"".join(self._waiting), []
            self._load(data)

    def _taken(self) -> bytes:
        out = self._out
        if not out:
            return b""
        self._out = []
        count = len(out)
        if count == 1:
            return out[0]
        # A context and its command, for one: to join them takes twice as long.
        return out[0] + out[1] if count == 2 else b"".join(out)


@mypyc_attr(allow_interpreted_subclasses=True)
class ClientFlow(MessageFlow):
    """The base of IRequestFlow: from the client to the database.

    A protocol whose messages are never held back, and whose database never keeps replies back,
    needs nothing but what is here.
    """

    # Of the class, for whoever never holds anything back: interpreted, Python keeps an object of
    # 30 attributes in a dict of its own, which takes a kilobyte more.
    holding: bool = False

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.terminated = False
        self.awaits_load = False
        self.pending_limit = 1 << 30

    def release_held(self) -> None:
        """See IRequestFlow."""

    def ask_for_replies(self) -> None:
        """See IRequestFlow."""

    def ask(self, question: Question) -> bool:
        """See IRequestFlow."""
        raise QuestionError("this database cannot be asked")

    def lose(self, left: Work | None) -> None:
        """See IRequestFlow."""
        # Rows are of a request that has left, or of none at all.
        if left is not None and left.kind != ROWS:
            left.exchange.close("lost")

    def fail_transaction(self) -> None:
        """See IRequestFlow."""


@mypyc_attr(allow_interpreted_subclasses=True)
class DatabaseFlow(MessageFlow):
    """The base of IReplyFlow: from the database to the client."""

    @property
    def due(self) -> int:
        """See IReplyFlow: nothing is numbered."""
        return 0

    @property
    def may_interject(self) -> bool:
        """See IReplyFlow."""
        return not self._streaming

    def release_answers(self) -> None:
        """See IReplyFlow."""
        raise NotImplementedError  # pragma: no cover - abstract


@mypyc_attr(allow_interpreted_subclasses=True)
class CuttingFlow(DatabaseFlow):
    """A DatabaseFlow whose chunks leave in pieces: as they came, but for what is left out of them
    or replaced.

    ``_run``: where the messages stand in the chunk that an unsettled Work was made of.
    """

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._run: tuple[int, int] = (0, 0)

    def take_output(self) -> bytes:
        """Bytes for the client."""
        buffer = self._buffer
        if self._unsettled:
            self._emit(self._run[0])
        elif buffer.data:
            self._emit(buffer.position)
            if self._start == buffer.position == len(buffer.data):
                # A session may be idle for long.
                buffer.forget()
                self._start = 0
        return self._taken()

    def _load(self, data: bytes) -> None:
        self._emit(self._buffer.position)
        self._buffer.feed(data)
        self._start = self._buffer.position

    def _emit(self, upto: int) -> None:
        start = self._start
        if upto > start:
            self._out.append(self._part(start, upto))
            self._start = upto

    def _leave_out(self, start: int, end: int) -> None:
        self._emit(start)
        self._start = max(self._start, end)

    def _keep(self, wanted: int) -> None:
        self._emit(self._buffer.position)
        self._buffer.wait_for(wanted)
        self._start = 0


# Not as decorators: compiled classes have none.
classImplements(ClientFlow, IRequestFlow)
classImplements(DatabaseFlow, IReplyFlow)
