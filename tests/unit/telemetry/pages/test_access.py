"""Access to the pages (OB-5)."""

import base64

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import ConfigError
from acra_twisted.optionkinds import Address
from acra_twisted.telemetry.pages.access import Guard

TOKEN = "a token long enough"


class Guards(SynchronousTestCase):
    def test_addresses(self):
        for local in (Address("127.0.0.1", 1), Address("::1", 1), Address(path="/x")):
            Guard().check(local)
        self.assertRaises(ConfigError, Guard().check, Address("0.0.0.0", 1))
        Guard(TOKEN).check(Address("0.0.0.0", 1))
        Guard(verified=True).check(Address("0.0.0.0", 1))

    def test_tokens(self):
        guard = Guard(TOKEN)
        basic = base64.b64encode(f"anyone:{TOKEN}".encode()).decode()
        self.assertTrue(guard.admits(f"Bearer {TOKEN}"))
        self.assertTrue(guard.admits(f"basic {basic}"))
        for shown in ("", "Bearer", f"Bearer {TOKEN}x", "Basic !", "Basic YQ==", "Bearer \xff"):
            self.assertFalse(guard.admits(shown), shown)
        self.assertTrue(Guard().admits(""))
        self.assertRaises(ConfigError, Guard, "short")

    def test_hosts(self):
        for host, known in (("localhost", True), ("[::1]", True), ("evil.example", False)):
            self.assertEqual(Guard().knows_host(host), known)
            self.assertTrue(Guard(TOKEN).knows_host(host))

    def test_names_that_may_be_used(self):
        guard = Guard(hosts=("Acra-Server", "db.example"))
        for host in ("acra-server", "DB.example", "db.example.", "localhost", "127.0.0.1", "::1"):
            self.assertTrue(guard.knows_host(host), host)
        for host in ("example", "evil.db.example", "acra_server", ""):
            self.assertFalse(guard.knows_host(host), host)
