"""Protected columns of MariaDB: written, searched and read through AcraServer by real clients."""

import asyncio
import json
import re
import subprocess
import tempfile
from pathlib import Path

import asyncmy
import mysql.connector
import pymysql
from pymysql.constants import CLIENT
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import purposes
from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.mysql import encodings
from acra_twisted.sandbox.chain import Chain
from acra_twisted.sandbox.collector import Collector
from acra_twisted.sandbox.keys import Keys
from tests.integration.base import eventually
from tests.support import classmariadb
from tests.support.mysqldaemon import MysqlServer

_CLIENT = "an application"
INTEROP = Path(__file__).parents[1] / "interop"
COLUMNS = """
schemas:
  - table: people
    columns: [id, name, email, age, score, born, raw, card, ident, nick, note]
    encrypted:
      - {column: name, data_type: str}
      - {column: email, data_type: str, searchable: true}
      - {column: age, data_type: int32, response_on_fail: default_value, default_data_value: "-1"}
      - {column: score, data_type_db_identifier: 8}
      - {column: born, data_type: date}
      - {column: raw}
      - {column: card, data_type: str, masking: "xxxx", plaintext_length: 4, plaintext_side: right}
      - {column: ident, token_type: int32, consistent_tokenization: true}
      - {column: nick, token_type: str, consistent_tokenization: true}
"""
_TABLE = """
CREATE DATABASE shop; USE shop;
CREATE TABLE people (
  id INT PRIMARY KEY AUTO_INCREMENT, name VARBINARY(400), email VARBINARY(400),
  age VARBINARY(300), score VARBINARY(300), born VARBINARY(300), raw BLOB, card VARBINARY(300),
  ident INT, nick VARCHAR(100) CHARACTER SET utf8mb4, note TEXT CHARACTER SET utf8mb4,
  KEY (email(33)));
GRANT ALL ON shop.* TO u@'%';
"""
#: Words that no file, log or page may have.
_SECRETS = ("Zaphodsecret", "mailsecret@example.com", "4929123412341234", "nicksecret")


class Case(SynchronousTestCase):
    stages = ("encryptor", "decryptor")
    columns = COLUMNS
    settings = ()

    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp())
        (cls.folder / "keys").mkdir()
        cls.keys = Keys(cls.folder / "keys", _CLIENT)
        cls.keys.writer.generate(purposes.SEARCH_HMAC, _CLIENT)
        settings = ("--log-bin", "--general-log=1", "--general-log-file=all.log")
        cls.database = classmariadb.started(cls, settings=(*settings, *cls.settings))
        cls.database.run(_TABLE)
        path = cls.folder / "columns.yaml"
        path.write_text(cls.columns)
        cls.server = MysqlServer(
            cls.database.port,
            client_id=_CLIENT,
            stages=cls.stages,
            encryptor_config_file=str(path),
            token_store=f"sqlite:{cls.folder / 'tokens.sqlite'}",
            **cls.keys.ini(),
            **cls.more(),
        )
        cls.server.__enter__()
        cls.addClassCleanup(cls.server.stop)

    @classmethod
    def more(cls):
        """Further settings of AcraServer."""
        return {}

    def setUp(self):
        self.database.run("TRUNCATE shop.people")

    @classmethod
    def access(cls, port=None):
        return {
            "host": "127.0.0.1",
            "port": port or cls.server.port,
            "user": "u",
            "password": "pw",
            "database": "shop",
        }

    def connected(self, **more):
        connection = pymysql.connect(**self.access(), charset="utf8mb4", autocommit=True, **more)
        self.addCleanup(connection.close)
        return connection.cursor()

    def run_(self, text, *values, **more):
        cursor = self.connected(**more)
        cursor.execute(text, values or None)
        return list(cursor.fetchall())

    def stored(self, column):
        found = self.database.run(f"SELECT HEX({column}) FROM shop.people ORDER BY id").split()
        return [None if one == "NULL" else bytes.fromhex(one) for one in found]

    def refused(self, text, *values, number=1235):
        with self.assertRaises(pymysql.MySQLError) as caught:
            self.run_(text, *values)
        self.assertEqual(caught.exception.args[0], number, caught.exception.args)
        return caught.exception.args[1]


