"""An established Secure Session: frames of the link in, the byte stream out, and back.

Source: themis-formats reference, section 8.  Apart from `securesession`, which shakes hands: every
request and every reply passes through here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from twisted.python.failure import Failure

from acra_twisted.wire.framing import ChunkBuffer
from acra_twisted.wire.link import lengthprefix

if TYPE_CHECKING:
    from acra_twisted.themis.session import ClientSession, ServerSession

#: Limit of a wrapped message.  Peers choose its length; AcraServer has written 298,000.
DATA_LIMIT: Final = 64 << 20
#: We cut here: one message must be whole before its first byte can be used.
PIECE: Final = 64 * 1024


class SessionStream:
    """``send`` writes to the link, ``deliver`` gets the stream's bytes, ``failed`` is told, once,
    if the peer's bytes are not what they must be."""

    __slots__ = ("_session", "_buffer", "_send", "deliver", "_failed", "_over")

    def __init__(
        self,
        session: ClientSession | ServerSession,
        send: Callable[[bytes], None],
        deliver: Callable[[bytes], None],
        failed: Callable[[Failure], None],
    ) -> None:
        self._session = session
        self._buffer = ChunkBuffer()
        self._send = send
        self.deliver = deliver
        self._failed = failed
        self._over = False

    def received(self, data: bytes) -> None:
        """Bytes of the link, cut anywhere."""
        if self._over:
            return
        buffer = self._buffer
        buffer.feed(data)
        plain: list[bytes] = []
        try:
            while True:
                block = lengthprefix.decode_at(buffer.data, buffer.position, DATA_LIMIT)
                if block is None:
                    break
                body, buffer.position = block
                plain.append(self._session.unwrap(body))
            if buffer.position < len(buffer.data):
                buffer.wait_for(lengthprefix.wanted(buffer.data, buffer.position))
        except Exception:
            self._over = True
            buffer.drain()
            self._failed(Failure())
            return
        if plain:
            self.deliver(plain[0] if len(plain) == 1 else b"".join(plain))

    def stop(self) -> None:
        """The link is gone: nothing comes and nothing goes any more."""
        self._over = True

    def write(self, data: bytes) -> None:
        """One message, or several for much data."""
        if self._over:
            return
        session = self._session
        if len(data) <= PIECE:
            if data:
                self._send(lengthprefix.encode(session.wrap(data)))
            return
        self._send(
            b"".join(
                [
                    lengthprefix.encode(session.wrap(data[start : start + PIECE]))
                    for start in range(0, len(data), PIECE)
                ]
            )
        )
