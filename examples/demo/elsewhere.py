"""A way between a connector and its server, so that the server sees the connector where it would be
on another machine: at an address of its own."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

HERE = "127.0.0.1"
#: An address of this machine that nothing else of the demo has.
ADDRESS = "127.0.0.2"
_SIZE = 1 << 16


class Way:
    """Takes connections on a port of its own, once it has begun, and makes one from `ADDRESS` to
    the server's port for each.  Where a machine has no such address, they come from the usual one.
    """

    def __init__(self) -> None:
        self._listener = socket.create_server((HERE, 0))
        self.port: int = self._listener.getsockname()[1]

    def begin(self, server_port: int) -> None:
        """Lead to a port; it ends with the process."""
        threading.Thread(target=self._accept, args=(server_port,), daemon=True).start()

    def end(self) -> None:
        """Take no further connections."""
        self._listener.close()

    def _accept(self, server_port: int) -> None:
        with suppress(OSError):
            while True:
                connector, _ = self._listener.accept()
                server = _dial(server_port)
                if server is None:
                    connector.close()
                    continue
                for ends in ((connector, server), (server, connector)):
                    threading.Thread(target=_copy, args=ends, daemon=True).start()


def has_address() -> bool:
    """Return True if this machine has `ADDRESS`; some systems have one of loopback alone."""
    with socket.socket() as tried:
        try:
            tried.bind((ADDRESS, 0))
        except OSError:
            return False
    return True


def _dial(port: int) -> socket.socket | None:
    for source in ((ADDRESS, 0), None):
        with suppress(OSError):
            return socket.create_connection((HERE, port), source_address=source)
    return None


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(_SIZE):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
