"""A database as a service's own connection sees it, in memory: it can be told to misbehave."""

from __future__ import annotations

import struct

from acra_twisted.results import Columns
from acra_twisted.wire import scram
from acra_twisted.wire.postgres import backend, frontend
from acra_twisted.wire.postgres.frames import decode_startup, message

NONCE = b"server's-nonce"
OK = message(b"R", bytes(4))
WELCOME = (
    OK
    + backend.encode_parameter_status(b"server_version", b"18.4")
    + message(b"K", bytes(8))
    + backend.encode_ready(b"I")
)


def verifier(password, salt=b"salty", iterations=1):
    """The verifier of a password."""
    return scram.verifier_of(
        scram.keys_of(scram.salted(password, salt, iterations)), salt, iterations
    )


def description(*names):
    """A RowDescription of columns of type text."""
    count = len(names)
    return backend.encode_row_description(
        Columns(
            list(names),
            [0] * count,
            [25] * count,
            [0] * count,
            "",
            [0] * count,
            [-1] * count,
            [-1] * count,
        )
    )


def row(*values):
    """A DataRow."""
    cells = (
        b"\xff\xff\xff\xff" if value is None else struct.pack(">I", len(value)) + value
        for value in values
    )
    return message(b"D", struct.pack(">H", len(values)) + b"".join(cells))


def answer(*rows):
    """The whole answer to a question."""
    begin = message(b"1", b"") + message(b"2", b"") + description(b"rolname", b"secret")
    return begin + b"".join(row(*each) for each in rows) + end(b"SELECT %d" % len(rows))


def end(tag):
    """The end of an answer."""
    return message(b"C", tag + b"\0") + backend.encode_ready(b"I")


def refusal(sqlstate, text="it says hunter2"):
    """An error of a question."""
    return backend.encode_error(b"ERROR", sqlstate, text) + backend.encode_ready(b"I")


class Server:
    """Reads packets of the service, and answers with bytes.

    ``end_point`` is that of its certificate, None without TLS.  ``users`` has secrets by name.
    """

    def __init__(self, password=b"secret", end_point=None, users=(), iterations=1):
        self.verifier = verifier(password, iterations=iterations)
        self.offered = [scram.PLAIN] if end_point is None else [scram.PLUS, scram.PLAIN]
        self.conversation = scram.ServerConversation(self.verifier, NONCE, self.offered, end_point)
        self.users = dict(users)
        self.startup = None
        self.mechanism = None
        self.asked = []

    def reply(self, data):
        """The answer to what was written at once."""
        if self.startup is None:
            self.startup = decode_startup(data).parameters
            return backend.encode_sasl(self.offered)
        if data[:1] == b"p":
            return self._proof(data[5:])
        bind = data[1 + int.from_bytes(data[1:5], "big") :]
        size = int.from_bytes(bind[1:5], "big")
        (user,) = frontend.decode_bind(bind[5 : 1 + size]).values
        self.asked.append(data)
        return answer((user, self.users[user])) if user in self.users else answer()

    def _proof(self, body):
        if self.mechanism is None:
            self.mechanism, _, rest = body.partition(b"\0")
            first = self.conversation.begin(self.mechanism, rest[4:])
            return message(b"R", b"\0\0\0\x0b" + first)
        if self.conversation.finish(body) is None:
            return backend.encode_error(b"FATAL", b"28P01", "wrong password")
        return message(b"R", b"\0\0\0\x0c" + self.conversation.last) + WELCOME
