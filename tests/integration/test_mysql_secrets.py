"""Values that are planted in MySQL's texts, values, attributes and rows are written nowhere."""

import json
import secrets
import string
import time
from contextlib import closing

import mysql.connector
import pymysql
from pymysql.constants import CLIENT

from acra_twisted.sandbox.chain import Chain
from acra_twisted.sandbox.collector import Collector
from acra_twisted.sandbox.keys import Keys
from tests.integration.base import Surroundings, eventually, get
from tests.support import classmariadb, mysqlsteps
from tests.support.fakemysql import FakeMySQL
from tests.support.mysqlclients import CLIENTS, Login
from tests.support.planted import Search

RULES = """version: 0.85.0
ignore_parse_error: false
parse_errors_log: {folder}/unparsed.jsonl
handlers:
  - handler: query_capture
    filepath: {folder}/censored.jsonl
  - handler: allow
    queries: ["CALL quotes()", "{load}"]
  - handler: deny
    tables: [forbidden]
"""
#: Texts by the ways on which a value stands in them; `{}` is the value, `{hex}` its bytes.
TEXTS = {
    "string": "SELECT id FROM people WHERE name = '{}'",
    "double quotes": 'SELECT id FROM people WHERE name = "{}"',
    "behind a quote": "SELECT id FROM people WHERE name = 'it''s {}'",
    "behind an escape": r"SELECT id FROM people WHERE name = 'it\'s {}'",
    "national": "SELECT id FROM people WHERE name = N'{}'",
    "introduced": "SELECT id FROM people WHERE name = _latin1'{}'",
    "introduced in hex": "SELECT id FROM people WHERE name = _binary 0x{hex}",
    "hex": "SELECT id FROM people WHERE name = x'{hex}'",
    "comment": "SELECT id /* {} */ FROM people -- {}",
    "hash": "SELECT id FROM people # {}",
    "version": "SELECT id FROM people /*! WHERE name = '{}' */",
    "newer version": "SELECT id FROM people /*!999999 WHERE name = '{}' */",
    "one of two": "SELECT id FROM people; SELECT id FROM people WHERE name = '{}'",
    "insert": "INSERT INTO people (name) VALUES ('{}'), (NULL)",
    "update": "UPDATE people SET name = '{}' WHERE id = -1",
    "variable": "SET @kept = '{}'",
    "password": "CREATE USER IF NOT EXISTS someone IDENTIFIED BY '{}'",
    "other password": "SET PASSWORD FOR someone = PASSWORD('{}')",
    "prepared in SQL": "PREPARE s FROM 'SELECT id FROM people WHERE name = ''{}'''",
    "at once": "EXECUTE IMMEDIATE 'SELECT id FROM people WHERE name = ''{}'''",
    "denied": "SELECT * FROM forbidden WHERE name = '{}'",
    "denied of two": "SELECT '{}'; DELETE FROM forbidden",
    "unparsable": "SELEC id FRO people WHERE name = '{}'",
    "unfinished": "SELECT id FROM people WHERE name = '{}",
    "unfinished quotes": 'SELECT id FROM people WHERE name = "{}',
    "unfinished comment": "SELECT id FROM people /* {}",
    "no such table": "SELECT * FROM nothing WHERE name = '{}'",
    "no number": "INSERT INTO numbers VALUES ('{}')",
    "not unique": "INSERT INTO uniques VALUES ('{}'), ('{}')",
    "of the database's": "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{}'",
    "function": "SELECT NO_SUCH_FUNCTION('{}')",
    "xml": "SELECT EXTRACTVALUE('<a/>', '///{}')",
    "json": "SELECT JSON_EXTRACT('{{}}', '$[{}')",
    "echo": "SELECT '{}' AS word",
    "name of a column": "SELECT '{}'",
}


