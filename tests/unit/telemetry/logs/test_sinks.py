"""Where log lines go, each against a socket that reads what comes."""

import os
import socket
import tempfile

from twisted.internet import reactor  # noqa: TID251 - real sockets
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory, Protocol
from twisted.logger import LogLevel
from twisted.trial.unittest import SynchronousTestCase, TestCase

from acra_twisted.errors import ConfigError
from acra_twisted.telemetry.logs import sinks
from acra_twisted.telemetry.logs.sinks import FileSink, JournalSink, SyslogAddress, make_syslog

EVENT = {
    "log_time": 1638352800.123,
    "log_level": LogLevel.error,
    "code": 560,
    "client_id": "ann",
    "trace_id": "ab" * 16,
    "stage": "",
}
EXPECTED = b"<131>1 2021-12-01T10:00:00.123Z "


class Files(SynchronousTestCase):
    def test_rotation(self):
        path = self.mktemp()
        sink = FileSink("log_to_file", path)
        self.addCleanup(sink.close)
        sink.send("one", EVENT)
        os.rename(path, path + ".1")
        sink.send("two", EVENT)
        sink.reopen()
        sink.send("three \udcff", EVENT)
        with open(path + ".1") as old, open(path) as new:
            self.assertEqual((old.read(), new.read()), ("one\ntwo\n", "three \\udcff\n"))
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)

    def test_what_cannot_be(self):
        self.assertRaises(ConfigError, FileSink, "log_to_file", "/nowhere/x")
        path = self.mktemp()
        sink = FileSink("log_to_file", path)
        sink.send("one", EVENT)
        sink._path = "/nowhere/x"
        sink.reopen()
        sink.send("two", EVENT)
        sink.close()
        sink.send("three", EVENT)
        self.assertEqual(sink.lost, 2)
        with open(path) as file:
            self.assertEqual(file.read(), "one\ntwo\n")

    def test_two_processes_do_not_write_one_audit_log(self):
        path = self.mktemp()
        sink = FileSink("log_to_file", path, alone=True)
        self.addCleanup(sink.close)
        error = self.assertRaises(ConfigError, FileSink, "log_to_file", path, alone=True)
        self.assertIn("another process writes", str(error))
        # Told to open it anew while it is where it was: nothing is lost by that.
        sink.reopen()
        sink.send("one", EVENT)
        self.assertEqual(sink.lost, 0)


class Datagrams(SynchronousTestCase):
    def receiver(self, family, address):
        receiver = socket.socket(family, socket.SOCK_DGRAM)
        self.addCleanup(receiver.close)
        receiver.bind(address)
        receiver.settimeout(5)
        return receiver

    def path(self):
        folder = tempfile.mkdtemp(prefix="acra-")
        self.addCleanup(os.rmdir, folder)
        self.addCleanup(os.remove, f"{folder}/log")
        return f"{folder}/log"

    def test_syslog_over_udp(self):
        receiver = self.receiver(socket.AF_INET, ("127.0.0.1", 0))
        address = f"udp://127.0.0.1:{receiver.getsockname()[1]}"
        sink, service = make_syslog("acra-server", address, None)
        self.assertIsNone(service)
        self.addCleanup(sink.close)
        sink.send("a line", EVENT)
        data = receiver.recv(9000)
        self.assertTrue(data.startswith(EXPECTED), data)
        self.assertTrue(data.endswith(f" acra-server {os.getpid()} 560 - a line".encode()), data)
        sink.send("x" * 100_000, EVENT)
        self.assertEqual(len(receiver.recv(90_000)), 8192)
        sink.reopen()
        self.assertEqual(sink.lost, 0)

    def test_syslog_over_a_unix_socket_that_comes_back(self):
        path = self.path()
        sink, _ = make_syslog("acra-server", f"unix://{path}", None)
        self.addCleanup(sink.close)
        sink.send("nobody there", EVENT)
        self.assertEqual(sink.lost, 1)
        receiver = self.receiver(socket.AF_UNIX, path)
        sink.send("a line", EVENT)
        self.assertTrue(receiver.recv(9000).endswith(b"a line"))

    def test_journald(self):
        path = self.path()
        receiver = self.receiver(socket.AF_UNIX, path)
        sink = JournalSink("acra-server", path)
        self.addCleanup(sink.close)
        sink.send("a line", EVENT)
        fields = dict(line.split(b"=", 1) for line in receiver.recv(9000).splitlines())
        expected = {
            b"MESSAGE": b"a line",
            b"PRIORITY": b"3",
            b"SYSLOG_IDENTIFIER": b"acra-server",
            b"ACRA_CODE": b"560",
            b"ACRA_CLIENT_ID": b"ann",
            b"ACRA_TRACE_ID": b"ab" * 16,
        }
        self.assertEqual(fields, expected)

    def test_addresses(self):
        kind = SyslogAddress()
        for text in ("", "unix:///dev/log", "udp://localhost:514", "tcp://[::1]:601"):
            self.assertEqual(kind.parse(f" {text}"), text)
        for text in (
            "/dev/log",
            "unix://dev/log",
            "udp://localhost",
            "tcp://:1",
            "tls://a:1",
            "udp://a:x",
        ):
            self.assertRaises(ValueError, kind.parse, text)
        self.patch(sinks.socket, "getaddrinfo", self.unknown)
        self.assertRaises(ConfigError, make_syslog, "p", "udp://nowhere:514", None)

    def unknown(self, *args, **kwargs):
        raise OSError(2, "not known")


class Receiver(Protocol):
    def dataReceived(self, data):
        self.factory.seen += data
        if len(self.factory.seen) >= self.factory.wanted and not self.factory.got.called:
            self.factory.got.callback(self)


class Stream(TestCase):
    """Over TCP: octet counting, and what waits while nobody is there."""

    async def listen(self, wanted, port=0):
        factory = Factory.forProtocol(Receiver)
        factory.seen, factory.wanted, factory.got = b"", wanted, Deferred()
        endpoint = serverFromString(reactor, f"tcp:{port}:interface=127.0.0.1")
        listener = await endpoint.listen(factory)
        self.addCleanup(listener.stopListening)
        return factory, listener

    async def test_lines(self):
        factory, listener = await self.listen(100)
        address = f"tcp://127.0.0.1:{listener.getHost().port}"
        sink, service = make_syslog("acra-server", address, reactor)
        sink.send("before", EVENT)
        service.startService()
        await service.whenConnected()
        sink.send("after", EVENT)
        protocol = await factory.got
        first = factory.seen.split(b" ", 1)
        self.assertEqual(first[1][: int(first[0])][-8:], b"- before")
        self.assertTrue(factory.seen.endswith(b"- after"))
        await service.stopService()
        protocol.transport.loseConnection()

    def test_a_bounded_number_waits(self):
        sink, _ = make_syslog("acra-server", "tcp://127.0.0.1:1", reactor)
        for _ in range(1005):
            sink.send("x", EVENT)
        self.assertEqual(sink.lost, 5)
