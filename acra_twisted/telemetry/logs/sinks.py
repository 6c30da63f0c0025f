"""Where log lines go: a stream, a file that can be rotated, syslog, journald.

None of them ever raises or waits: a line that cannot be written is lost and counted, the
connection that it tells of is not.
"""

from __future__ import annotations

import os
import socket
from collections import deque
from datetime import UTC, datetime
from typing import Any, TextIO
from urllib.parse import urlsplit

from twisted.application.internet import ClientService
from twisted.internet.protocol import Factory, Protocol
from twisted.logger import LogEvent, LogLevel

from acra_twisted import events
from acra_twisted.errors import ConfigError
from acra_twisted.eventtable import syslog_severity
from acra_twisted.hosts import host
from acra_twisted.lines import Lines, is_cut
from acra_twisted.optionkinds import Address, Kind
from acra_twisted.transport.endpoints import client_endpoint
from acra_twisted.transport.keepalive import KeepAlive
from acra_twisted.wire.formats import syslog

#: Twisted's levels to syslog's severities.
SEVERITIES = {
    LogLevel.debug: 7,
    LogLevel.info: 6,
    LogLevel.warn: 4,
    LogLevel.error: 3,
    LogLevel.critical: 2,
}
JOURNAL = "/run/systemd/journal/socket"
_WAITING_MAX = 1000
#: The fields of events that the journal has as fields of its own.
_JOURNALLED = (
    *("code", "client_id", "session_id", "trace_id", "span_id", "stage", "rule"),
    *("peer", "user", "database", "action", "outcome"),
)
#: For a receiver of log lines, which never has anything to say.
_KEEPALIVE = KeepAlive(60, 15, 4)


class SyslogAddress(Kind):
    """``unix:///dev/log``, ``udp://host:514`` or ``tcp://host:514``; empty means none."""

    noun = "unix:///path, udp://host:port or tcp://host:port"

    def parse(self, text: str) -> str:
        text = text.strip()
        if not text:
            return ""
        try:
            parts = urlsplit(text)
            if parts.hostname:
                host(parts.hostname)
            fine = (parts.scheme == "unix" and not parts.netloc and len(parts.path) > 1) or (
                parts.scheme in ("udp", "tcp")
                and bool(parts.hostname)
                and parts.port is not None
                and not parts.path
            )
        except ValueError:
            fine = False
        if not fine:
            raise ValueError(f"expected {self.noun}")
        return text


class StreamSink:
    """Standard error, mostly.  Where it is a file it is written past its buffer, which would keep
    a part of what could not be written."""

    place = "standard error"

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.lost = 0
        self.why = ""
        try:
            self._lines: Lines | None = Lines(stream.fileno())
        except (OSError, ValueError):
            self._lines = None

    def send(self, line: str, event: LogEvent) -> bool:
        """Write a line; False if it is lost."""
        try:
            if self._lines is not None:
                self._lines.append(_encoded(line))
            else:
                self._stream.write(line + "\n")
                self._stream.flush()
        except (OSError, ValueError) as error:
            self.lost += 1
            self.why = getattr(error, "strerror", None) or str(error)
            return False
        return True

    def reopen(self) -> None:
        """It stays what it is."""

    def close(self) -> None:
        """It is not ours."""


def _encoded(line: str) -> bytes:
    return (line + "\n").encode("utf-8", "backslashreplace")


class FileSink:
    """Appends whole lines to a file, made with mode 0600.  Raises ConfigError if it cannot be.

    ``alone``: no other process may write it, for lines of two would break a chain.
    """

    def __init__(self, option: str, path: str, alone: bool = False) -> None:
        self._option, self._path, self._alone = option, path, alone
        self.lost = 0
        self.why = ""
        #: How people name it.
        self.place = f"{option} ({path})"
        self._lines = self._open()

    def _open(self) -> Lines:
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError as error:
            raise ConfigError(
                f"{self._option}: cannot write {self._path}: {error.strerror}"
            ) from None
        if self._alone:
            import fcntl

            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(descriptor)
                raise ConfigError(
                    f"{self._option}: another process writes {self._path}; an audit log is one "
                    f"process' own"
                ) from None
        return Lines(descriptor, is_cut(self._path))

    def send(self, line: str, event: LogEvent) -> bool:
        """Write a line; False if it is lost."""
        try:
            self._lines.append(_encoded(line))
        except OSError as error:
            self.lost += 1
            self.why = error.strerror or ""
            return False
        return True

    def reopen(self) -> None:
        """After logrotate has moved it away: a new file of the same name, if there can be one."""
        try:
            if os.path.samestat(os.fstat(self._lines.descriptor), os.stat(self._path)):
                return  # still there; our own lock would keep it from being opened twice
        except OSError:
            pass  # moved away: the usual case
        try:
            lines = self._open()
        except ConfigError:
            self.lost += 1
            return
        old, self._lines = self._lines, lines
        os.close(old.descriptor)

    def close(self) -> None:
        """Close the file."""
        os.close(self._lines.descriptor)


