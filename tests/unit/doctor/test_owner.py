"""The owner of a listening socket."""

import os
import socket
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.doctor.owner import owner_of
from acra_twisted.optionkinds import Address


class Owners(SynchronousTestCase):
    def test_of_a_port(self):
        for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            with socket.create_server((host, 0), family=family) as listener:
                found = owner_of(Address(host, listener.getsockname()[1]))
            self.assertEqual(found.pid, os.getpid())
            self.assertIn("python", found.command)

    def test_of_a_unix_socket(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = str(Path(folder.name) / "s")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen()
            self.assertEqual(owner_of(Address(path=path)).pid, os.getpid())

    def test_of_nobody(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        self.assertIsNone(owner_of(Address("127.0.0.1", port)))
        self.assertIsNone(owner_of(Address(path="/nowhere")))
