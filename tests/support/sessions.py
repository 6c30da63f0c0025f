"""Sessions for tests: an observer that records, a clock that counts, fake channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zope.interface import implementer

from acra_twisted.dialects.postgresql.prepared import Prepared
from acra_twisted.exchange import Exchange
from acra_twisted.interfaces import IPipelineObserver
from acra_twisted.session import Identity, Session
from acra_twisted.wire.postgres import backend
from acra_twisted.wire.postgres.frames import message


@implementer(IPipelineObserver)
class Recorder:
    """Keeps what it is told, in order."""

    def __init__(self) -> None:
        self.opened: list[Exchange] = []
        self.closed: list[Exchange] = []
        self.events: list[tuple[Any, ...]] = []
        self.failures: list[tuple[str, Any]] = []
        self.stages: list[tuple[str, Any]] = []
        self.sessions: list[str] = []
        self.containers: list[tuple[str, int, int]] = []
        self.columns: dict[tuple[str, str], int] = {}

    def session_opened(self, session):
        self.sessions.append("opened")

    def session_closed(self, session, reason):
        self.sessions.append(reason)

    def exchange_opened(self, exchange):
        self.opened.append(exchange)

    def exchange_closed(self, exchange):
        self.closed.append(exchange)

    def stage_refused(self, stage, work, verdict):
        self.stages.append((stage, verdict))

    def stage_failed(self, stage, work, failure):
        self.failures.append((stage, failure))

    def containers_read(self, exchange, kind, opened, failed):
        self.containers.append((kind, opened, failed))

    def column_values(self, exchange, counts):
        for (setting, action), number in counts.items():
            key = setting.label, action
            self.columns[key] = self.columns.get(key, 0) + number

    def values(self, action):
        """The number of all values that had a fate."""
        return sum(number for key, number in self.columns.items() if key[1] == action)

    def security_event(self, code, text, session, exchange, **fields):
        self.events.append((code, text))

    @property
    def outcomes(self):
        return [(exchange.kind, exchange.outcome) for exchange in self.closed]


class Ticks:
    """A clock of nanoseconds that goes on by one at each look."""

    def __init__(self, start: int = 1_000_000_000) -> None:
        self.now = start

    def __call__(self) -> int:
        self.now += 1
        return self.now


def make_session(ready: bool = True, observer: Any = None, prepared: int = 100) -> Session:
    """A session past its startup (or not)."""
    session = Session(1, Identity("client", "127.0.0.1", True), observer or Recorder(), Ticks())
    session.system = session.language = "postgresql"
    session.prepared = Prepared(prepared)
    session.ready = ready
    return session


class FakeTransport:
    """Counts pauses; keeps the producer."""

    def __init__(self) -> None:
        self.paused = 0
        self.producer: Any = None

    def pauseProducing(self):
        self.paused += 1

    def resumeProducing(self):
        self.paused -= 1


class FakeChannel:
    """Keeps what is written, each write apart."""

    def __init__(self) -> None:
        self.transport = FakeTransport()
        self.writes: list[bytes] = []
        self.state = "open"

    def write(self, data):
        assert isinstance(data, bytes) and data
        self.writes.append(data)

    def register(self, producer):
        self.transport.producer = producer

    @property
    def sender(self):
        return self.write

    def close(self):
        self.state = "closed"

    def abort(self):
        self.state = "aborted"

    @property
    def data(self) -> bytes:
        return b"".join(self.writes)


def query(text: bytes) -> bytes:
    return message(b"Q", text + b"\0")


def parse(name: bytes, text: bytes) -> bytes:
    return message(b"P", name + b"\0" + text + b"\0\0\0")


def _values(values: Sequence[bytes | None]) -> bytes:
    """Their number, and each behind its length."""
    return len(values).to_bytes(2, "big") + b"".join(
        b"\xff\xff\xff\xff" if value is None else len(value).to_bytes(4, "big") + value
        for value in values
    )


def bind(
    portal: bytes, name: bytes, values: Sequence[bytes | None] = (), binary: bool = False
) -> bytes:
    formats = b"\0\1\0\1" if binary else b"\0\0"
    return message(b"B", portal + b"\0" + name + b"\0\0\0" + _values(values) + formats)


def describe(kind: bytes, name: bytes) -> bytes:
    return message(b"D", kind + name + b"\0")


def execute(portal: bytes = b"", rows: int = 0) -> bytes:
    return message(b"E", portal + b"\0" + rows.to_bytes(4, "big"))


def call(function: int, values: Sequence[bytes | None]) -> bytes:
    return message(b"F", function.to_bytes(4, "big") + b"\0\0" + _values(values) + b"\0\0")


def close(kind: bytes, name: bytes) -> bytes:
    return message(b"C", kind + name + b"\0")


SYNC = message(b"S", b"")
FLUSH = message(b"H", b"")
TERMINATE = message(b"X", b"")
PARSE_COMPLETE = message(b"1", b"")
BIND_COMPLETE = message(b"2", b"")
CLOSE_COMPLETE = message(b"3", b"")
NO_DATA = message(b"n", b"")


def columns(*names: bytes) -> bytes:
    body = b"".join(
        name + b"\0" + b"\0" * 4 + b"\0\0" + b"\0\0\0\x19" + b"\xff\xff" + b"\xff" * 4 + b"\0\0"
        for name in names
    )
    return message(b"T", len(names).to_bytes(2, "big") + body)


def row(*values: bytes | None) -> bytes:
    return message(b"D", _values(values))


def complete(tag: bytes) -> bytes:
    return message(b"C", tag + b"\0")


def error(sqlstate: bytes = b"22012", text: str = "division by zero") -> bytes:
    return backend.encode_error(b"ERROR", sqlstate, text)


def ready(status: bytes = b"I") -> bytes:
    return backend.encode_ready(status)


def messages(data: bytes) -> list[tuple[str, bytes]]:
    """Type and body of each message; the data must end with a whole one."""
    found = []
    position = 0
    while position < len(data):
        length = int.from_bytes(data[position + 1 : position + 5], "big")
        end = position + 1 + length
        assert end <= len(data), "a message is cut"
        found.append((chr(data[position]), data[position + 5 : end]))
        position = end
    return found


def types(data: bytes) -> str:
    """The message types, one letter each."""
    return "".join(kind for kind, _ in messages(data))