class _Datagrams:
    """Sends datagrams without waiting; a socket that broke is made anew with the next one."""

    def __init__(self, family: int, target: Any) -> None:
        self._family, self._target = family, target
        self._socket: socket.socket | None = None
        self.lost = 0
        self.why = ""

    def put(self, data: bytes) -> bool:
        """Send; False if it is lost."""
        try:
            if self._socket is None:
                self._socket = socket.socket(self._family, socket.SOCK_DGRAM)
                self._socket.setblocking(False)
                self._socket.connect(self._target)
            self._socket.send(data)
        except OSError as error:
            self.lost += 1
            self.why = error.strerror or ""
            self.close()
            return False
        return True

    def reopen(self) -> None:
        """There is no file."""

    def close(self) -> None:
        """Close the socket."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class SyslogSink:
    """``send`` makes messages; ``carrier`` brings them away."""

    place = "log_to_syslog"

    def __init__(self, program: str, carrier: Any) -> None:
        self._program = program
        self._host = socket.gethostname()
        self._carrier = carrier

    @property
    def lost(self) -> int:
        """Messages that could not be sent."""
        return int(self._carrier.lost)

    @property
    def why(self) -> str:
        """Why the last one of these could not be."""
        return str(self._carrier.why)

    def send(self, line: str, event: LogEvent) -> bool:
        """One message with the whole line; False if it is lost."""
        message = syslog.encode(
            severity(event),
            timestamp(event),
            self._host,
            self._program,
            os.getpid(),
            event.get("code", events.GENERAL),
            line,
        )
        return bool(self._carrier.put(message))

    def reopen(self) -> None:
        """There is no file."""

    def close(self) -> None:
        """Close what messages go through."""
        self._carrier.close()


class JournalSink(_Datagrams):
    """journald's own protocol: every field of an event is one of the journal's."""

    place = "log_to_journald"

    def __init__(self, program: str, path: str = JOURNAL) -> None:
        super().__init__(socket.AF_UNIX, path)
        self._program = program

    def send(self, line: str, event: LogEvent) -> bool:
        """The line is the message; fields begin with ACRA_.  False if it is lost."""
        fields = {
            "MESSAGE": line,
            "PRIORITY": str(severity(event)),
            "SYSLOG_IDENTIFIER": self._program,
        }
        for name in _JOURNALLED:
            if event.get(name) not in (None, ""):
                fields[f"ACRA_{name}"] = str(event[name])
        return self.put(syslog.encode_journal(fields))


class _Stream(Protocol):
    def connectionMade(self) -> None:
        self.factory.connected(self)

    def connectionLost(self, reason: Any = None) -> None:
        self.factory.disconnected()


class TcpCarrier(Factory):
    """Messages over a TCP connection that is made anew when it breaks; a bounded number waits."""

    why = f"the receiver cannot be reached, or does not read, and {_WAITING_MAX} lines wait"

    protocol = _Stream
    noisy = False

    def __init__(self) -> None:
        self._waiting: deque[bytes] = deque()
        self._transport: Any = None
        self._full = False
        self.lost = 0

    def service(self, reactor: Any, host: str, port: int) -> ClientService:
        """Return the service that connects, and reconnects, while it runs."""
        endpoint = client_endpoint(reactor, Address(host, port), 5, _KEEPALIVE)
        return ClientService(endpoint, self, clock=reactor)

    def put(self, data: bytes) -> bool:
        """Send now, or when the connection stands; False if too many wait."""
        if self._transport is not None and not self._full:
            self._transport.write(syslog.frame(data))
        elif len(self._waiting) < _WAITING_MAX:
            self._waiting.append(data)
        else:
            self.lost += 1
            return False
        return True

    def close(self) -> None:
        """Its service does that."""

    def connected(self, protocol: Protocol) -> None:
        """The connection stands."""
        self._transport = protocol.transport
        self._full = False
        self._transport.registerProducer(self, True)
        self.resumeProducing()

    def disconnected(self) -> None:
        """It is gone; ClientService makes another."""
        self._transport = None

    def pauseProducing(self) -> None:
        """Twisted: the receiver does not read."""
        self._full = True

    def resumeProducing(self) -> None:
        """Twisted: it does again."""
        self._full = False
        while self._waiting and not self._full and self._transport is not None:
            self._transport.write(syslog.frame(self._waiting.popleft()))

    def stopProducing(self) -> None:
        """Twisted: the connection is being lost."""


def timestamp(event: LogEvent) -> str:
    """When it happened: RFC 3339, UTC, milliseconds."""
    moment = datetime.fromtimestamp(event.get("log_time", 0.0), UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def severity(event: LogEvent) -> int:
    """Syslog's number for an event: of security events the table's, else that of its level."""
    level = SEVERITIES.get(event.get("log_level", LogLevel.info), 6)
    return syslog_severity(event.get("code", events.GENERAL), level)


def make_syslog(program: str, address: str, reactor: Any) -> tuple[SyslogSink, Any]:
    """A sink, and the service that it needs or None.  Raises ConfigError."""
    parts = urlsplit(address)
    if parts.scheme == "unix":
        return SyslogSink(program, _Datagrams(socket.AF_UNIX, parts.path)), None
    host, port = str(parts.hostname), int(parts.port or 0)
    if parts.scheme == "tcp":
        carrier = TcpCarrier()
        return SyslogSink(program, carrier), carrier.service(reactor, host, port)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    except OSError as error:
        raise ConfigError(f"log_to_syslog: cannot find {host}: {error.strerror}") from None
    return SyslogSink(program, _Datagrams(found[0], found[4])), None
