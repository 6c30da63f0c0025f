"""Messages of a client before its session is ready.

Answers to the database's authentication go on as they come.  A client may send requests behind its
startup packet without waiting, as PostgreSQL allows: they wait here until the database has said
ReadyForQuery, and are read then like any other.
"""

from __future__ import annotations

from acra_twisted.wire.postgres import frames

_REQUESTS = frozenset(
    (
        frames.QUERY,
        frames.PARSE,
        frames.BIND,
        frames.DESCRIBE,
        frames.EXECUTE,
        frames.CLOSE,
        frames.SYNC,
        frames.FLUSH,
        frames.FUNCTION_CALL,
    )
)


class EarlyRequests:
    """Sans-IO.  Its owner stops reading from the client once something is held."""

    def __init__(self) -> None:
        self._held: list[bytes] = []
        # The beginning of a message whose length is not here yet, and what is to come of one.
        self._head = b""
        self._rest = 0

    @property
    def holding(self) -> bool:
        """True if a request waits."""
        return bool(self._held)

    def feed(self, data: bytes) -> bytes:
        """The bytes that go on now; the others wait."""
        if self._held:
            self._held.append(data)
            return b""
        data, self._head = self._head + data, b""
        position, size = self._rest, len(data)
        while position < size:
            if data[position] in _REQUESTS:
                break
            if size - position < 5:
                self._rest = 0
                self._head = data[position:]
                return data[:position]
            position += 1 + max(frames.length_at(data, position), 4)
        self._rest = max(position - size, 0)
        if position < size:
            self._held.append(data[position:])
        return data[:position]

    def take(self) -> bytes:
        """All that waits, taken out."""
        held, self._held = [*self._held, self._head], []
        self._head = b""
        return b"".join(held)
