"""A collector that reads spans and forgets them: ``python bench/sink.py PORT``.

One that decodes in Python, as the demo's does, takes more of the two cores than what is measured.
Collectors are on other machines, or are not written in Python.
"""

from __future__ import annotations

import socket
import sys
import threading

_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
_LENGTH = b"content-length:"


def main() -> None:
    """Until it is killed."""
    listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=128)
    while True:
        threading.Thread(target=take, args=(listener.accept()[0],), daemon=True).start()


def take(connection: socket.socket) -> None:
    """Requests of one connection, until it ends."""
    space = memoryview(bytearray(1 << 20))
    head = b""
    while True:
        while b"\r\n\r\n" not in head:
            more = connection.recv(4096)
            if not more:
                return
            head += more
        head, _, rest = head.partition(b"\r\n\r\n")
        lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(_LENGTH)]
        left = int(lengths[0][len(_LENGTH) :]) - len(rest)
        while left > 0:
            read = connection.recv_into(space, min(left, len(space)))
            if not read:
                return
            left -= read
        connection.sendall(_ANSWER)
        # Who waits for the answer sends nothing meanwhile.
        head = b""


if __name__ == "__main__":
    main()
