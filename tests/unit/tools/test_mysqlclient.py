"""A tool's connection to MySQL; tests/integration/test_mysql_migrating.py has a real one."""

import os

from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import ConfigError
from acra_twisted.tools import mysqlclient
from acra_twisted.tools.mysqlclient import (
    MysqlClient,
    MysqlError,
    has_mysql,
    is_mysql_address,
    password_of,
    settings_of,
)
from acra_twisted.wire.mysql.frames import packets
from tests.support.lookups import Channel, MemoryDatabase
from tests.support.mysqllogins import OK
from tests.support.mysqlservice import GREETING, OPENING, answer

HERE = "mysql://me@127.0.0.1:3307/shop"


class Addresses(SynchronousTestCase):
    def file(self, text, mode=0o600):
        path = os.path.abspath(self.mktemp())
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def test_which_database_it_is(self):
        self.assertTrue(is_mysql_address(HERE))
        self.assertTrue(is_mysql_address("mariadb://me@db"))
        for text in ("", "host=db dbname=mysql", "postgresql://me@db", "mysql"):
            self.assertEqual(is_mysql_address(text), text == "mysql")

    def test_parts_are_settings_of_acraserver(self):
        found = settings_of("mysql://m%40e@[::1]/sh%2Fop?db_tls=require&tls_ca=/x", "", {})
        self.assertEqual((found["db_host"], found["db_port"]), ("::1", 3306))
        self.assertEqual((found["db_tls"], found["tls_ca"]), ("require", "/x"))
        self.assertEqual(found["auth_query_user"], "m@e")
        self.assertEqual(found["auth_query_database"], "sh/op")
        self.assertEqual(settings_of(HERE, "", {})["db_port"], 3307)
        found = settings_of("mysql://me@/?db_host=/run/mysqld", "", {})
        self.assertEqual(found["db_host"], "/run/mysqld")

    def test_connection_strings_of_acra(self):
        for text, expected in (
            ("me:p:w@x@tcp(db.example:3307)/shop", ("db.example", 3307, "auto", "shop", b"p:w@x")),
            ("me@tcp([::1]:3306)/", ("::1", 3306, "auto", "", b"")),
            ("me:pw@tcp(db)/shop?tls=true", ("db", 3306, "require", "shop", b"pw")),
            ("me:pw@tcp(db)/?tls=false", ("db", 3306, "disable", "", b"pw")),
            ("me:pw@unix(/run/mysqld/mysqld.sock)/a", ("/run/mysqld", 3306, "auto", "a", b"pw")),
        ):
            self.assertTrue(is_mysql_address(text))
            read = settings_of(text, "", {})
            found = [read[name] for name in ("db_host", "db_port", "db_tls", "auth_query_database")]
            self.assertEqual((*found, password_of(text, {})), expected)
            self.assertEqual(read["auth_query_user"], "me")
        for text in ("me:secret@tcp(db)/?tls=skip-verify", "me:secret@unix(/tmp/x)/"):
            error = self.assertRaises(ConfigError, settings_of, text, "", {})
            self.assertNotIn("secret", str(error))

    def test_the_rest_comes_from_acraservers_configuration(self):
        text = "[database]\ndb_host = db\ndb_port = 33\ndb_tls = require\nmysql_enable = true\n"
        path = self.file(text)
        found = settings_of("mysql://me@/", path, {})
        self.assertEqual((found["db_host"], found["db_port"]), ("db", 33))
        self.assertEqual(settings_of(HERE, path, {})["db_tls"], "require")
        self.assertTrue(has_mysql(path, {}))
        self.assertFalse(has_mysql(self.file("[database]\ndb_host = db\n"), {}))

    def test_mistakes_are_told_without_the_password(self):
        for text, told in (
            ("mysql://:secret@db/", "expected mysql://"),
            ("mysql://me:secret@db:port/", "expected mysql://"),
            ("mysql://me:secret@db/#x", "expected mysql://"),
            ("mysql://me:secret@[db/", "expected mysql://"),
            ("mysql://me:secret@db/?color=1", "no option 'color'"),
            ("mysql://me:secret@/shop", "names no host"),
            ("mysql://me:secret@db/?db_tls=perhaps", "db_tls"),
        ):
            error = self.assertRaises(ConfigError, settings_of, text, "", {})
            self.assertIn(told, str(error))
            self.assertNotIn("secret", str(error))

    def test_the_password(self):
        self.assertEqual(password_of("mysql://me:p%3Aw@db/", {"MYSQL_PWD": "x"}), b"p:w")
        # As the system gives a word that is no UTF-8.
        for text in ("mysql://me:p%FFw@db/", "mysql://me:p\udcffw@db/", "me:p\udcffw@tcp(db)/"):
            self.assertEqual(password_of(text, {}), b"p\xffw")
        self.assertEqual(password_of(HERE, {"MYSQL_PWD": "x"}), b"x")
        self.assertEqual(password_of(HERE, {}), b"")
        path = self.file("secret\n")
        self.assertEqual(password_of(f"{HERE}?password_file={path}", {"MYSQL_PWD": "x"}), b"secret")
        open_ = self.file("secret\n", 0o644)
        error = self.assertRaises(ConfigError, password_of, f"{HERE}?password_file={open_}", {})
        self.assertNotIn("secret", str(error))


