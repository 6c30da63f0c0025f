"""A listener that passes connections on and keeps what both sides say."""

from __future__ import annotations

import socket
import threading

_READ = 1 << 16


class Tap:
    """Passes on to a loopback ``port``.  As ``acraserver`` it takes the trace context at the
    beginning of each connection for itself and says nothing of its own, as Acra's server does
    behind a plain link."""

    def __init__(self, port: int, acraserver: bool = False) -> None:
        self._target = port
        self._acraserver = acraserver
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        #: Of each connection that has ended: what the client said, and what it was answered.
        self.ended: list[tuple[bytes, bytes]] = []
        self._threads: list[threading.Thread] = []
        self._run(self._accept)

    def _run(self, target, *arguments) -> threading.Thread:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()
        return thread

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            self._run(self._serve, near)

    def _serve(self, near: socket.socket) -> None:
        said, answered = bytearray(), bytearray()
        with near, socket.create_connection(("127.0.0.1", self._target)) as far:
            if self._acraserver:
                size = int.from_bytes(_exactly(near, 4), "little")
                _exactly(near, size)
            upwards = self._run(_carry, near, far, said)
            _carry(far, near, answered)
            upwards.join(10)
        self.ended.append((bytes(said), bytes(answered)))

    def stop(self) -> None:
        """Accept no more."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


def _exactly(source: socket.socket, size: int) -> bytes:
    data = source.recv(size, socket.MSG_WAITALL) if size else b""
    assert len(data) == size, "the peer has gone in the middle"
    return data


def _carry(source: socket.socket, sink: socket.socket, kept: bytearray) -> None:
    """Until the source ends; then the sink is told."""
    try:
        while data := source.recv(_READ):
            kept += data
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        for peer in (source, sink):
            try:
                peer.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
