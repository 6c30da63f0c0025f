"""A bare relay: one loop over epoll in Python that copies bytes, and does nothing else.

What any proxy in Python must cost at least: ``python bench/relay.py PORT DATABASE_PORT``.
"""

from __future__ import annotations

import select
import socket
import sys


def main() -> None:
    """Until it is killed."""
    port, database = map(int, sys.argv[1:])
    listener = socket.create_server(("127.0.0.1", port), backlog=128)
    epoll = select.epoll()
    epoll.register(listener, select.EPOLLIN)
    peers: dict[int, tuple[socket.socket, socket.socket]] = {}
    while True:
        for fd, _ in epoll.poll():
            if fd == listener.fileno():
                pair = listener.accept()[0], socket.create_connection(("127.0.0.1", database))
                for one, other in (pair, pair[::-1]):
                    one.setblocking(False)
                    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    epoll.register(one, select.EPOLLIN)
                    peers[one.fileno()] = (one, other)
            elif fd in peers:
                carry(epoll, peers, *peers[fd])


def carry(epoll: select.epoll, peers: dict, one: socket.socket, other: socket.socket) -> None:
    """Carry bytes from one side to the other, or end both."""
    try:
        try:
            data = one.recv(65536)
        except BlockingIOError:
            # The event was of a socket that had this number before, and is closed.
            return
        if data:
            sent = other.send(data)
            if sent < len(data):
                # Rare with small statements: then it waits as a blocking socket would.
                other.setblocking(True)
                other.sendall(data[sent:])
                other.setblocking(False)
            return
    except OSError:
        pass
    for side in (one, other):
        del peers[side.fileno()]
        epoll.unregister(side)
        side.close()


if __name__ == "__main__":
    main()