class Client(SynchronousTestCase):
    def setUp(self):
        self.clock, self.channel = Clock(), Channel()
        self.connected = succeed(self.channel)
        self.database = MemoryDatabase()
        self.patch(mysqlclient, "make_database", lambda *given: self.database)
        self.database.connect = self.connect
        self.client = MysqlClient(self.clock, settings_of(HERE, "", {}), b"pw")

    def connect(self, plain):
        self.assertTrue(plain)
        return self.connected

    def run_(self, coroutine):
        return Deferred.fromCoroutine(coroutine)

    def log_in(self, *first):
        begun = self.run_(self.client.connect(first))
        self.channel.receiver(packets(GREETING, 0))
        self.channel.receiver(packets(OK, 2))
        self.assertTrue(self.channel.written[-1].endswith(OPENING))
        self.channel.receiver(packets(OK, 1))
        return begun

    def test_a_question(self):
        self.successResultOf(self.log_in())
        asked = self.run_(self.client.ask("SELECT 'ü'"))
        self.assertIn("ü".encode(), self.channel.written[-1])
        self.channel.receiver(answer([b"a", b"b", None]))
        self.assertEqual(self.successResultOf(asked), ((b"a", b"b", None),))
        self.client.close()
        self.assertTrue(self.channel.aborted)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_the_first_statements(self):
        begun = self.log_in("SET a = 1", "SET b = 2")
        for text in (b"SET a = 1", b"SET b = 2"):
            self.assertNoResult(begun)
            self.assertTrue(self.channel.written[-1].endswith(text))
            self.channel.receiver(packets(OK, 1))
        self.successResultOf(begun)

    def test_a_refusal_has_its_number(self):
        self.successResultOf(self.log_in())
        asked = self.run_(self.client.ask("UPDATE t SET a = 'secret'"))
        self.channel.receiver(packets(b"\xff\x7e\x05#22001Data 'secret' too long", 1))
        error = self.failureResultOf(asked, MysqlError).value
        self.assertEqual((error.code, error.is_about_a_value), ("1406", True))
        self.assertNotIn("secret", str(error))

    def test_who_cannot_connect_or_log_in(self):
        begun = self.run_(self.client.connect())
        self.channel.receiver(packets(GREETING, 0))
        self.channel.receiver(packets(b"\xff\x15\x04#28000no", 2))
        self.assertIn("1045", str(self.failureResultOf(begun, ConfigError).value))
        self.connected = fail(OSError("gone"))
        error = self.failureResultOf(self.run_(self.client.connect()), ConfigError).value
        self.assertIn("connection string: ", str(error))

    def test_a_server_that_says_nothing(self):
        begun = self.run_(self.client.connect())
        self.clock.advance(20)
        said = str(self.failureResultOf(begun, ConfigError).value)
        self.assertIn("no answer in time; is it up, and is a firewall in between?", said)
        self.assertIn("127.0.0.1", said)
        self.assertTrue(self.channel.aborted)
        self.connected = Deferred()
        begun = self.run_(self.client.connect())
        begun.cancel()
        self.failureResultOf(begun, CancelledError)

    def test_nobody_is_asked_when_the_connection_is_gone(self):
        self.failureResultOf(self.run_(self.client.ask("SELECT 1")), MysqlError)
        self.client.close()
        self.successResultOf(self.log_in())
        self.client.close()
        error = self.failureResultOf(self.run_(self.client.ask("SELECT 1")), MysqlError).value
        self.assertEqual(error.code, "")

    def test_an_answer_that_does_not_come(self):
        self.successResultOf(self.log_in())
        asked = self.run_(self.client.ask("SELECT SLEEP(1000)"))
        self.clock.advance(601)
        self.assertIn("too long", str(self.failureResultOf(asked, MysqlError).value))
        self.assertTrue(self.channel.aborted)
