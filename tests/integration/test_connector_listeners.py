"""One AcraConnector and one AcraServer between applications and databases of both kinds."""

import json
import subprocess

import psycopg
import pymysql

from acra_twisted.sandbox.processes import free_port
from tests.integration.base import Surroundings, eventually, get
from tests.integration.test_doctor import DOCTOR
from tests.support import classmariadb


class BothDatabases(Surroundings):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.mariadb = classmariadb.started(cls)
        cls.near, cls.mysql_astray, cls.postgresql_astray, far = (free_port() for _ in range(4))
        own = free_port()
        address = "incoming_connection_string"
        cls.both = cls.chain(
            server={
                "server": {
                    address: f"tcp://127.0.0.1:{own}",
                    # Nobody waits for the end of this.
                    "handshake_timeout": "300",
                },
                "listener:mysql": {
                    address: f"tcp://127.0.0.1:{far}",
                    "mysql_enable": "true",
                    "db_port": str(cls.mariadb.port),
                },
            },
            connector={
                "connector": {"handshake_timeout": "300"},
                "acraserver": {"acraserver_connection_string": f"tcp://127.0.0.1:{own}"},
                "listener:mysql-astray": {
                    address: f"tcp://127.0.0.1:{cls.mysql_astray}",
                    "mysql_enable": "true",
                    "acraserver_connection_string": f"tcp://127.0.0.1:{own}",
                },
                "listener:postgresql-astray": {
                    address: f"tcp://127.0.0.1:{cls.postgresql_astray}",
                    "acraserver_connection_string": f"tcp://127.0.0.1:{far}",
                },
                "listener:mysql": {
                    address: f"tcp://127.0.0.1:{cls.near}",
                    "mysql_enable": "true",
                    "acraserver_connection_string": f"tcp://127.0.0.1:{far}",
                },
            },
        )

    def test_each_reaches_its_own(self):
        with self.connect(self.both) as db:
            self.assertIn("PostgreSQL", db.execute("SELECT version()").fetchone()[0])
        options = {"host": "127.0.0.1", "port": self.near, "user": "u", "password": "pw"}
        with pymysql.connect(**options) as session, session.cursor() as cursor:
            cursor.execute("SELECT version()")
            self.assertIn("MariaDB", cursor.fetchone()[0])
        log = (self.both.folder / "acra-connector.log").read_text()
        self.assertIn(f"mysql (127.0.0.1:{self.near} to ", log)
        self.assertNotIn("carried unread", log)

    def test_it_is_ready_when_all_servers_can_be_reached(self):
        for pages in (self.both.server_pages, self.both.connector_pages):
            self.assertIn("ok", get(pages, "/readyz"))
        self.assertIn("ok", get(self.both.connector_pages, "/readyz?acraserver"))

    def test_who_comes_to_the_other_kind_is_told_so_at_once(self):
        options = {"host": "127.0.0.1", "user": "u", "password": "pw", "read_timeout": 20}
        with self.assertRaises(pymysql.Error) as caught:
            pymysql.connect(port=self.mysql_astray, **options)
        self.assertEqual(caught.exception.args[0], 1105)
        self.assertIn("AcraServer: it speaks the PostgreSQL protocol", caught.exception.args[1])
        for mode in ("disable", "prefer"):
            with self.assertRaises(psycopg.Error) as refused:
                psycopg.connect(
                    host="127.0.0.1",
                    port=self.postgresql_astray,
                    user="u",
                    sslmode=mode,
                    connect_timeout=20,
                )
            self.assertIn("it speaks the MySQL protocol", str(refused.exception))
        for name, wanted in (
            ("acra-connector", "speaks the PostgreSQL protocol; that listener serves PostgreSQL"),
            ("acra-connector", "speaks the MySQL protocol; that listener serves MySQL or MariaDB"),
            ("acra-server", "speaks the MySQL protocol; this listener serves PostgreSQL"),
        ):
            eventually(lambda name=name, wanted=wanted: wanted in self.errors(name), wanted)

    def test_the_doctor_says_so_too(self):
        done = subprocess.run(
            [DOCTOR, "connector", f"--config_file={self.both.connector_ini}"],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        at = r"\[listener:{}-astray\] AcraServer at [\d.:]+ speaks the {} protocol"
        self.assertRegex(done.stdout, at.format("mysql", "PostgreSQL"))
        self.assertRegex(done.stdout, at.format("postgresql", "MySQL"))
        self.assertEqual(done.stdout.count("FAIL"), 2)

    def errors(self, name):
        lines = (self.both.folder / f"{name}.log").read_text().splitlines(keepends=True)
        found = [json.loads(line) for line in lines if line[0] == "{" and line.endswith("}\n")]
        return "\n".join(line.get("error") or "" for line in found)
