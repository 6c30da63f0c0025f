"""Listening sockets: clear errors, unix sockets' modes, stale ones."""

import errno
import os
import socket

from twisted.internet import reactor  # noqa: TID251
from twisted.internet.endpoints import UNIXClientEndpoint
from twisted.internet.protocol import Factory
from twisted.internet.testing import MemoryReactor
from twisted.trial.unittest import SynchronousTestCase, TestCase

from acra_twisted import events
from acra_twisted.errors import ConfigError
from acra_twisted.optionkinds import Address
from acra_twisted.transport.activation import InheritedSockets
from acra_twisted.transport.endpoints import ListenerService, bind, client_endpoint


class Binding(SynchronousTestCase):
    def test_in_use(self):
        first = bind("opt", Address("127.0.0.1", 0))
        self.addCleanup(first.close)
        port = first.getsockname()[1]
        error = self.assertRaises(ConfigError, bind, "opt", Address("127.0.0.1", port))
        self.assertEqual(error.parts, ((events.START_LISTENING, str(error)),))
        self.assertTrue(str(error).startswith(f"opt: cannot listen on tcp://127.0.0.1:{port}: "))

    def test_no_such_host(self):
        self.assertRaises(ConfigError, bind, "opt", Address("no host", 1))

    def path(self):
        return os.path.join("/tmp", f"acra-{os.getpid()}-{self.id().rpartition('.')[2]}")

    def test_unix(self):
        path = self.path()
        first = bind("opt", Address(path=path), 0o660)
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o660)
        self.assertRaises(ConfigError, bind, "opt", Address(path=path))
        first.close()
        second = bind("opt", Address(path=path))
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        service = ListenerService(MemoryReactor(), second, None, path)
        self.successResultOf(service.stopService())
        self.assertFalse(os.path.exists(path))

    def test_rl8_one_that_was_handed_over(self):
        path = self.path()
        self.addCleanup(os.unlink, path)
        one = socket.socket(socket.AF_UNIX)
        self.addCleanup(one.close)
        one.bind(path)
        os.chmod(path, 0o640)
        handed = InheritedSockets()
        handed._sockets.append(one)
        found = bind("opt", Address(path=path), inherited=handed)
        self.assertIs(found, one)
        service = ListenerService(MemoryReactor(), found, None, path, inherited=handed)
        service._reactor.adoptStreamPort = lambda *args: None
        service.startService()
        self.successResultOf(service.stopService())
        # The path and its mode are the service manager's.
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o640)

    def test_a_file_is_not_removed(self):
        path = self.path()
        with open(path, "w"):
            pass
        self.addCleanup(os.unlink, path)
        error = self.assertRaises(ConfigError, bind, "opt", Address(path=path))
        self.assertIn("a file that is no socket", str(error))

    def test_a_port_of_the_systems(self):
        def refused(self, where):
            raise PermissionError(errno.EACCES, "Permission denied")

        self.patch(socket.socket, "bind", refused)
        error = self.assertRaises(ConfigError, bind, "opt", Address("127.0.0.1", 93))
        self.assertIn("Permission denied; choose a port from 1024 on", str(error))


class Services(SynchronousTestCase):
    def test_the_reactor_adopts_the_socket(self):
        listener = bind("opt", Address("127.0.0.1", 0))
        reactor, factory = MemoryReactor(), object()
        service = ListenerService(reactor, listener, factory)
        self.assertEqual(service.port_number, listener.getsockname()[1])
        service._port = None
        number = listener.fileno()
        reactor.adoptStreamPort = lambda *args: reactor.adoptedPorts.append(args)
        service.startService()
        self.assertEqual(reactor.adoptedPorts, [(number, socket.AF_INET, factory)])
        service.stopService()

    def test_clients(self):
        unix = client_endpoint(reactor, Address(path="/x"), 1)
        self.assertIsInstance(unix, UNIXClientEndpoint)
        self.assertIn("db:5", repr(client_endpoint(reactor, Address("db", 5), 1)))

    def test_addresses_are_not_resolved(self):
        reactor = MemoryReactor()
        for host in ("127.0.0.1", "::1"):
            client_endpoint(reactor, Address(host, 5), 7).connect(Factory())
            self.assertEqual(reactor.tcpClients.pop()[:2] + (7,), (host, 5, 7))


class UnixSockets(TestCase):
    """The path of a listening unix socket when the service stops, with a real reactor."""

    def setUp(self):
        self.path = f"/tmp/acra-{os.getpid()}-{self.id().rpartition('.')[2]}"
        self.ports = []

    def adopt(self, *arguments):
        self.ports.append(reactor.adoptStreamPort(*arguments))
        return self.ports[-1]

    def start(self, inherited=None):
        listener = bind("opt", Address(path=self.path), inherited=inherited)
        adopting = type("Reactor", (), {"adoptStreamPort": staticmethod(self.adopt)})
        service = ListenerService(adopting, listener, Factory(), self.path, inherited=inherited)
        service.startService()
        return service

    async def test_it_is_removed(self):
        await self.start().stopService()
        self.assertRaises(FileNotFoundError, os.stat, self.path)

    async def test_one_that_somebody_has_removed(self):
        service = self.start()
        os.unlink(self.path)
        await service.stopService()
        self.ports[0].socket.close()

    async def test_that_of_a_service_manager_stays_and_accepts(self):
        one = socket.socket(socket.AF_UNIX)
        self.addCleanup(one.close)
        one.bind(self.path)
        one.listen()
        self.addCleanup(os.unlink, self.path)
        await self.start(InheritedSockets([os.dup(one.fileno())])).stopService()
        self.ports[0].socket.close()
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(self.path)
            one.accept()[0].close()
