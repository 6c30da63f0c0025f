"""An extended-protocol batch, held back until it may go as a whole: bytes and owed replies."""

from __future__ import annotations

from acra_twisted.dialects.flow import ClientFlow
from acra_twisted.dialects.postgresql import replies
from acra_twisted.exchange import Exchange
from acra_twisted.outstanding import FORWARD, SKIP, Entry
from acra_twisted.session import Session
from acra_twisted.wire.postgres import frontend


class HeldBatch(ClientFlow):
    """The byte side of RequestFlow.  ``hold_limit``: bytes of a batch held back."""

    # In order of leaving: _out, chunk[_start:_released], _held, chunk[_released:position].
    # Where something is held, _start equals _released.

    def __init__(self, session: Session, hold_limit: int) -> None:
        super().__init__(session)
        self._hold_limit = hold_limit
        self._released = 0
        # The batch: bytes of earlier chunks, and what it will have the database answer.
        self._held: list[bytes] = []
        self._held_size = 0
        self._expected: list[Entry] = []
        # Since when part of a message is here and the rest is not; 0 if there is none.
        self._reading_since = 0
        # True if a message since the last Sync has gone to the database.
        self._part_sent = False
        # True if the streamed message does not go to the database.
        self._leaves_out = False

    def release_held(self) -> None:
        """See IRequestFlow."""
        if not self._unsettled:
            self._release(self._buffer.position)

    def ask_for_replies(self) -> None:
        """See IRequestFlow."""
        if self._part_sent and (self._leaves_out or not self._streaming):
            self._emit()
            self._out.append(frontend.FLUSH)

    @property
    def _crowded(self) -> bool:
        """True if more replies are owed than the client may have outstanding, or will be."""
        return len(self._session.outstanding) + len(self._expected) > self.pending_limit

    def take_output(self) -> bytes:
        """Bytes for the database."""
        if self._expected:
            held = self._held_size + self._buffer.position - self._released
            if held > self._hold_limit and not self._unsettled:
                self._release(self._buffer.position)
            self.holding = bool(self._expected)
        elif self.holding:
            self.holding = False
        buffer = self._buffer
        if self._released == buffer.position == len(buffer.data) and not (
            self._start or self._out or self._unsettled
        ):
            # The usual case: the chunk that arrived leaves.
            data = buffer.data
            self._released = 0
            buffer.forget()
            return data
        self._emit()
        self._let_go()
        return self._taken()

    def _load(self, data: bytes) -> None:
        if self._start < self._buffer.position:
            self._carry()
        self._buffer.feed(data)
        self._start = self._released = self._buffer.position

    def _emit(self) -> None:
        """Move released bytes of this chunk to the output."""
        start, released = self._start, self._released
        if released > start:
            self._out.append(self._part(start, released))
            self._start = released

    def _carry(self) -> None:
        """The chunk is about to go: hand out what is released, hold the batch's bytes."""
        self._emit()
        position = self._buffer.position
        if position > self._released:
            self._hold(self._buffer.data[self._released : position])
            self._start = self._released = position

    def _let_go(self) -> None:
        """Keep no chunk that has left whole: a session may be idle for long.

        One of which a message waits for a verdict is kept, for its place.
        """
        if self._released == self._buffer.position == len(self._buffer.data) and (
            not self._unsettled
        ):
            self._buffer.forget()
            self._start = self._released = 0

    def _keep(self, wanted: int) -> None:
        self._reading_since = self._reading_since or self._session.clock()
        self._carry()
        self._buffer.wait_for(wanted)
        self._start = self._released = 0

    def _hold(self, data: bytes) -> None:
        self._held.append(data)
        self._held_size += len(data)

    def _splice(self, start: int, end: int, changed: bytes) -> None:
        """Put other bytes in place of the message ``[start, end)``."""
        self._emit()
        # A second splice of one message replaces the first.
        if self._released == end:
            self._held_size -= len(self._held.pop())
        else:
            self._hold(self._buffer.data[self._released : start])
        self._hold(changed)
        self._start = self._released = end

    def _release_before(self, start: int, end: int) -> None:
        """Release the messages held before ``[start, end)``, which does not leave.  A message that
        is left out as it arrives has no bytes yet."""
        if start < end == self._released:
            # Other bytes stand in its place already.
            self._held_size -= len(self._held.pop())
            start = end
        self._release(start)

    def _insert(self, at: int, added: bytes) -> None:
        """Put bytes of our own before the message that begins ``at``."""
        self._emit()
        self._hold(self._buffer.data[self._released : at])
        self._hold(added)
        self._start = self._released = at

    def _release(self, upto: int) -> None:
        """Let the batch go: its bytes to the output, its replies into the queue."""
        if self._session.discarding:
            self._discard(upto)
            return
        if self._held:
            self._out += self._held
            self._held = []
            self._held_size = 0
        self._released = upto
        expected = self._expected
        if expected:
            session = self._session
            now, outstanding = session.clock(), session.outstanding
            for entry in expected:
                exchange: Exchange | None = entry[2]
                if exchange is not None:
                    exchange.sent = now
                outstanding.append(entry)
            self._expected = []
            self._part_sent = True

    def _discard(self, upto: int) -> None:
        """Leave out the batch, and everything between what is released and ``upto``.

        After an error the database would skip it up to Sync; what it need not skip it need not
        get.
        """
        self._emit()
        self._start = self._released = upto
        self._held = []
        self._held_size = 0
        self._drop(self._expected)
        self._expected = []

    def _drop(self, entries: list[Entry]) -> None:
        """These messages will not be answered: the database never sees them, or skips them."""
        for action, code, exchange, payload in entries:
            if action in (FORWARD, SKIP):
                replies.undo(self._session, code, payload)
            if exchange is not None:
                exchange.close("aborted")

    def _stream(self, position: int, size: int) -> int:
        taken = min(self._streaming, size - position)
        self._streaming -= taken
        self._buffer.position = position = position + taken
        if self._session.discarding:
            # A message that has left in part must leave whole, whatever happened meanwhile.
            self._released = position
        else:
            self._release(position)
        return position

    def _leave_out(self, position: int, size: int) -> int:
        """Discard what is here of a message, of which ``_streaming`` bytes are to come."""
        taken = min(self._streaming, size - position)
        self._streaming -= taken
        self._leaves_out = self._streaming > 0
        self._buffer.position = position = position + taken
        self._discard(position)
        return position
