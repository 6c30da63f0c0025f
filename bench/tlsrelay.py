"""A relay one side of which is TLS: two in a row are the least that a chain in Python costs.

``python bench/tlsrelay.py PORT TARGET_PORT`` dials by TLS.  With the files of a certificate and of
its key it accepts TLS.  It calls OpenSSL on the socket as the daemons do, one read for a record and
one write for a message, and does nothing else.  Nobody's name is checked.
"""

from __future__ import annotations

import select
import socket
import sys

from OpenSSL import SSL
from OpenSSL._util import ffi, lib

_RECORD = 16 * 1024
_PLAIN = ffi.new("char[]", _RECORD)
#: Seconds for one handshake, during which nobody else is served.
_PATIENCE = 10.0


class Plain:
    """A socket, and how it is read and written."""

    def __init__(self, connected: socket.socket) -> None:
        self.socket = connected
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connected.setblocking(False)

    def read(self) -> bytes:
        """Return what has come.  Raises BlockingIOError if nothing has."""
        return self.socket.recv(65536)

    def write(self, data: bytes) -> int:
        """Return the bytes that the socket takes."""
        return self.socket.send(data)


class Encrypted(Plain):
    """A socket with TLS, after its handshake."""

    def __init__(self, connected: socket.socket, context: SSL.Context, accepts: bool) -> None:
        # OpenSSL waits by itself where a socket blocks, as long as the system lets it.
        limit = int(_PATIENCE).to_bytes(8, sys.byteorder) + bytes(8)
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
        self._connection = SSL.Connection(context, connected)
        (self._connection.set_accept_state if accepts else self._connection.set_connect_state)()
        self._connection.do_handshake()
        self._ssl = self._connection._ssl
        super().__init__(connected)

    def read(self) -> bytes:
        """The plaintext of one record.  Raises BlockingIOError if there is none."""
        size = lib.SSL_read(self._ssl, _PLAIN, _RECORD)
        if size <= 0:
            self._fail(size)
        return ffi.unpack(_PLAIN, size)

    def write(self, data: bytes) -> int:
        """Return the bytes that are taken."""
        size = lib.SSL_write(self._ssl, data, len(data))
        if size <= 0:
            self._fail(size)
        return size

    def _fail(self, result: int) -> None:
        try:
            self._connection._raise_ssl_error(self._ssl, result)
        except (SSL.WantReadError, SSL.WantWriteError):
            raise BlockingIOError from None
        except SSL.Error:
            raise OSError from None


def main() -> None:
    """Until it is killed."""
    port, target = map(int, sys.argv[1:3])
    files = sys.argv[3:]
    context = SSL.Context(SSL.TLS_METHOD)
    if files:
        context.use_certificate_file(files[0])
        context.use_privatekey_file(files[1])
    listener = socket.create_server(("127.0.0.1", port), backlog=128)
    epoll = select.epoll()
    epoll.register(listener, select.EPOLLIN)
    peers: dict[int, tuple[Plain, Plain]] = {}
    while True:
        for fd, _ in epoll.poll():
            if fd == listener.fileno():
                try:
                    pair = connected(listener.accept()[0], target, context, bool(files))
                except (OSError, SSL.Error):
                    # Who only looks whether something listens here, for one.
                    continue
                for one, other in (pair, pair[::-1]):
                    epoll.register(one.socket, select.EPOLLIN)
                    peers[one.socket.fileno()] = (one, other)
            elif fd in peers:
                carry(epoll, peers, *peers[fd])


def connected(
    near: socket.socket, target: int, context: SSL.Context, accepts: bool
) -> tuple[Plain, Plain]:
    """Both sides of a new connection."""
    if accepts:
        link = Encrypted(near, context, True)
        return link, Plain(socket.create_connection(("127.0.0.1", target)))
    far = socket.create_connection(("127.0.0.1", target))
    return Plain(near), Encrypted(far, context, False)


def carry(epoll: select.epoll, peers: dict, one: Plain, other: Plain) -> None:
    """Carry bytes from one side to the other, or end both."""
    try:
        try:
            data = one.read()
        except BlockingIOError:
            return
        if data:
            sent = other.write(data)
            while sent < len(data):
                # Rare with small statements: then it waits as a blocking socket would.
                try:
                    sent += other.write(data[sent:])
                except BlockingIOError:
                    select.select([], [other.socket], [])
            return
    except OSError:
        pass
    for side in (one, other):
        del peers[side.socket.fileno()]
        epoll.unregister(side.socket)
        side.socket.close()


if __name__ == "__main__":
    main()
