"""One AcraServer with two listeners: two databases, each with its own stages, in one process."""

import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg

from acra_twisted.sandbox.chain import Chain
from acra_twisted.sandbox.collector import Collector
from acra_twisted.sandbox.postgres import SUPERUSER, Postgres, system
from acra_twisted.sandbox.processes import free_port
from tests.integration.base import Surroundings, eventually, get

RULES = "version: 0.85.0\nhandlers:\n  - handler: deny\n    tables: [{}]\n"


class TwoDatabases(Surroundings):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        pair = cls.authority.issue("second", hosts=("127.0.0.1",))
        cls.second = Postgres(system(), tls=pair)
        cls.addClassCleanup(cls.second.remove)
        cls.second.start()
        for database, name in ((cls.postgres, "first"), (cls.second, "second")):
            with cls.connect(database) as db:
                db.execute(f"CREATE TABLE place AS SELECT '{name}' AS name")
        cls.collector = Collector().start()
        cls.addClassCleanup(cls.collector.stop)

    def setUp(self):
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        self.rules = folder / "rules.yaml"
        self.rules.write_text(RULES.format("forbidden"))
        self.port = free_port()
        self.server = Chain(
            ("127.0.0.1", self.postgres.port),
            link="none",
            folder=folder,
            authority=self.authority,
            server={
                "tracing": {
                    "otlp_endpoint": f"http://127.0.0.1:{self.collector.port}/v1/traces",
                    "tracing_interval": "0.1",
                },
                "listener:second": {
                    "incoming_connection_string": f"tcp://127.0.0.1:{self.port}",
                    "db_port": str(self.second.port),
                    "db_tls": "require",
                    "tls_database_ca": str(self.authority.path),
                    "acracensor_config_file": str(self.rules),
                    "client_tls": "require",
                },
            },
        )
        self.addCleanup(self.server.stop)
        self.server.start()

    def ask(self, port, text="SELECT name FROM place", **options):
        ca = str(self.authority.path)
        tls = {"sslmode": "verify-full", "sslrootcert": ca} if port == self.port else {}
        settings = {"sslmode": "disable", **tls, **options}
        with psycopg.connect(
            host="127.0.0.1", port=port, user=SUPERUSER, dbname="postgres", **settings
        ) as db:
            return db.execute(text).fetchone()[0]

    def test_each_has_its_database_its_tls_and_its_stages(self):
        self.assertEqual(self.ask(self.server.port), "first")
        self.assertEqual(self.ask(self.port), "second")
        with self.assertRaises(psycopg.errors.UndefinedTable):
            self.ask(self.server.port, "SELECT 1 FROM forbidden")
        with self.assertRaisesRegex(psycopg.Error, "blocked"):
            self.ask(self.port, "SELECT 1 FROM forbidden")
        with self.assertRaises(psycopg.OperationalError):
            self.ask(self.port, sslmode="disable")
        encrypted = "SELECT ssl::text FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
        self.assertEqual(self.ask(self.port, encrypted), "true")

    def test_spans_and_metrics_say_where(self):
        self.ask(self.server.port)
        self.ask(self.port)

        def arrived():
            spans = [span for trace in self.collector.traces().values() for span in trace]
            named = {
                span["attributes"].get("acra.listener", "")
                for span in spans
                if span["name"] == "handleConnection"
            }
            ports = {span["attributes"].get("server.port") for span in spans} - {None}
            return named, ports

        wanted = ({"", "second"}, {self.postgres.port, self.second.port})
        eventually(lambda: arrived() == wanted, "spans of both arrive")
        found = get(self.server.server_pages, "/metrics")
        self.assertIn("acra_exchanges_total", found)
        ready = get(self.server.server_pages, "/readyz?database")
        self.assertEqual(ready, "ok\n")

    def test_a_reload_reads_the_rules_of_both(self):
        self.assertEqual(self.ask(self.port), "second")
        self.rules.write_text(RULES.format("place"))
        self.server.server.send(signal.SIGHUP)

        def refused():
            try:
                self.ask(self.port)
            except psycopg.Error as error:
                return "blocked" in str(error)
            return False

        eventually(refused, "the new rules hold")
        self.assertEqual(self.ask(self.server.port), "first")

    def test_a_stop_is_clean_for_both(self):
        options = {"host": "127.0.0.1", "user": SUPERUSER, "dbname": "postgres"}
        tls = {"sslmode": "require"}
        first = psycopg.connect(port=self.server.port, sslmode="disable", **options)
        second = psycopg.connect(port=self.port, **tls, **options)
        self.addCleanup(first.close)
        self.addCleanup(second.close)
        self.assertEqual(self.server.stop(), (0,))
        for db in (first, second):
            with self.assertRaisesRegex(psycopg.Error, "shutting down|terminating"):
                db.execute("SELECT 1")

    def check(self, *flags):
        done = subprocess.run(
            [
                str(Path(sys.executable).with_name("twistd")),
                "-n",
                "acra-server",
                f"--config_file={self.server.server_ini}",
                "--check_config",
                *flags,
            ],
            capture_output=True,
            text=True,
            check=False,
            cwd=self.server.folder,
        )
        return done.returncode, done.stdout + done.stderr

    def test_the_check_and_the_doctor_look_at_both(self):
        self.assertEqual(self.check()[0], 0)
        status, said = self.check("--probe")
        self.assertEqual(status, 0, said)
        self.assertRegex(said, rf"\[listener:second\].*127\.0\.0\.1:{self.second.port}.*with TLS")
        self.second.stop()
        try:
            status, said = self.check("--probe")
        finally:
            self.second.start()
        self.assertEqual(status, 1)
        self.assertRegex(said, r"\[listener:second\]")
        text = self.server.server_ini.read_text()
        self.server.server_ini.write_text(text.replace("client_tls", "client_tsl"))
        status, said = self.check()
        self.assertEqual(status, 1)
        self.assertIn("[listener:second]; did you mean 'client_tls'", said)
