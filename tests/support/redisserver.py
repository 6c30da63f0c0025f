"""A server that speaks Redis' protocol, as far as token stores ask for it."""

from __future__ import annotations

from twisted.internet.protocol import Factory, Protocol

from tests.support.tokenstores import MemoryRedis


def encoded(answer):
    """An answer in Redis' protocol; an exception is an error."""
    if answer is None:
        return b"$-1\r\n"
    if isinstance(answer, Exception):
        return b"-%b\r\n" % str(answer).encode()
    if isinstance(answer, int):
        return b":%d\r\n" % answer
    if isinstance(answer, str):
        return b"+%b\r\n" % answer.encode()
    if isinstance(answer, bytes):
        return b"$%d\r\n%b\r\n" % (len(answer), answer)
    return b"*%d\r\n" % len(answer) + b"".join(map(encoded, answer))


def taken(data):
    """The first whole command of bytes and what is behind it; None for a command that is not
    whole."""
    head, end, rest = data.partition(b"\r\n")
    words = []
    for _ in range(int(head[1:]) if end else 0):
        size, end, rest = rest.partition(b"\r\n")
        if not end or len(rest) < int(size[1:]) + 2:
            return None, data
        words.append(rest[: int(size[1:])])
        rest = rest[int(size[1:]) + 2 :]
    return (words, rest) if words else (None, data)


class _Connection(Protocol):
    data = b""

    def connectionMade(self):
        self.factory.connections.append(self)

    def connectionLost(self, reason):
        self.factory.connections.remove(self)

    def dataReceived(self, data):
        self.data += data
        while self.transport is not None:
            words, self.data = taken(self.data)
            if words is None:
                return
            self.factory.words.append(words)
            answer = self.factory.answer(*words)
            if answer is not self.factory.SILENT:
                self.transport.write(encoded(answer))


class RedisServer(Factory):
    """``refusals`` are errors for the next commands of a login, ``silent`` lets nothing be
    answered."""

    protocol = _Connection
    noisy = False
    SILENT = object()

    def __init__(self, password=b"", username=b""):
        self.login = [word for word in (username, password) if word]
        self.redis = MemoryRedis()
        self.refusals = []
        self.silent = False
        self.connections = []
        self.words = []

    def answer(self, name, *words):
        if self.silent:
            return self.SILENT
        if name in (b"AUTH", b"SELECT") and self.refusals:
            return ValueError(self.refusals.pop(0))
        if name == b"AUTH":
            return "OK" if list(words) == self.login else ValueError("WRONGPASS no such user")
        if name == b"SELECT":
            return "OK"
        if name == b"BAD":
            return ValueError("ERR unknown command")
        return self.redis.answer(name, *words)