_ROW = ("Żółć", "z@example.com", 42, -(1 << 40), "2026-11-29", b"\xff\\'", "4111111111111234")
_INSERT = "INSERT INTO people (name, email, age, score, born, raw, card) VALUES ({})"
_READ = "SELECT name, email, age, score, CAST(born AS CHAR) AS b, raw, card FROM people"


class Clients(Case):
    def check(self, rows):
        (row,) = rows
        born = row[4]
        self.assertEqual(str(born), "2026-11-29")
        self.assertEqual((*row[:4], *row[5:]), (*_ROW[:4], *_ROW[5:]))

    def test_pymysql(self):
        text = _INSERT.format(", ".join(["%s"] * 7))
        self.run_(text, *_ROW)
        self.check(self.run_("SELECT name, email, age, score, born, raw, card FROM people"))
        for column in ("name", "email", "age", "score", "born", "raw", "card"):
            self.assertNotEqual(self.stored(column), [b""])
        self.assertNotIn("Żółć".encode(), self.stored("name")[0])
        self.assertEqual(self.stored("card")[0][-4:], b"1234")

    def test_a_nul_within_a_string(self):
        """Some clients escape none where backslashes escape nothing."""
        cursor = self.connected()
        for mode in ("", "NO_BACKSLASH_ESCAPES"):
            self.setUp()
            cursor.execute(f"SET sql_mode = '{mode}'")
            cursor.execute("INSERT INTO people (name, raw, note) VALUES ('a\0''b', '\0', '\0c')")
            self.assertNotIn(b"a", self.stored("name")[0][:2])
            cursor.execute("SELECT name, raw, note FROM people WHERE note = '\0c'")
            self.assertEqual(cursor.fetchall(), (("a\0'b", b"\0", "\0c"),))

    def connectors(self, **more):
        connection = mysql.connector.connect(**self.access(), autocommit=True, **more)
        self.addCleanup(connection.close)
        return connection

    def test_mysql_connector(self):
        connection = self.connectors(use_pure=True)
        for prepared in (False, True):
            self.setUp()
            cursor = connection.cursor(prepared=prepared)
            mark = "?" if prepared else "%s"
            cursor.execute(_INSERT.format(", ".join([mark] * 7)), _ROW)
            text = "SELECT name, email, age, score, born, raw, card FROM people WHERE email ="
            cursor.execute(f"{text} {mark} AND id > {mark}", ("z@example.com", 0))
            self.check(cursor.fetchall())
            cursor.execute(f"{text} {mark} AND id > {mark}", ("other", 0))
            self.assertEqual(cursor.fetchall(), [])
            cursor.close()

    def test_asyncmy(self):
        async def go():
            connection = await asyncmy.connect(**self.access(), autocommit=True)
            async with connection.cursor() as cursor:
                await cursor.execute(_INSERT.format(", ".join(["%s"] * 7)), _ROW)
                await cursor.execute(
                    "SELECT name, email, age, score, born, raw, card FROM people WHERE email = %s",
                    ("z@example.com",),
                )
                found = await cursor.fetchall()
            connection.close()
            return found

        self.check(asyncio.run(go()))

    def test_node(self):
        expected = [["string", None], ["string", None], ["number", 42], ["Buffer", "ff27"]]
        expected.append(["number", 7])
        for driver, rows in (("mysql2", 1), ("mariadb", 3)):
            self.setUp()
            command = ["node", "mysql-columns.js", driver, str(self.server.port)]
            done = subprocess.run(
                command, cwd=INTEROP, capture_output=True, text=True, timeout=300, check=False
            )
            self.assertEqual(done.returncode, 0, done.stderr)
            found = json.loads(done.stdout)
            self.assertEqual(found.pop("refused"), [1235, "42000"])
            for asked, answer in found.items():
                name = asked.split()[1]
                expected[0][1], expected[1][1] = name, f"{name}@x.org"
                is_there = name in ("text", "prepared") or rows == 3
                self.assertEqual(answer, [expected] if is_there else [], (driver, asked))
            count = self.database.run("SELECT COUNT(*) FROM shop.people").strip()
            self.assertEqual(count, "5" if rows == 3 else "2")

    def test_a_client_of_another_character_set(self):
        self.run_("INSERT INTO people (name) VALUES ('Müller, 5 €')")
        connection = pymysql.connect(**self.access(), charset="latin1")
        self.addCleanup(connection.close)
        cursor = connection.cursor()
        cursor.execute("SELECT name FROM people")
        self.assertEqual(cursor.fetchall(), (("Müller, 5 €",),))
        prepared = mysql.connector.connect(
            **self.access(), charset="latin1", use_pure=True, autocommit=True
        )
        self.addCleanup(prepared.close)
        asked = prepared.cursor(prepared=True)
        # The byte that is a euro sign to the server, and another character to this driver.
        asked.execute("INSERT INTO people (name, email) VALUES (?, ?)", ("6 \x80", "\x80@x.org"))
        found = self.run_("SELECT name FROM people WHERE email = '€@x.org'")
        self.assertEqual(found, [("6 €",)])

    def test_characters_are_those_of_the_server(self):
        for charset in ("latin1", "ascii", "cp1256", "cp866", "koi8u", "koi8r", "greek", "hebrew"):
            codec = encodings.codec_of(charset)
            asked = ", ".join(
                f"HEX(CONVERT(_{charset} x'{byte:02x}' USING utf8mb4))" for byte in range(128, 256)
            )
            answers = self.database.run(f"SELECT {asked}").split()
            for byte, answer in enumerate(answers, 128):
                sent, kept = bytes([byte]), bytes.fromhex(answer)
                with self.subTest(charset=charset, byte=sent):
                    if kept == b"?":
                        with self.assertRaises(ValueRefusedError):
                            encodings.to_utf8(sent, codec)
                    else:
                        self.assertEqual(encodings.to_utf8(sent, codec), kept)
                        self.assertEqual(encodings.from_utf8(kept, codec), sent)


