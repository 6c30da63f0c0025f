"""A login and nothing else, in a loop: ``python bench/loginloop.py PORT DATABASE CERTIFICATE KEY
[VERIFIERS]``.

Makes the same messages as AcraServer with TLS on both sides, one client after the other, with
sockets that wait: the floor under `logins.logins`.  ``DATABASE`` is a port.  With a file of
verifiers clients log in by SCRAM that is bound to both certificates, without one nobody is asked.
"""

from __future__ import annotations

import os
import socket
import sys
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from OpenSSL import SSL, crypto

from acra_twisted.wire import scram
from acra_twisted.wire.postgres import backend, frontend
from acra_twisted.wire.postgres.frames import SSL_REQUEST_PACKET, message

_RECORD = 16 * 1024
_READY = b"Z\0\0\0\5I"


class Loop:
    """Serves clients with ``certificate`` and ``key``; ``verifier`` is everybody's, None if nobody
    is asked."""

    def __init__(self, database: int, certificate: str, key: str, verifier: bytes | None) -> None:
        self._database = database
        self._verifier = verifier
        self._served = SSL.Context(SSL.TLS_SERVER_METHOD)
        self._served.use_certificate_chain_file(certificate)
        self._served.use_privatekey_file(key)
        self._served.set_session_id(b"loop")
        self._connects = SSL.Context(SSL.TLS_CLIENT_METHOD)
        own = x509.load_pem_x509_certificate(Path(certificate).read_bytes())
        self._end_point = own.fingerprint(SHA256())
        # The session with the database, to be resumed.
        self._session: Any = None

    def serve(self, near: socket.socket) -> None:
        """Serve one client.  Raises SSL.Error, OSError and ValueError if it goes before its end."""
        near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if len(near.recv(8)) < 8:
            return
        near.send(b"S")
        client = SSL.Connection(self._served, near)
        client.set_accept_state()
        client.do_handshake()
        startup = client.recv(_RECORD)
        proof = None if self._verifier is None else self._ask(client, self._verifier)
        with socket.create_connection(("127.0.0.1", self._database)) as far:
            far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            far.send(SSL_REQUEST_PACKET)
            far.recv(1)
            database = SSL.Connection(self._connects, far)
            database.set_connect_state()
            if self._session is not None:
                database.set_session(self._session)
            database.do_handshake()
            shown = crypto.dump_certificate(crypto.FILETYPE_ASN1, database.get_peer_certificate())
            end_point = sha256(shown).digest()
            database.send(startup)
            said = database.recv(_RECORD)
            if self._session is None:
                self._session = database.get_session()
            if proof is not None:
                said = self._log_in(database, said, end_point, *proof)
            client.send(said)
            while not said.endswith(_READY):
                said = database.recv(_RECORD)
                client.send(said)
            database.send(client.recv(_RECORD))
            for connection in (database, client):
                connection.shutdown()

    def _ask(self, client: SSL.Connection, secret: bytes) -> tuple[scram.Verifier, bytes, bytes]:
        """Return the verifier, the client's key, and the last message to the client."""
        verifier = scram.read_verifier(secret)
        offered = [scram.PLUS, scram.PLAIN]
        talk = scram.ServerConversation(verifier, _nonce(), offered, self._end_point)
        client.send(backend.encode_sasl(offered))
        mechanism, _, first = client.recv(_RECORD)[5:].partition(b"\0")
        answer = talk.begin(mechanism, first[4:])
        client.send(backend.encode_authentication(backend.AUTH_SASL_CONTINUE, answer))
        key = talk.finish(client.recv(_RECORD)[5:])
        if key is None:
            raise ValueError("a wrong password")
        return verifier, key, talk.last

    def _log_in(
        self,
        database: SSL.Connection,
        said: bytes,
        end_point: bytes,
        verifier: scram.Verifier,
        key: bytes,
        last: bytes,
    ) -> bytes:
        """Return what the client is told of it."""
        choice = scram.choose(backend.sasl_mechanisms(said[5:]), True, end_point)
        talk = scram.ClientConversation(choice, _nonce())
        database.send(frontend.encode_sasl_initial(choice.mechanism, talk.first))
        talk.challenged(database.recv(_RECORD)[9:])
        database.send(message(b"p", talk.answer(scram.Keys(key, verifier.server_key))))
        said = database.recv(_RECORD)
        end = 1 + int.from_bytes(said[1:5], "big")
        if not talk.accepted(said[9:end]):
            raise ValueError("not the database")
        return backend.encode_authentication(backend.AUTH_SASL_FINAL, last) + said[end:]


def _nonce() -> bytes:
    return b64encode(os.urandom(18))


def main() -> None:
    """Serve until it is stopped."""
    port, database, certificate, key, *verifiers = sys.argv[1:]
    secret = Path(verifiers[0]).read_bytes().split(b'"')[3] if verifiers else None
    loop = Loop(int(database), certificate, key, secret)
    listener = socket.create_server(("127.0.0.1", int(port)), backlog=128)
    while True:
        near = listener.accept()[0]
        with near:
            try:
                loop.serve(near)
            except (SSL.Error, OSError, ValueError):
                pass  # whoever only looked whether there is somebody


if __name__ == "__main__":
    main()
