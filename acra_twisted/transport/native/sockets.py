"""A connected socket of our own, taken over from Twisted's transport.

Twisted's transport accepts and connects, and closes the socket in the end; between that, reading
and writing are done here: read when the `Hub` says so; written, if nothing waits to be written, at
once, or when the hub has told everybody.  The interface is that of Twisted's TCP transports, so
that protocols do not know.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Final

from twisted.internet.error import ConnectionAborted
from twisted.internet.interfaces import IConsumer
from twisted.python.failure import Failure
from zope.interface import classImplements

from acra_twisted.fast.syscalls import socket_calls
from acra_twisted.transport.direct import IDirectTransport
from acra_twisted.transport.endings import DONE, LINGER, LOST
from acra_twisted.transport.native.hub import READABLE, WRITABLE, Hub, Watched

#: Bytes read at a time.
_READ: Final = 64 * 1024
#: Bytes that wait to be written before whoever produces them is paused.
_HIGH_WATER: Final = 64 * 1024
#: Bytes that are held back until the hub has told everybody, at most; what is more is sent at once.
_SHORT: Final = 16 * 1024


class SocketTransport(Watched):
    """The transport of ``protocol`` on the socket of Twisted's transport ``outer``."""

    def __init__(
        self, outer: Any, protocol: Any, hub: Hub, tls: Callable[..., Any] | None = None
    ) -> None:
        self.outer = outer
        self.hub = hub
        #: See IDirectTransport.
        self.tls = tls
        self._protocol = protocol
        self._fd: int = outer.fileno()
        self._calls = socket_calls(outer.socket)
        self._recv: Callable[[int], bytes] = self._calls.recv
        self._send: Callable[[Any], int] = self._calls.send
        #: Called with what is read.
        self.receiver: Callable[[bytes], None] = protocol.dataReceived
        # Held back while the hub tells; then nothing is in the queue.
        self._held = b""
        self._queue: deque[Any] = deque()
        # The number of bytes in it: 0 means that it is empty.
        self._queued = 0
        self._producer: Any = None
        self._streaming = True
        self._producer_paused = False
        self._reading = True
        self._linger: Any = None
        self.connected = True
        self.disconnecting = False
        outer.stopReading()
        self.hub.watch(self._fd, self, READABLE)

    def hand_over(self) -> Any:
        """Twisted's transport, for another one of ours, when `flush` has left nothing.  Nothing is
        to be done with this one."""
        self.connected = False
        self._calls.forget()
        return self.outer

    @property
    def protocol(self) -> Any:
        """See IDirectTransport."""
        return self._protocol

    @protocol.setter
    def protocol(self, protocol: Any) -> None:
        self._protocol = protocol
        self.receiver = protocol.dataReceived

    @property
    def sender(self) -> Callable[[bytes], None]:
        """See IDirectTransport."""
        return self.write

    # -- Hub ------------------------------------------------------------------------------------

    def ready(self, events: int) -> None:
        """The socket can be read or written, or is broken."""
        if events & WRITABLE:
            self._write_queued()
        if self._reading and events & ~WRITABLE:
            self._read()
        elif not events & (READABLE | WRITABLE):
            # The peer is gone, and nobody reads: what it sent last is read when somebody does.
            self.hub.forget(self._fd)

    def _read(self) -> None:
        try:
            data = self._recv(_READ)
        except BlockingIOError:
            return
        except OSError:
            self.connectionLost(LOST)
            return
        if data:
            self.receiver(data)
        else:
            self.connectionLost(DONE)

    def connectionLost(self, reason: Failure) -> None:
        """Close the socket and tell the protocol, once."""
        if not self.connected:
            return
        self.flush()
        self.connected = self._reading = False
        self.disconnecting = True
        self.hub.forget(self._fd)
        self._calls.forget()
        self._forget_queued()
        if self._linger is not None and self._linger.active():
            self._linger.cancel()
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.stopProducing()
        self.outer.connectionLost(reason)
        self._protocol.connectionLost(reason)

    def dropped(self, reason: Failure) -> None:
        """See Watched."""
        self._held = b""
        self.connectionLost(reason)

    def _watch(self) -> None:
        if self.connected:
            events = READABLE if self._reading else 0
            self.hub.watch(self._fd, self, events | WRITABLE if self._queue else events)

    # -- ITransport -----------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Send, in order; what is short when the hub has told everybody."""
        held = self._held
        holds = len(held) > 0
        if self._queued > 0 or self.disconnecting:
            self._enqueue(data)
        elif self.hub.holding and len(held) + len(data) <= _SHORT:
            if holds:
                self._held = held + data
            else:
                self._held = data
                self.hub.hold(self)
        elif holds:
            self._held = b""
            self._send_now(held + data)
        else:
            self._send_now(data)

    def flush(self) -> bool:
        """Send held bytes; return True if nothing waits."""
        held = self._held
        if len(held) > 0:
            self._held = b""
            self._send_now(held)
        return self._queued == 0

    def _send_now(self, data: bytes) -> None:
        try:
            sent = self._send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._broken()
            return
        if sent < len(data):
            self._enqueue(memoryview(data)[sent:])
            self._watch()

    def writeSequence(self, data: Any) -> None:
        """Send all of them."""
        self.write(b"".join(data))

    def _enqueue(self, data: Any) -> None:
        if self.disconnecting or not data:
            return
        self._queue.append(data)
        self._queued += len(data)
        if self._producer is not None and not self._producer_paused:
            if self._queued > _HIGH_WATER:
                self._producer_paused = True
                self._producer.pauseProducing()

    def _forget_queued(self) -> None:
        self._queue.clear()
        self._queued = 0

    def _write_queued(self) -> None:
        queue = self._queue
        try:
            while queue:
                data = queue[0]
                sent = self._send(data)
                self._queued -= sent
                if sent < len(data):
                    queue[0] = memoryview(data)[sent:]
                    return
                queue.popleft()
        except BlockingIOError:
            return
        except OSError:
            self.connectionLost(self._last_words())
            return
        self._watch()
        if self.disconnecting:
            self._close()
        elif self._producer is not None and (self._producer_paused or not self._streaming):
            self._producer_paused = False
            self._producer.resumeProducing()

    def _broken(self) -> None:
        """End after a failed write; the protocol hears of the loss in a turn of its own, as it
        expects."""
        self.disconnecting = True
        self._stop_reading()
        self.hub.soon(self.connectionLost, self._last_words())

    def _last_words(self) -> Failure:
        """Why a write has failed, as far as the peer has said so."""
        return LOST

    def loseConnection(self) -> None:
        """Send what waits, then close."""
        if self.disconnecting:
            return
        nothing_waits = self.flush()
        self.disconnecting = True
        self._stop_reading()
        if nothing_waits:
            self.hub.soon(self._close)
        else:
            self._linger = self.outer.reactor.callLater(LINGER, self.abortConnection)

    def _close(self) -> None:
        self.connectionLost(DONE)

    def abortConnection(self) -> None:
        """Close now; the peer sees a reset."""
        if not self.connected:
            return
        self.disconnecting = True
        self._stop_reading()
        self._forget_queued()
        self._watch()
        aborted = Failure(ConnectionAborted())
        self.hub.soon(self.connectionLost, aborted)

    def _stop_reading(self) -> None:
        if self._reading:
            self._reading = False
            self._watch()

    def getPeer(self) -> Any:
        """The peer's address."""
        return self.outer.getPeer()

    def getHost(self) -> Any:
        """Our own."""
        return self.outer.getHost()

    def getHandle(self) -> Any:
        """The socket."""
        return self.outer.socket

    # -- flow control ---------------------------------------------------------------------------

    def pauseProducing(self) -> None:
        """Stop reading."""
        self._stop_reading()

    def resumeProducing(self) -> None:
        """Read again."""
        if not self._reading and not self.disconnecting:
            self._reading = True
            self._watch()

    def stopProducing(self) -> None:
        """There is no use in reading on."""
        self.loseConnection()

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Have ``producer`` paused while much waits to be written."""
        if self._producer is not None:
            raise RuntimeError("a producer is registered already")
        if not self.connected:
            producer.stopProducing()
            return
        self._producer, self._streaming = producer, streaming
        self._producer_paused = False
        if not streaming:
            producer.resumeProducing()

    def unregisterProducer(self) -> None:
        """There is none any more."""
        self._producer = None


# Not as a decorator: compiled classes have none.
classImplements(SocketTransport, IDirectTransport, IConsumer)