class Texts(Case):
    def test_searches(self):
        for name, email in (("a", "a@x.org"), ("b", "b@x.org"), ("c", ""), ("d", None)):
            self.run_("INSERT INTO people (name, email) VALUES (%s, %s)", name, email)
        for condition, expected in (
            ("email = 'a@x.org'", "a"),
            ("email <> 'a@x.org'", "bc"),
            ("email IN ('a@x.org', 'b@x.org', 'z')", "ab"),
            ("email = ''", "c"),
            ("email IS NULL", "d"),
            ("email <=> NULL", "d"),
            ("NOT (email = 'b@x.org')", "ac"),
            ("email = 'b@x.org' OR id = 1", "ab"),
        ):
            found = self.run_(f"SELECT name FROM people WHERE {condition} ORDER BY id")
            self.assertEqual("".join(one for (one,) in found), expected, condition)

    def test_the_key_is_used(self):
        for number in range(30):
            self.run_("INSERT INTO people (email) VALUES (%s)", f"{number}@x.org")
        self.database.run("ANALYZE TABLE shop.people")
        found = self.run_("EXPLAIN SELECT id FROM people WHERE email = '7@x.org'")
        self.assertIn("email", [str(cell) for cell in found[0]])
        self.assertIn("range", [str(cell) for cell in found[0]])

    def test_tokens(self):
        self.run_("INSERT INTO people (ident, nick) VALUES (42, 'Zaphod'), (42, 'Ford')")
        self.assertEqual(
            self.run_("SELECT ident, nick FROM people WHERE ident = 42 AND nick = 'Ford'"),
            [(42, "Ford")],
        )
        stored = self.database.run("SELECT ident, nick FROM shop.people")
        self.assertNotIn("Zaphod", stored)
        self.assertEqual(len({line.split()[0] for line in stored.splitlines()}), 1)
        self.assertNotIn("42\t", stored)

    def test_updates_and_deletes(self):
        self.run_("INSERT INTO people (name, email) VALUES ('a', 'a@x.org'), ('b', 'b@x.org')")
        self.run_("UPDATE people SET name = 'c', age = '7' WHERE email = 'b@x.org'")
        self.run_("DELETE FROM people WHERE email = 'a@x.org'")
        self.assertEqual(self.run_("SELECT name, age FROM people"), [("c", 7)])

    def test_several_statements(self):
        cursor = self.connected(client_flag=CLIENT.MULTI_STATEMENTS)
        cursor.execute(
            "INSERT INTO people (name) VALUES ('a'); SELECT name FROM people; SELECT 1 AS name"
        )
        found = []
        while True:
            found.append(cursor.fetchall())
            if not cursor.nextset():
                break
        self.assertEqual([*map(list, found)], [[], [("a",)], [(1,)]])

    def test_twenty_thousand_rows_in_a_statement(self):
        rows = [(n, "Zaphodsecret", f"note {n}", n, n) for n in range(1, 20_001)]
        shown = ", ".join("(%d, '%s', '%s', %d, %d)" % row for row in rows)
        self.run_("INSERT INTO people (id, name, note, ident, age) VALUES " + shown)
        found = self.run_("SELECT id, name, note, ident, age FROM people ORDER BY id")
        self.assertTrue(found == rows)
        self.assertFalse(any(b"Zaphodsecret" in one for one in self.stored("name")))

    def test_sql_in_the_string_of_a_text_that_is_known_but_for_it(self):
        cursor = self.connected(client_flag=CLIENT.MULTI_STATEMENTS)
        text = "INSERT INTO people (name) VALUES ('Zaphodsecret'); EXECUTE IMMEDIATE {}"
        for _ in range(2):
            cursor.execute(text.format("'SELECT 1'"))
            with self.assertRaises(pymysql.MySQLError) as caught:
                cursor.execute(text.format("'INSERT INTO people (name) VALUES (1)'"))
            self.assertEqual(caught.exception.args[0], 1235)
        self.assertEqual(self.run_("SELECT name FROM people"), [("Zaphodsecret",)] * 2)

    def test_a_table_of_the_same_name_in_another_database(self):
        self.run_("INSERT INTO people (email) VALUES ('a')")
        self.database.run(
            "CREATE DATABASE elsewhere; CREATE TABLE elsewhere.people (id INT);"
            "INSERT INTO elsewhere.people VALUES (1); GRANT ALL ON elsewhere.* TO u@'%'"
        )
        self.addCleanup(self.database.run, "DROP DATABASE elsewhere")
        tables = "elsewhere.people, shop.people"
        self.run_(f"UPDATE {tables} SET shop.people.name = 'Zaphodsecret'")
        self.assertNotIn(b"Zaphodsecret", self.stored("name")[0])
        self.refused(f"UPDATE {tables} SET people.name = 'Zaphodsecret'")
        found = self.run_(f"SELECT shop.people.name FROM {tables} WHERE shop.people.email = 'a'")
        self.assertEqual(found, [("Zaphodsecret",)])

    def test_what_does_not_open(self):
        self.database.run(
            "INSERT INTO shop.people (name, age, note) VALUES (x'25252533', 'plain', 'n')"
        )
        self.assertEqual(self.run_("SELECT age, note FROM people"), [(-1, "n")])

    def test_values_that_are_none(self):
        told = self.refused("INSERT INTO people (age) VALUES ('Zaphodsecret')", number=1366)
        self.assertNotIn("Zaphodsecret", told)
        self.refused(f"INSERT INTO people (age) VALUES ({1 << 31})", number=1264)

    def test_what_the_server_would_cut(self):
        """It does so and only warns with IGNORE, and in modes that are not strict."""
        self.run_("INSERT INTO people (name, nick) VALUES ('kept', 'kept')")
        long = "x" * 300
        for mode in ("STRICT_TRANS_TABLES", ""):
            cursor = self.connected()
            cursor.execute("SET sql_mode = %s", (mode,))
            for text in (
                "INSERT IGNORE INTO people (name) VALUES (%s)",
                "INSERT INTO people (nick) VALUES (%s)",
                "UPDATE people SET name = %s",
            ):
                with self.assertRaises(pymysql.MySQLError) as caught:
                    cursor.execute(text, (long,))
                self.assertEqual(caught.exception.args[0], 1406, (mode, text))
        connection = mysql.connector.connect(**self.access(), autocommit=True)
        self.addCleanup(connection.close)
        prepared = connection.cursor(prepared=True)
        with self.assertRaises(mysql.connector.Error) as caught:
            prepared.execute("INSERT IGNORE INTO people (name) VALUES (?)", (long,))
        self.assertEqual(caught.exception.errno, 1406)
        self.assertEqual(self.run_("SELECT name, nick FROM people"), [("kept", "kept")])

    def test_what_is_not_understood_is_refused(self):
        for text in (
            "SELECT UPPER(name) FROM people",
            "SELECT * FROM people ORDER BY name",
            "SELECT id FROM people WHERE email LIKE 'a%'",
            "INSERT INTO people (name) VALUES (CONCAT('a', 'b'))",
            "CREATE TABLE copy AS SELECT * FROM people",
            "CREATE VIEW v AS SELECT UPPER(name) AS n FROM people",
            "LOAD DATA INFILE '/tmp/x' INTO TABLE people",
        ):
            told = self.refused(text)
            self.assertIn("AcraServer", told)
        self.assertEqual(self.stored("id"), [])

    def test_views(self):
        self.run_("CREATE OR REPLACE VIEW shown (no, e, n) AS SELECT id, email, name FROM people")
        self.addCleanup(self.database.run, "DROP VIEW shop.shown")
        self.run_("INSERT INTO people (name, email) VALUES ('a', 'a@x.org'), ('b', 'b@x.org')")
        self.assertEqual(
            self.run_("SELECT n, e FROM shown WHERE e = 'b@x.org'"), [("b", "b@x.org")]
        )
        self.assertEqual(self.run_("SELECT * FROM shown WHERE no = 1"), [(1, "a@x.org", "a")])
        self.assertEqual(self.run_("SELECT DISTINCT e FROM shown WHERE no = 1"), [("a@x.org",)])
        self.run_("DELETE FROM shown WHERE e = 'a@x.org'")
        self.assertEqual(self.run_("SELECT name FROM people"), [("b",)])

    def test_views_that_are_written(self):
        cursor = self.connected()
        cursor.execute(
            "CREATE OR REPLACE VIEW part (no, e, n) AS SELECT id, email, name FROM people"
        )
        self.addCleanup(self.database.run, "DROP VIEW shop.part")
        cursor.execute("INSERT INTO part (no, n) VALUES (1, 'Zaphod'), (2, %s)", ("Ford",))
        cursor.execute("INSERT INTO part VALUES (3, 'a@x.org', 'Arthur')")
        cursor.execute("REPLACE INTO part SET no = 2, n = 'Trillian', e = 'b@x.org'")
        cursor.execute("UPDATE part SET n = 'Marvin' WHERE e = 'a@x.org'")
        cursor.execute(
            "INSERT INTO part (no, n) VALUES (1, 'x') ON DUPLICATE KEY UPDATE e = 'c', n = 'Z'"
        )
        cursor.execute("SELECT id, email, name FROM people ORDER BY id")
        self.assertEqual(
            cursor.fetchall(), ((1, "c", "Z"), (2, "b@x.org", "Trillian"), (3, "a@x.org", "Marvin"))
        )
        for column in ("name", "email"):
            for stored in self.stored(column):
                self.assertGreater(len(stored), 100)

    def test_checks_stay_on(self):
        cursor = self.connected(client_flag=CLIENT.MULTI_STATEMENTS)
        for text in (
            "SET check_constraint_checks = 0",
            "SELECT 1; SET @@session.check_constraint_checks = OFF",
            "SET STATEMENT check_constraint_checks = 0 FOR SELECT 1",
            "SET GLOBAL check_constraint_checks = 0",
        ):
            with self.assertRaises(pymysql.MySQLError) as caught:
                cursor.execute(text)
            self.assertEqual(caught.exception.args[0], 1235, text)
        cursor.execute("SELECT @@session.check_constraint_checks, @@global.check_constraint_checks")
        self.assertEqual(cursor.fetchall(), ((1, 1),))

    def test_a_session_that_moves(self):
        self.database.run("CREATE DATABASE IF NOT EXISTS other; GRANT ALL ON other.* TO u@'%'")
        cursor = self.connected()
        for leave in ("USE other", "EXECUTE IMMEDIATE 'USE other'"):
            cursor.execute("USE shop")
            cursor.execute("SET SESSION session_track_schema = OFF")
            try:
                cursor.execute(leave)
            except pymysql.MySQLError:
                continue
            with self.assertRaises(pymysql.MySQLError):
                cursor.execute("INSERT INTO people (name) VALUES ('Zaphod')")
            cursor.execute("USE shop")
            cursor.execute("INSERT INTO people (name) VALUES ('Zaphod')")
        for stored in self.stored("name"):
            self.assertNotIn(b"Zaphod", stored)

    def test_a_role_that_sees_a_view(self):
        """Its user sees the view once the role is set."""
        self.database.account("low", "pw")
        self.database.run(
            "CREATE DATABASE apart; CREATE VIEW apart.seen AS SELECT id, name FROM shop.people;"
            "CREATE ROLE viewer; GRANT SELECT, INSERT ON apart.* TO viewer;"
            "REVOKE ALL, GRANT OPTION FROM low; GRANT SELECT, INSERT ON shop.people TO low;"
            "GRANT viewer TO low"
        )
        self.addCleanup(self.database.run, "DROP DATABASE apart; DROP ROLE viewer; DROP USER low")
        more = {"charset": "utf8mb4", "autocommit": True, "client_flag": CLIENT.MULTI_STATEMENTS}
        connection = pymysql.connect(**{**self.access(), "user": "low"}, **more)
        self.addCleanup(connection.close)
        cursor = connection.cursor()
        cursor.execute("INSERT INTO people (name) VALUES ('known')")
        write = "INSERT INTO apart.seen (name) VALUES ('Zaphodsecret')"
        for text in (f"SET ROLE viewer; {write}", "SET ROLE viewer", write):
            try:
                cursor.execute(text)
            except pymysql.MySQLError as error:
                self.assertEqual(error.args[0], 1235, text)
        self.assertEqual(len(self.stored("name")), 1)
        cursor.execute("SELECT CURRENT_ROLE()")
        self.assertEqual(cursor.fetchall(), (("viewer",),))

    def test_modes_and_character_sets_are_followed(self):
        cursor = self.connected()
        cursor.execute("SET sql_mode = 'STRICT_ALL_TABLES,NO_BACKSLASH_ESCAPES'")
        cursor.execute("INSERT INTO people (name) VALUES ('a\\\\')")
        cursor.execute("SET sql_mode = 'ANSI_QUOTES'")
        cursor.execute('INSERT INTO "people" ("name") VALUES (\'b\')')
        self.assertEqual(self.run_("SELECT name FROM people ORDER BY id"), [("a\\\\",), ("b",)])

    def test_tables_that_change(self):
        self.run_("ALTER TABLE people ADD COLUMN more INT FIRST")
        self.addCleanup(self.database.run, "ALTER TABLE shop.people DROP COLUMN more")
        self.run_("INSERT INTO people VALUES (1, 2, 'n', '', 3, 4, NULL, '', '', 5, 'k', 't')")
        self.assertEqual(self.run_("SELECT more, id, name, age FROM people"), [(1, 2, "n", 3)])


