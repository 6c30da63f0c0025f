"""The user at the other end, as the kernel has it."""

import os
import pwd
import socket
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.daemon.localuser import peer_user, user_ids
from acra_twisted.errors import ConfigError


class Users(SynchronousTestCase):
    def test_names_and_numbers(self):
        own = pwd.getpwuid(os.getuid()).pw_name
        self.assertEqual(user_ids("o", [own, "70000"]), {os.getuid(), 70000})
        error = self.assertRaises(ConfigError, user_ids, "o", ["no such user"])
        self.assertEqual(str(error), "o: there is no user 'no such user' here")


class Peers(SynchronousTestCase):
    def accepted(self, family, host, to):
        listener = socket.socket(family)
        self.addCleanup(listener.close)
        listener.bind((host, 0))
        listener.listen()
        client = socket.create_connection((to, listener.getsockname()[1]))
        self.addCleanup(client.close)
        connection = listener.accept()[0]
        self.addCleanup(connection.close)
        return connection

    def test_cl6_by_tcp(self):
        for family, host, to in (
            (socket.AF_INET, "127.0.0.1", "127.0.0.1"),
            (socket.AF_INET6, "::1", "::1"),
            # An application that speaks IPv4 to a listener of IPv6.
            (socket.AF_INET6, "::", "127.0.0.1"),
        ):
            connection = self.accepted(family, host, to)
            self.assertEqual(peer_user(connection), os.getuid(), host)

    def test_cl6_by_unix_sockets(self):
        for one in (pair := socket.socketpair()):
            self.addCleanup(one.close)
        self.assertEqual(peer_user(pair[0]), os.getuid())

    def test_cl6_where_nobody_tells(self):
        connection = self.accepted(socket.AF_INET, "127.0.0.1", "127.0.0.1")
        place = Path(self.mktemp())
        place.mkdir()
        self.assertIsNone(peer_user(connection, f"{place}/"))
        (place / "tcp").write_text("  sl  local_address rem_address st tx rx tr when uid\n")
        self.assertIsNone(peer_user(connection, f"{place}/"))
        unconnected = socket.socket()
        self.addCleanup(unconnected.close)
        self.assertIsNone(peer_user(unconnected))