class Secrets(Surroundings):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.planted: dict[str, str] = {}
        cls.keys = Keys(cls.folder, "an application")
        cls.collector = Collector().start()
        cls.addClassCleanup(cls.collector.stop)
        cls.database = classmariadb.started(cls, settings=("--local-infile=ON",))
        cls.database.run(
            "CREATE DATABASE shop; USE shop; CREATE TABLE numbers (n INT);"
            "CREATE TABLE people (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(200));"
            "CREATE TABLE forbidden (name TEXT); CREATE TABLE uniques (name VARCHAR(200) UNIQUE);"
            "CREATE PROCEDURE quotes() SET sql_mode = 'ANSI_QUOTES';"
            f"INSERT INTO people VALUES (1, '{cls.plant('stored value')}');"
        )
        cls.fake = FakeMySQL(default="mysql_native_password")
        cls.fake.accounts.add("u", "pw", "mysql_native_password")
        cls.fake.__enter__()
        cls.addClassCleanup(cls.fake.__exit__)
        cls.file = cls.folder / "rows.tsv"
        cls.load = f"LOAD DATA LOCAL INFILE '{cls.file}' INTO TABLE people (name)"
        cls.security_log = cls.folder / "security.log"
        (cls.folder / "rules.yaml").write_text(RULES.format(folder=cls.folder, load=cls.load))
        cls.began = time.time()
        cls.served, cls.other = cls.serve(cls.database.port), cls.serve(cls.fake.port)

    @classmethod
    def serve(cls, port):
        folder = cls.folder / str(port)
        folder.mkdir()
        chain = Chain(
            ("127.0.0.1", port),
            link="none",
            folder=folder,
            authority=cls.authority,
            keys=cls.keys,
            server={
                "database": {"mysql_enable": "true", "local_infile": "true"},
                "pipeline": {"stages": "query_capture, censor, decryptor, poison"},
                "censor": {"acracensor_config_file": str(cls.folder / "rules.yaml")},
                "stage:query_capture": {
                    "filepath": str(folder / "captured.jsonl"),
                    "flush_interval": "0.5",
                },
                "logging": {"d": "true", "security_log_file": str(folder / "security.log")},
                "tracing": {"otlp_endpoint": cls.collector.url, "tracing_interval": "0.1"},
            },
        )
        cls.addClassCleanup(chain.stop)
        return chain.start()

    @classmethod
    def plant(cls, way):
        """A new value: small letters, so that it can stand anywhere."""
        value = "".join(secrets.choice(string.ascii_lowercase) for _ in range(24))
        cls.planted[way] = value
        return value

    def texts(self, way):
        for name, text in TEXTS.items():
            value = self.plant(f"{way}: {name}")
            yield text.format(value, value, hex=value.encode().hex())

    # -- ways -------------------------------------------------------------------------------------

    def connect_mysql(self, **more):
        made = pymysql.connect(
            host="127.0.0.1",
            port=self.served.port,
            user="u",
            password="pw",
            database="shop",
            client_flag=CLIENT.MULTI_STATEMENTS,
            read_timeout=120,
            autocommit=True,
            **more,
        )
        self.addCleanup(lambda: made.open and made.close())
        return made

    def ask(self, db, text):
        with db.cursor() as cursor:
            try:
                cursor.execute(text)
                while cursor.nextset():
                    cursor.fetchall()
            except pymysql.MySQLError as error:
                # A database's own error may show what it is about, ours must not.
                if error.args[0] == 1317:
                    self.said.append(str(error))

    def modes(self):
        """Texts in each mode, and where nobody knows which is in force."""
        db = self.connect_mysql()
        for way, before in (
            ("as usual", "DO 1"),
            ("backslashes", "SET sql_mode = 'NO_BACKSLASH_ESCAPES'"),
            ("unknown", "SET sql_mode = ''; CALL quotes()"),
        ):
            for text in before.split("; "):
                self.ask(db, text)
            for text in self.texts(way):
                self.ask(db, text)

    def prepared(self):
        """Texts that are prepared, and values for them."""
        for client in mysqlsteps.PREPARING:
            steps = [("execute", text) for text in self.texts(client)]
            for way, text in (
                ("value", "SELECT id FROM people WHERE name = ?"),
                ("denied value", "SELECT * FROM forbidden WHERE name = ?"),
                ("inserted", "INSERT INTO people (name) VALUES (?)"),
                ("no number", "INSERT INTO numbers VALUES (?)"),
                ("echo", "SELECT CONCAT(?, '')"),
            ):
                steps += [("execute", text, self.plant(f"{client}: {way}"))] * 2
            steps.append(("execute", "SELECT ?, ?", self.plant(f"{client}: too few")))
            for chain in (self.served, self.other):
                mysqlsteps.take(client, chain.port, steps)

    def attributes(self):
        """Attributes of queries and of connections, and a wrong password."""
        value = self.plant("attribute of a query")
        given = {"kept": value, "traceparent": self.plant("malformed context")}
        for client in ("libmysqlclient", "mysql2"):
            login = Login(self.other.port, attributes=given, text="SELECT 'one'")
            self.assertEqual(CLIENTS[client](login), "one")
        self.assertIn(value, [found.get("kept") for _, found in self.fake.heard])
        for port in (self.served.port, self.other.port):
            connection = mysql.connector.connect(
                host="127.0.0.1",
                port=port,
                user="u",
                password="pw",
                use_pure=True,
                ssl_disabled=True,
                conn_attrs={
                    "program_name": self.plant("attribute of a connection"),
                    "traceparent": self.plant("malformed context of a connection"),
                },
            )
            connection.close()
        with self.assertRaises(pymysql.MySQLError):
            pymysql.connect(
                host="127.0.0.1",
                port=self.served.port,
                user="u",
                password=self.plant("password"),
            )

    def files(self):
        self.file.write_text(f"{self.plant('line of a file')}\n")
        with closing(self.connect_mysql(local_infile=True)) as db:
            self.ask(db, self.load)
            with db.cursor() as cursor:
                cursor.execute("SELECT name FROM people")
                rows = {row[0] for row in cursor.fetchall()}
        self.assertIn(self.planted["line of a file"], rows)
        self.assertIn(self.planted["stored value"], rows)
        self.file.unlink()

    # -- the search -------------------------------------------------------------------------------

    def pages(self, chain):
        """All that the daemon shows of itself."""
        places = ["metrics", "readyz", "debug/rpcz", "debug/tracez?format=json", "debug/tracez"]
        places += ["debug/traces", "debug/traces?format=json", "debug/sessions"]
        texts = {place: get(chain.server_pages, f"/{place}") for place in places}
        for trace_id in list(self.collector.traces())[:100]:
            try:
                texts[trace_id] = get(chain.server_pages, f"/debug/trace/{trace_id}")
            except OSError:
                # It is kept no more, or by the other one.
                continue
        return texts

    def test_no_value_is_written_anywhere(self):
        self.said: list[str] = []
        open_session = self.connect_mysql()
        self.ask(open_session, f"SELECT SLEEP(0), '{self.plant('session that goes on')}'")
        self.modes()
        self.prepared()
        self.attributes()
        self.files()
        self.assertGreater(len(self.planted), 200)
        wanted = Search(self.planted)
        captured = self.folder / str(self.database.port) / "captured.jsonl"
        eventually(lambda: "people" in captured.read_text(), "capture", 30)
        eventually(lambda: "forbidden" in json.dumps(self.collector.spans), "the spans", 30)
        texts = {"errors": "\n".join(self.said), "spans": json.dumps(self.collector.spans)}
        for chain in (self.served, self.other):
            texts[f"output {chain.port}"] = chain.server.output()
            for place, text in self.pages(chain).items():
                texts[f"{place} {chain.port}"] = text
        for place, text in texts.items():
            self.assertEqual(wanted.within(text.encode()), set(), place)
        # All files that the daemons have written: logs, captured and unparsed statements.
        self.assertEqual(dict(wanted.below((self.folder,), self.began)), {})
        # What has been searched speaks of the statements, and the search finds what is there.
        for place in ("spans", f"output {self.served.port}"):
            self.assertIn("forbidden", texts[place], place)
        self.assertIn("AcraCensor blocked this query", texts["errors"])
        self.assertTrue((self.folder / "unparsed.jsonl").stat().st_size)
        value = self.planted["stored value"]
        self.assertTrue(wanted.within(json.dumps([value, value.encode().hex()]).encode()))