class LeftOut(Case):
    """A client that may not read a column has containers of its own from there."""

    columns = COLUMNS.replace("{column: raw}", "{column: raw, read: [others alone]}")

    def test_its_containers_are_not_stored_where_it_reads(self):
        self.run_("INSERT INTO people (raw) VALUES ('of nobody')")
        [(sealed,)] = self.run_("SELECT raw FROM people")
        self.assertEqual(sealed[:3], b"%%%")
        text = "0x" + sealed.hex()
        digits = "\\\\x" + sealed.hex()
        for column, value in (("name", digits), ("email", digits), ("card", digits)):
            said = self.refused(f"UPDATE people SET {column} = '{value}'", number=1143)
            self.assertIn("may not read every column", said)
        self.refused(f"SELECT id FROM people WHERE email = '{digits}'", number=1143)
        with self.assertRaises(pymysql.MySQLError):
            self.run_(f"UPDATE people SET name = {text}")
        self.run_(f"UPDATE people SET raw = {text}")
        self.assertEqual(self.run_("SELECT raw, name FROM people"), [(sealed, None)])


class Chained(Case):
    def test_through_a_connector_and_a_server(self):
        """The connector sees the application's own texts, and the server what is protected."""
        folder = Path(tempfile.mkdtemp())
        keys = Keys(folder, "sandbox client")
        keys.writer.generate(purposes.SEARCH_HMAC, "sandbox client")
        kind = {"mysql_enable": "true"}
        server = {"encryptor_config_file": str(self.folder / "columns.yaml")}
        collector = Collector().start()
        self.addCleanup(collector.stop)
        tracing = {"otlp_endpoint": collector.url, "tracing_interval": "0.1"}
        chain = Chain(
            ("127.0.0.1", self.database.port),
            link="secure-session",
            server={
                "database": kind,
                "tracing": tracing,
                "pipeline": {"stages": "decryptor"},
                "encryptor": server,
                "tokens": {"token_store": f"sqlite:{folder / 'tokens.sqlite'}"},
            },
            connector={"connector": kind, "tracing": tracing},
            folder=folder,
            keys=keys,
        )
        self.addCleanup(chain.stop)
        chain.start()
        connection = pymysql.connect(**self.access(chain.port), autocommit=True)
        self.addCleanup(connection.close)
        cursor = connection.cursor()
        cursor.execute("INSERT INTO people (name, email, ident) VALUES ('Zaphod', 'z@x.org', 7)")
        cursor.execute("SELECT name, ident FROM people WHERE email = %s", ("z@x.org",))
        self.assertEqual(list(cursor.fetchall()), [("Zaphod", 7)])
        self.assertNotIn(b"Zaphod", self.stored("name")[0])
        prepared = mysql_connector(self.access(chain.port))
        self.addCleanup(prepared.close)
        asking = prepared.cursor(prepared=True)
        asking.execute("SELECT name, ident FROM people WHERE email = ?", ("z@x.org",))
        self.assertEqual(asking.fetchall(), [("Zaphod", 7)])
        attributes = eventually(lambda: _protected(collector.spans), "a span of protected values")
        self.assertEqual(attributes["acra.columns"], "people.email, people.ident, people.name")
        shown = repr(collector.spans) + "".join(path.read_text() for path in folder.glob("*.log"))
        for value in ("Zaphod", "z@x.org"):
            self.assertNotIn(value, shown)


