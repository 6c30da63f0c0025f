"""What both directions share: the chunk being read, bytes that wait for a verdict, output."""

from __future__ import annotations

from typing import Any

from acra_twisted.model import Session, Work
from acra_twisted.wire.framing import ChunkBuffer


class ChunkFlow:
    """An IMessageFlow, as far as both directions are alike, and what `proxy.relay` asks of
    either.

    ``_start``: where what has not left of the current chunk begins; ``_out``: what leaves.
    ``terminated``: the client has said that it goes.  ``holding``: messages were held back when
    output was taken last.  ``pending_limit``: so many replies may be
    outstanding; with more the client is not read, see `ask_for_replies`.  ``passed_whole``: so many
    requests or replies have come alone and whole, and needed no loop over their messages.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._buffer = ChunkBuffer()
        self._start = 0
        self._out: list[bytes] = []
        self._streaming = 0
        self._unsettled = False
        self._waiting: list[bytes] = []
        self.terminated = False
        self.holding = False
        self.pending_limit = 1 << 30
        self.passed_whole = 0

    def begin(self, data: bytes) -> Work | None:
        """Do `feed` and the first `next_work`; at once for what is most frequent."""
        self.feed(data)
        return self.next_work()

    def next_work(self) -> Work | None:
        """See IMessageFlow."""
        raise NotImplementedError  # pragma: no cover - abstract

    def settle(self, work: Work, verdict: Any) -> None:
        """See IMessageFlow."""
        raise NotImplementedError  # pragma: no cover - abstract

    def take_output(self) -> bytes:
        """See IMessageFlow."""
        raise NotImplementedError  # pragma: no cover - abstract

    def give_back(self) -> bytes:
        """What is here of a message that is not whole, for who goes on without this flow."""
        return self._buffer.drain()

    def release_held(self) -> None:
        """Let go what is held back, unless a verdict is awaited."""

    def ask_for_replies(self) -> None:
        """The client is not read any more until replies have come: see to it that they do.

        A Flush of ours goes behind what has left, for the database keeps replies back, and so does
        a server that holds the batch.
        """

    def fail_transaction(self) -> None:
        """Have the database fail: a result was refused.  Raises RolledBackError if nothing can be
        said to it now."""

    @property
    def may_interject(self) -> bool:
        """Whether a message of our own may come next."""
        return False

    def release_fakes(self) -> None:
        """Put out the replies of our own that have become due."""

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

    def feed(self, data: bytes) -> None:
        """Accept bytes from the source; while a Work is unsettled they wait."""
        if self._unsettled:
            self._waiting.append(data)
        else:
            self._load(data)

    @property
    def unfinished(self) -> bool:
        """True if part of a message has arrived and the rest has not."""
        return len(self._buffer) > 0 or self._streaming > 0

    @property
    def unread(self) -> int:
        """The bytes that are here of a message that is not; negative are those of one that has
        left in part, and are to come.  What was fed and this tell a message from the next."""
        return len(self._buffer) - self._streaming

    def _load(self, data: bytes) -> None:
        """Make ``data``, behind what is unread, the current chunk."""
        raise NotImplementedError  # pragma: no cover - abstract

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
        return out[0] if len(out) == 1 else b"".join(out)
