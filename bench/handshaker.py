"""TLS and nothing else, in a loop: ``python bench/handshaker.py PORT CA CERTIFICATE KEY``.

What a new connection of the link costs with the same settings of TLS where there is no reactor, no
protocol and no session: the floor under `connections.handshakes`.
"""

from __future__ import annotations

import socket
import sys
from typing import Any

from OpenSSL import SSL

from acra_twisted.transport.credentials import Credentials

#: An empty trace context and a request for encryption by GSSAPI.
_REQUEST = 12


class _Transport:
    """Receive the context's report of a peer with a wrong identity."""

    def failVerification(self, reason: Any) -> None:
        """Nobody's name is checked here."""


def main() -> None:
    """Until it is stopped."""
    port, ca, certificate, key = sys.argv[1:]
    settings = {"tls_ca": ca, "tls_cert": certificate, "tls_key": key, "tls_auth": 4}
    context = Credentials(settings).server_context((b"postgresql",))
    listener = socket.create_server(("127.0.0.1", int(port)), backlog=128)
    while True:
        connected = listener.accept()[0]
        connection = context.connection(connected, _Transport(), False)
        try:
            answer(connection)
        except SSL.Error:
            pass  # whoever only looked whether there is somebody
        connection.set_app_data(None)
        connected.close()


def answer(connection: SSL.Connection) -> None:
    """As the server does: no encryption of that kind."""
    connection.do_handshake()
    left = _REQUEST
    while left > 0:
        left -= len(connection.recv(left))
    connection.send(b"N")
    try:
        connection.recv(1)
    except SSL.ZeroReturnError:
        connection.shutdown()


if __name__ == "__main__":
    main()
