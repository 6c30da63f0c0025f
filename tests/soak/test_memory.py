"""A soak run sees what a daemon keeps without a bound, and not what has one."""

import socket
import sys
import tempfile
import unittest
from pathlib import Path

from acra_twisted.sandbox.processes import Process, free_port
from tests.integration.base import eventually
from tests.soak import memory
from tests.soak.run import GROWTH

#: Connections, about as many as the shortest soak run that people start, and what is kept of each.
SESSIONS, LEFT = 1200, 1024
#: Answers each connection, and does with its number what is written in the place of "pass".
_SERVER = """
import sys
from twisted.internet import protocol, reactor
from acra_twisted.cache import GenerationCache
known, kept = GenerationCache(10_000, 1 << 24), []
class Session(protocol.Protocol):
    number = 0
    def connectionMade(self):
        Session.number += 1
        number = Session.number
        pass
        self.transport.write(b"done")
        self.transport.loseConnection()
factory = protocol.Factory.forProtocol(Session)
reactor.listenTCP(int(sys.argv[1]), factory, interface="127.0.0.1")
reactor.run()
"""


class Asked(unittest.TestCase):
    def grown(self, act):
        """Return by how much a process uses more behind sessions that do so."""
        with tempfile.TemporaryDirectory(prefix="acra-soak-") as name:
            folder, port = Path(name), free_port()
            command = [sys.executable, "-c", _SERVER.replace("pass", act), str(port)]
            server = Process(command, folder / "log", environment=memory.environment(folder))
            self.addCleanup(server.stop)
            eventually(lambda: self.answers(port), "the process listens")
            before = memory.used(server.pid, folder)
            for _ in range(SESSIONS):
                self.assertTrue(self.answers(port))
            after = memory.used(server.pid, folder)
            server.stop()
            return sum(after) - sum(before)

    @staticmethod
    def answers(port):
        try:
            with socket.create_connection(("127.0.0.1", port)) as asked:
                return asked.recv(4) == b"done"
        except OSError:
            return False

    def test_a_kilobyte_of_each_session_is_seen(self):
        self.assertGreater(self.grown("kept.append(bytes(1024))"), GROWTH)

    def test_what_is_kept_within_bounds_is_not_counted(self):
        self.assertLess(self.grown("known.put(b'%d' % number, bytes(1024))"), GROWTH // 4)

    def test_small_objects_are_seen(self):
        self.assertGreater(self.grown("kept.append([{} for _ in range(16)])"), GROWTH)
