"""Sockets of a service manager: found by address, never left over, never passed on."""

import os
import socket
import tempfile

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import ConfigError
from acra_twisted.optionkinds import Address
from acra_twisted.transport.activation import (
    InheritedSockets,
    Notifier,
    descriptors,
    first_environment,
)


class Sockets(SynchronousTestCase):
    def tcp(self):
        one = socket.create_server(("127.0.0.1", 0))
        port = one.getsockname()[1]
        one = socket.socket(fileno=one.detach())
        return one, Address("127.0.0.1", port)

    def test_by_address(self):
        one, address = self.tcp()
        sockets = InheritedSockets([one.fileno()])
        self.assertIsNone(sockets.take(Address("127.0.0.1", 1)))
        self.assertIsNone(sockets.take(Address("127.0.0.2", address.port)))
        self.assertIsNone(sockets.take(Address(path="/run/x")))
        self.assertRaises(ConfigError, sockets.check)
        taken = sockets.take(address)
        self.assertEqual(taken.fileno(), one.detach())
        self.assertTrue(sockets.gave(taken))
        self.assertFalse(taken.getblocking() or os.get_inheritable(taken.fileno()))
        sockets.check()
        self.assertIsNone(sockets.take(address))
        taken.close()

    def test_unix(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "s")
            one = socket.socket(socket.AF_UNIX)
            one.bind(path)
            sockets = InheritedSockets([one.fileno()])
            self.assertIsNone(sockets.take(Address("127.0.0.1", 1)))
            taken = sockets.take(Address(path=path))
            self.assertEqual(taken.fileno(), one.detach())
            taken.close()

    def test_nonsense(self):
        read, write = os.pipe()
        for fd in (read, write):
            self.addCleanup(os.close, fd)
        self.assertRaises(ConfigError, InheritedSockets, [read])

    def test_without_names(self):
        own = str(os.getpid())
        for environment, expected in (
            ({"LISTEN_PID": own, "LISTEN_FDS": "2"}, [3, 4]),
            ({"LISTEN_PID": own, "LISTEN_FDS": "1", "LISTEN_FDNAMES": "a:b"}, [3]),
            ({"LISTEN_PID": "1", "LISTEN_FDS": "1"}, []),
            ({"LISTEN_PID": own, "LISTEN_FDS": "x"}, []),
            ({"LISTEN_PID": own, "LISTEN_FDS": "-1"}, []),
            ({"LISTEN_PID": own}, []),
            ({}, []),
        ):
            self.assertEqual(descriptors(lambda found=environment: found), expected)
        many = {"LISTEN_PID": own, "LISTEN_FDS": "9" * 30}
        self.assertEqual(len(descriptors(lambda: many)), 1024)

    def test_the_first_environment(self):
        path = self.mktemp()
        with open(path, "wb") as file:
            file.write(b"A=1\0B=x=y\0nonsense\0C=\xff\0")
        found = first_environment(path)
        self.assertEqual(found, {"A": "1", "B": "x=y", "C": "\udcff"})
        self.assertEqual(first_environment("/nowhere"), {})
        self.assertIn("PATH", first_environment())

    def test_nothing(self):
        InheritedSockets(descriptors()).check()


class Notices(SynchronousTestCase):
    def test_who_is_told(self):
        name = f"acra-{os.getpid()}-notify"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
            listener.bind("\0" + name)
            listener.settimeout(5)
            environ = {"NOTIFY_SOCKET": "@" + name, "WATCHDOG_USEC": "30000000"}
            notifier = Notifier(environ)
            notifier.tell("READY=1")
            self.assertEqual(listener.recv(100), b"READY=1")
        self.assertEqual((notifier.interval, environ), (15.0, {}))
        # It has gone meanwhile.
        notifier.tell("STOPPING=1")

    def test_nobody(self):
        notifier = Notifier({"WATCHDOG_USEC": "soon"})
        notifier.tell("READY=1")
        self.assertEqual(notifier.interval, 0.0)
