"""Machines of the service's own connections to MySQL, played against a server in memory."""

from acra_twisted.dialects.mysql.servicequery import ServiceQuery
from acra_twisted.queryactions import Send, StartTLS
from acra_twisted.wire.mysql import capabilities as bits
from acra_twisted.wire.mysql.frames import packets
from acra_twisted.wire.mysql.handshake import decode_greeting
from tests.support.mysqllogins import MARIADB, OK, written

#: Both forms of a greeting.
PLAIN = decode_greeting(MARIADB)
GREETING = PLAIN.showing(PLAIN.capabilities & ~bits.SSL, PLAIN.extended)
TLS_GREETING = PLAIN.showing(PLAIN.capabilities | bits.SSL, PLAIN.extended)
EOF = b"\xfe\0\0\2\0"
DEFINITION = b"\3def"
OPENING = b"\3SET NAMES utf8mb4"


def answer(*rows, first=1):
    """The packets of a result; rows are lists of cells."""
    columns = len(rows[0]) if rows else 1
    said = [bytes((columns,)), *([DEFINITION] * columns), EOF]
    said += [b"".join(map(_cell, row)) for row in rows]
    return numbered([*said, EOF], first)


def numbered(payloads, first=1):
    """Packets with the numbers that follow one another."""
    return b"".join(
        packets(payload, (first + number) & 0xFF) for number, payload in enumerate(payloads)
    )


def _cell(value):
    if value is None:
        return b"\xfb"
    size = len(value)
    return (bytes((size,)) if size < 251 else b"\xfc" + size.to_bytes(2, "little")) + value


class Played:
    """A machine and what it has sent: ``said`` are numbers and payloads, ``done`` other actions."""

    def __init__(self, account):
        self.query = ServiceQuery(account)
        self.said, self.done, self.tls = [], [], 0
        self.perform(self.query.begin(False, None))

    def perform(self, actions):
        for action in actions:
            if isinstance(action, Send):
                self.said += written(action.data)
            elif isinstance(action, StartTLS):
                self.tls += 1
                self.perform(self.query.tls_started())
            else:
                self.done.append(action)

    def hear(self, payload, number, pieces=None):
        """The server says a packet."""
        self.feed(packets(payload, number), pieces)

    def feed(self, data, pieces=None):
        size = pieces or max(len(data), 1)
        for at in range(0, len(data), size):
            self.perform(self.query.feed(data[at : at + size]))

    def log_in(self, greeting=GREETING, pieces=None):
        self.hear(greeting, 0, pieces)
        self.admit(pieces)
        return self

    def admit(self, pieces=None):
        """The server lets the user in, and takes the statement with which a connection begins."""
        self.hear(OK, self.said[-1][0] + 1, pieces)
        assert self.said[-1] == (0, OPENING), self.said
        self.hear(OK, 1, pieces)

    def ask(self, text=b"SELECT 1"):
        self.said.clear(), self.done.clear()
        self.perform(self.query.ask(text))
