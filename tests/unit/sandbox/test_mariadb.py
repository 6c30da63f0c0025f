"""Throw-away MariaDB servers."""

import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.sandbox import mariadb, places
from acra_twisted.sandbox.authority import Authority
from acra_twisted.sandbox.processes import accepts


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

    def test_in_a_folder_whose_path_has_blanks(self):
        place = self.folder() / "with a blank"
        place.mkdir()
        place.parent.chmod(0o755)
        # Data that were made elsewhere are not copied.
        others = {name: text for name, text in os.environ.items() if name != places.KEPT}
        self.patch(os, "environ", {**others, "TMPDIR": str(place)})
        with mariadb.MariaDB() as server:
            self.assertEqual(server.folder.parent, place)
            self.assertEqual(server.run("SELECT 40 + 2;"), "42\n")

    def folder(self):
        folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, folder)
        return folder

    def ask(self, server, name, *options):
        """Ask by the server's client over TCP."""
        return subprocess.run(
            [
                mariadb.program("mariadb"),
                "--no-defaults",
                "--host=127.0.0.1",
                f"--port={server.port}",
                f"--user={name}",
                "--password=pw",
                "--batch",
                "--skip-column-names",
                "--execute=SELECT CURRENT_USER(), @@version_ssl_library <> ''",
                *options,
            ],
            capture_output=True,
            text=True,
            check=False,
        )

    def test_it_listens_only_where_it_is_told(self):
        with mariadb.MariaDB() as server:
            self.assertEqual(server.port, 0)
            self.assertEqual(server.run("SELECT @@skip_networking;"), "1\n")

    def test_accounts_and_tls(self):
        authority = Authority(self.folder())
        pair = authority.issue("mariadb", hosts=("127.0.0.1",))
        with mariadb.MariaDB(listens=True, tls=pair, ca=authority.path) as server:
            server.account("plain", "pw")
            server.account("careful", "pw", require="SSL")
            server.account("certified", "pw", require="X509")
            tls = (f"--ssl-ca={authority.path}", "--ssl-verify-server-cert")
            certificate, key = authority.issue("application")
            own = (f"--ssl-cert={certificate}", f"--ssl-key={key}")
            for name, options, fine in (
                ("plain", ("--skip-ssl",), True),
                ("plain", tls, True),
                ("careful", ("--skip-ssl",), False),
                ("careful", tls, True),
                ("certified", tls, False),
                ("certified", (*tls, *own), True),
                ("nobody", tls, False),
            ):
                done = self.ask(server, name, *options)
                self.assertEqual(not done.returncode, fine, (name, options, done.stderr))
                if fine:
                    self.assertEqual(done.stdout, f"{name}@%\t1\n")
            self.assertTrue(accepts(server.port))
            with socket.create_connection(("127.0.0.1", server.port)) as raw:
                self.assertEqual(raw.recv(5)[3:], b"\0\x0a")
        self.assertFalse(accepts(server.port))

    def test_data_are_made_once_and_copied(self):
        folder = self.folder()
        self.patch(os, "environ", {**os.environ, places.KEPT: str(folder)})
        for _ in range(2):
            server = mariadb.MariaDB()
            self.addCleanup(server.stop)
            self.assertEqual(len(os.listdir(folder)), 1)
        with server:
            self.assertEqual(server.run("SELECT 40 + 2;"), "42\n")

    def test_what_is_missing_is_named(self):
        self.patch(mariadb.shutil, "which", lambda *args, **more: None)
        error = self.assertRaises(RuntimeError, mariadb.MariaDB)
        self.assertIn("apt-get install mariadb-server-core", str(error))
