"""A man in the middle of PostgreSQL's protocol: he has a certificate of his own, which the client
accepts, and TLS of his own with the server."""

from __future__ import annotations

import select
import socket
import ssl
import threading
from pathlib import Path

from acra_twisted.wire.postgres.frames import STARTUP_HEADER

SSL_REQUEST = bytes.fromhex("0000000804d2162f")
_PLUS = b"SCRAM-SHA-256-PLUS\0"
_LIST = 10

#: He changes nothing; he takes the bound mechanism off the list; he tells the client that there is
#: no TLS.
UNCHANGED, NO_PLUS, NO_TLS = WAYS = ("unchanged", "no PLUS", "no TLS")


class MiddleMan:
    """Relays each connection to ``port`` on loopback, in a way of `WAYS`.  ``pair`` has the files
    of his certificate and its key."""

    def __init__(self, port: int, way: str, pair: tuple[Path, Path]) -> None:
        self._port = port
        self._way = way
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(*pair)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=16)
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> MiddleMan:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client:
            try:
                self._relay(client)
            except OSError:
                # One of them has hung up.
                return

    def _relay(self, client: socket.socket) -> None:
        first = _exactly(client, STARTUP_HEADER.size)
        if first == SSL_REQUEST:
            if self._way == NO_TLS:
                client.sendall(b"N")
            else:
                client.sendall(b"S")
                client = self._context.wrap_socket(client, server_side=True)
            first = b""
        with client, encrypted(self._port) as server:
            server.sendall(first)
            carry(client, server, self._change if self._way == NO_PLUS else _nothing)

    @staticmethod
    def _change(said: bytes) -> bytes:
        """Take PLUS off the list of mechanisms, which comes in one piece."""
        if said[:1] == b"R" and int.from_bytes(said[5:9]) == _LIST and _PLUS in said:
            size = int.from_bytes(said[1:5])
            body = said[5 : 1 + size].replace(_PLUS, b"")
            said = b"R" + (4 + len(body)).to_bytes(4) + body + said[1 + size :]
        return said


def _nothing(said: bytes) -> bytes:
    return said


def encrypted(port: int) -> ssl.SSLSocket:
    """A connection to a server of PostgreSQL's protocol, with TLS; its certificate is
    not verified."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    raw = socket.create_connection(("127.0.0.1", port), 60)
    raw.sendall(SSL_REQUEST)
    if raw.recv(1) != b"S":
        raw.close()
        raise ConnectionError("the server has no TLS")
    return context.wrap_socket(raw)


def carry(client: socket.socket, server: socket.socket, change=_nothing) -> None:
    """Relay between two sockets until one of them ends; ``change`` what the server says."""
    ways = {client: (server, _nothing), server: (client, change)}
    while True:
        pending = [s for s in ways if isinstance(s, ssl.SSLSocket) and s.pending()]
        for source in pending or select.select(list(ways), [], [], 30)[0]:
            target, changed = ways[source]
            source.setblocking(False)
            try:
                said = source.recv(1 << 16)
            except (ssl.SSLWantReadError, BlockingIOError):
                continue
            finally:
                source.settimeout(30)
            if not said:
                return
            target.sendall(changed(said))


def _exactly(peer: socket.socket, size: int) -> bytes:
    got = b""
    while len(got) < size:
        more = peer.recv(size - len(got))
        if not more:
            raise ConnectionError("it has hung up")
        got += more
    return got