def _protected(spans):
    """The attributes of the first span of a request that has stored values."""
    for span in spans:
        if "acra.columns_encrypted" in span["attributes"]:
            return span["attributes"]
    return None


def mysql_connector(access):
    return mysql.connector.connect(**access, autocommit=True, use_pure=True)


class Secrets(Case):
    def test_nothing_is_found_in_files_and_logs(self):
        name, email, card, nick = _SECRETS
        text = "INSERT INTO people (name, email, card, nick) VALUES ('{}', '{}', '{}', '{}')"
        self.run_(text.format(*_SECRETS))
        connection = mysql_connector(self.access())
        self.addCleanup(connection.close)
        cursor = connection.cursor(prepared=True)
        cursor.execute(text.replace("'{}'", "?"), _SECRETS)
        cursor.execute("SELECT name FROM people WHERE email = ? AND nick = ?", (email, nick))
        self.assertEqual(cursor.fetchall(), [(name,), (name,)])
        self.run_(f"SELECT id FROM people WHERE email = '{email}' AND nick = '{nick}'")
        for refused in (
            f"SELECT UPPER(name) FROM people WHERE email = '{email}'",
            f"INSERT INTO people (age) VALUES ('{name}')",
        ):
            with self.assertRaises(pymysql.MySQLError) as caught:
                self.run_(refused)
            self.assertNotIn(name, str(caught.exception))
        self.database.run("FLUSH TABLES; FLUSH LOGS")
        found = []
        searched = 0
        clear = [one.encode() for one in (name, email, card, nick)]
        for folder in (Path(self.database.folder), self.folder):
            for path in folder.rglob("*"):
                if path.is_file():
                    try:
                        data = path.read_bytes()
                    except FileNotFoundError:
                        # The database has removed it meanwhile.
                        continue
                    searched += 1
                    hexed = re.sub(rb"[^0-9a-f]", b"", data.lower())
                    found += [
                        (path, one) for one in clear if one in data or one.hex().encode() in hexed
                    ]
        self.assertEqual(found, [])
        self.assertGreater(searched, 20)
        for one in (name, email, card, nick):
            self.assertNotIn(one, self.server.output)
