"""One AcraServer before a PostgreSQL and a MariaDB: each listener with its database and stages."""

import socket
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import psycopg
import pymysql

from acra_twisted.dialects.mysql.servicelogin import Account
from acra_twisted.dialects.mysql.servicequery import ServiceQuery
from acra_twisted.dialects.mysql.visit import Visit
from acra_twisted.errors import HandshakeError
from acra_twisted.loginactions import Write
from acra_twisted.sandbox.authority import Authority
from acra_twisted.sandbox.collector import Collector
from acra_twisted.sandbox.keys import Keys
from acra_twisted.sandbox.mariadb import MariaDB
from acra_twisted.sandbox.processes import free_port
from acra_twisted.wire.mysql.frames import packets
from acra_twisted.writer import create_acrastruct
from tests.integration.base import Surroundings, eventually, get
from tests.support import classmariadb
from tests.support.mysqlclients import plugins
from tests.support.mysqllogins import MysqlPlay
from tests.support.mysqllogins import response as as_client

RULES = "version: 0.85.0\nhandlers:\n  - handler: deny\n    tables: [{}]\n"
TEXT = b"a value that neither database has seen"


class TwoKinds(Surroundings):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.keys = Keys(cls.folder, "an application")
        container = create_acrastruct(TEXT, cls.keys.storage_public_key)
        cls.mariadb = classmariadb.started(cls)
        cls.mariadb.run(
            "CREATE DATABASE shop; USE shop; CREATE TABLE place (name TEXT, kept BLOB);"
            f"INSERT INTO place VALUES ('mariadb', x'{container.hex()}');"
            "CREATE TABLE forbidden_there (n INT); CREATE TABLE forbidden_here (n INT);"
        )
        with cls.direct() as db:
            db.execute("CREATE TABLE place (name TEXT, kept BYTEA)")
            db.execute("INSERT INTO place VALUES ('postgresql', %s)", [container])
            db.execute("CREATE TABLE forbidden_here (n INT)")
            db.execute("CREATE TABLE forbidden_there (n INT)")
        cls.collector = Collector().start()
        cls.addClassCleanup(cls.collector.stop)
        for place in ("here", "there"):
            (cls.folder / f"{place}.yaml").write_text(RULES.format(f"forbidden_{place}"))
        cls.port = free_port()
        cls.server = cls.chain(
            link="none",
            authority=cls.authority,
            keys=cls.keys,
            server={
                "censor": {"acracensor_config_file": str(cls.folder / "here.yaml")},
                "tracing": {"otlp_endpoint": cls.collector.url, "tracing_interval": "0.1"},
                "listener:mariadb": {
                    "incoming_connection_string": f"tcp://127.0.0.1:{cls.port}",
                    "mysql_enable": "true",
                    "db_port": str(cls.mariadb.port),
                    "acracensor_config_file": str(cls.folder / "there.yaml"),
                },
            },
        )

    def mysql(self, **more):
        return closing(
            pymysql.connect(
                host="127.0.0.1",
                port=self.port,
                user="u",
                password="pw",
                database="shop",
                read_timeout=120,
                **more,
            )
        )

    def test_each_has_its_rows_its_rules_and_its_errors(self):
        with self.connect(self.server) as db:
            self.assertEqual(db.execute("SELECT * FROM place").fetchone(), ("postgresql", TEXT))
            db.execute("SELECT * FROM forbidden_there")
            with self.assertRaisesRegex(psycopg.Error, "blocked"):
                db.execute("SELECT * FROM forbidden_here")
        with self.mysql() as db, db.cursor() as cursor:
            cursor.execute("SELECT * FROM place")
            self.assertEqual(cursor.fetchall(), (("mariadb", TEXT),))
            cursor.execute("SELECT * FROM forbidden_here")
            with self.assertRaises(pymysql.MySQLError) as error:
                cursor.execute("SELECT * FROM forbidden_there")
            self.assertEqual(error.exception.args[0], 1317)

    def test_spans_and_metrics_say_which(self):
        with self.connect(self.server) as db:
            db.execute("SELECT 'one' FROM place")
        with self.mysql() as db, db.cursor() as cursor:
            cursor.execute("SELECT 'two' FROM place")

        def systems():
            spans = [span for trace in self.collector.traces().values() for span in trace]
            found = [one["attributes"] for one in spans if "db.system.name" in one["attributes"]]
            return {(one["db.system.name"], one.get("server.port")) for one in found}

        expected = {("postgresql", self.postgres.port), ("mariadb", self.mariadb.port)}
        eventually(lambda: expected <= systems(), "spans of both arrive")

    def readiness(self):
        try:
            return get(self.server.server_pages, "/readyz?database")
        except OSError as error:
            return error.read().decode()

    def test_readiness_says_which_takes_no_connections(self):
        self.mariadb.run("SET GLOBAL max_connections = 10")
        crowd = []
        try:
            with self.assertRaises(pymysql.MySQLError):
                for _ in range(12):
                    crowd.append(
                        pymysql.connect(
                            host="127.0.0.1", port=self.mariadb.port, user="u", password="pw"
                        )
                    )

            wanted = "database of mariadb takes no connections (error 1040)"
            eventually(lambda: wanted in self.readiness(), "readiness")
        finally:
            for one in crowd:
                one.close()
            self.mariadb.run("SET GLOBAL max_connections = 100")
        eventually(lambda: self.readiness() == "ok\n", "readiness")

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
            cwd=tempfile.mkdtemp(dir=self.folder),
        )
        return done.returncode, done.stdout + done.stderr

    def test_the_doctor_asks_both(self):
        status, said = self.check("--probe")
        self.assertEqual(status, 0, said)
        self.assertIn("it is PostgreSQL", said)
        where = rf"\[listener:mariadb\] the database at 127\.0\.0\.1:{self.mariadb.port}"
        self.assertRegex(said, f"{where} can be reached, without TLS")
        self.assertIn("[listener:mariadb] it is MariaDB 10.", said)
        self.assertIn("it knows no user of this name, as it should be", said)

    def test_the_doctor_says_that_the_kind_is_wrong(self):
        status, said = self.check("--probe", "--mysql_enable", "--db_connect_timeout=1")
        self.assertEqual(status, 1)
        self.assertIn("says nothing, where MySQL and MariaDB greet", said)
        port = f"--db_port={self.mariadb.port}"
        status, said = self.check("--probe", port)
        self.assertEqual(status, 1)
        self.assertIn("set mysql_enable = true", said)


