"""Clients of MySQL and MariaDB at real servers and at the one that stands in for MySQL."""

import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.sandbox.authority import Authority
from acra_twisted.sandbox.mariadb import MariaDB
from tests.support.mysqlclients import CLIENTS, Login, Refused, plugins


class AtMariaDB(SynchronousTestCase):
    """Each client's login by each plugin, plain and by TLS."""

    @classmethod
    def setUpClass(cls):
        folder = Path(tempfile.mkdtemp())
        cls.authority = Authority(folder)
        pair = cls.authority.issue("mariadb", hosts=("127.0.0.1", "localhost"))
        cls.server = MariaDB(listens=True, tls=pair, plugins=plugins())
        cls.addClassCleanup(cls.server.stop)
        cls.server.start()
        cls.server.account("u", "pw")
        cls.server.account("careful", "pw", require="SSL")
        cls.server.account("edwards", "pw", plugin="ed25519")
        cls.server.account("either", "pw", plugin="mysql_native_password OR ed25519")

    def ask(self, name, user, tls):
        ca = str(self.authority.path) if tls else ""
        return CLIENTS[name](Login(self.server.port, user, ca=ca, text="SELECT CURRENT_USER()"))

    def test_every_client_logs_in_by_native_password(self):
        for name in CLIENTS:
            for tls in (False, True):
                self.assertEqual(self.ask(name, "u", tls), "u@%", name)
            self.assertEqual(self.ask(name, "careful", True), "careful@%", name)
            self.assertRaises(Refused, self.ask, name, "careful", False)

    def test_ed25519_by_those_that_have_it(self):
        for name in ("npm mariadb", "mariadb"):
            for user in ("edwards", "either"):
                self.assertEqual(self.ask(name, user, False), f"{user}@%", name)
