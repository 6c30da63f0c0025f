"""Throw-away MariaDB servers."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.sandbox import mariadb


class Servers(SynchronousTestCase):
    def test_life(self):
        with mariadb.MariaDB() as server:
            self.assertEqual(server.run("SELECT 40 + 2;"), "42\n")
            self.assertRaises(RuntimeError, server.run, "SELEC;")
            fine, missing, wrong = server.ask(
                [b"SELECT ';'' -- '", b"SELECT * FROM mysql.nothing", b"SELEC \n 1"]
            )
            self.assertEqual((fine, missing.number, wrong.number), (None, 1146, 1064))
            self.assertIn("mysql.nothing", missing.text)
            [refused] = server.ask([b"SELECT 1"], user="nobody")
            self.assertEqual(refused, None)
        self.assertFalse(server.folder.exists())

    def test_what_is_missing_is_named(self):
        self.patch(mariadb.shutil, "which", lambda *args, **more: None)
        error = self.assertRaises(RuntimeError, mariadb.MariaDB)
        self.assertIn("apt-get install mariadb-server-core", str(error))