class RequiringTLS(Surroundings):
    """A MariaDB that takes no login without TLS is visited with it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.pair = cls.authority.issue("mariadb", hosts=("127.0.0.1", "localhost"))
        settings = ("--require-secure-transport=ON",)
        ca = cls.authority.path
        cls.mariadb = MariaDB(listens=True, tls=cls.pair, ca=ca, settings=settings)
        cls.addClassCleanup(cls.mariadb.stop)
        cls.mariadb.start()

    def readiness(self, **tls):
        chain = self.chain(
            link="none",
            authority=self.authority,
            server={
                "database": {
                    "mysql_enable": "true",
                    "db_port": str(self.mariadb.port),
                    "db_tls": "require",
                },
                "tls": {name: str(path) for name, path in tls.items()},
            },
        )
        try:
            return get(chain.server_pages, "/readyz?database")
        except OSError as error:
            return error.read().decode()
        finally:
            chain.stop()

    def visits(self):
        """The number of TLS handshakes that the database has completed."""
        found = self.mariadb.run("SHOW GLOBAL STATUS LIKE 'Ssl_finished_accepts'").split()
        return int(found[1])

    def test_readiness(self):
        first, second = self.visits(), self.visits()
        self.assertEqual(self.readiness(tls_database_ca=self.authority.path), "ok\n")
        # One more than those of who asks how many there were.
        self.assertEqual(self.visits() - second, second - first + 1)
        other = Authority(Path(tempfile.mkdtemp(dir=self.folder)), "Another CA")
        said = self.readiness(tls_database_ca=other.path)
        why = "its certificate is of a CA that is not known here"
        self.assertEqual(said, f"database has no TLS that can be used: {why}\n")


class Counting(Surroundings):
    """A server counts clients who leave it in the middle of a login, and then blocks their host."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        settings = ("--skip-name-resolve=OFF", "--max-connect-errors=3")
        cls.mariadb = classmariadb.started(cls, settings=settings, plugins=plugins())

    def open(self, source):
        # It counts nothing of 127.0.0.1.
        made = socket.create_connection(
            ("127.0.0.1", self.mariadb.port), timeout=300, source_address=(source, 0)
        )
        self.addCleanup(made.close)
        return made

    def visit(self, source):
        connection, visit = self.open(source), Visit(b"acra_visitor")
        while not visit.over:
            for action in visit.feed(connection.recv(4096)):
                if isinstance(action, Write):
                    connection.sendall(action.data)
        connection.close()
        return visit.problem

    def test_visits_are_not_counted(self):
        self.assertEqual([self.visit("127.0.0.21") for _ in range(9)], [""] * 9)

    def test_others_are(self):
        for _ in range(9):
            connection = self.open("127.0.0.22")
            connection.recv(4096)
            connection.close()
        eventually(lambda: "1129" in self.visit("127.0.0.22"), "the host is blocked")

    def serve(self, source, **account):
        """A login of the service's own, which the server does not let in; what is told of it."""
        connection, query = self.open(source), ServiceQuery(Account(b"u", b"pw", **account))
        try:
            while True:
                for action in query.feed(self.heard(connection)):
                    connection.sendall(action.data)
        except HandshakeError as error:
            return str(error)
        finally:
            connection.close()

    def test_logins_that_the_service_gives_up_are_not_counted(self):
        for _ in range(9):
            self.assertIn("db_tls requires it", self.serve("127.0.0.61", tls="on"))
        self.assertEqual(self.visit("127.0.0.61"), "")

    def ask(self, source, answer, reads, stays=True, **response):
        """A login through AcraServer whose client goes before the decision, behind its answer and
        ``reads`` packets; with ``stays`` AcraServer stays to hear the decision."""
        connection, play = self.open(source), MysqlPlay()
        play.database(self.heard(connection))
        connection.sendall(play.client(packets(as_client(answer=answer, **response).encode(), 1)))
        for _ in range(reads):
            play.database(self.heard(connection))
        (left,) = play.login.leave()
        if stays:
            rest, told = left.visit, b""
            while True:
                actions = rest.feed(told)
                for action in actions:
                    if isinstance(action, Write):
                        connection.sendall(action.data)
                if rest.over:
                    break
                told = self.heard(connection)
        connection.close()

    @staticmethod
    def heard(connection):
        heard = connection.recv(4096)
        if not heard:
            raise AssertionError("the database closes the connection")
        return heard

    def test_clients_that_go_before_the_decision_are_not_counted(self):
        self.mariadb.account("edwards", "pw", plugin="ed25519")
        answers = {
            "at once": (b"s" * 20, 0, {}),
            "of nobody": (b"s" * 20, 0, {"user": b"nobody"}),
            "when it is asked": (b"", 1, {"plugin": b"caching_sha2_password"}),
            "when it is asked for ed25519": (b"", 1, {"user": b"edwards"}),
            "before it is asked for ed25519": (b"", 0, {"user": b"edwards"}),
            "with a plugin of its own": (b"e" * 64, 0, {"plugin": b"client_ed25519"}),
        }
        for number, (how, (answer, reads, more)) in enumerate(answers.items()):
            with self.subTest(how):
                source = f"127.0.0.{31 + number}"
                for _ in range(9):
                    self.ask(source, answer, reads, **{"user": b"u", **more})
                self.assertEqual(self.visit(source), "")

    def test_they_are_if_nobody_stays(self):
        for _ in range(3):
            self.ask("127.0.0.23", b"", 1, stays=False, plugin=b"caching_sha2_password")
        eventually(lambda: "1129" in self.visit("127.0.0.23"), "the host is blocked")
