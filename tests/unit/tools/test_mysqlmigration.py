"""Tables of a server of MySQL for acra-migrate; tests/integration/test_mysql_migrating.py has a
real one."""

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.migrating import ENCRYPT
from acra_twisted.encryption.settings import EncryptionSettings, TableSetting
from acra_twisted.errors import ConfigError
from acra_twisted.tools.mysqlclient import MysqlError
from acra_twisted.tools.mysqlmigration import MysqlSite, skips_locked
from acra_twisted.tools.rowwork import Counts, MigrationError
from tests.support.mysqlplanning import NAME
from tests.unit.tools.test_settling import Job

COLUMNS = (("id", 1, "int", None, "000"), ("name", 2, "varbinary", 400, "100"))


class Server:
    """Has a table ``people`` without rows, and answers about it."""

    def __init__(self):
        self.columns = COLUMNS
        self.triggers = []
        #: Answers of its own, by the beginnings of statements.
        self.answers = {}
        self.engine = b"innodb"
        self.tables = ["people"]
        self.asked = []

    async def ask(self, statement):
        self.asked.append(statement)
        for begin, found in self.answers.items():
            if statement.startswith(begin):
                if isinstance(found, Exception):
                    raise found
                return found
        if "VERSION()" in statement:
            return ((b"10.11.6-MariaDB",),)
        if statement.startswith("SELECT 'table'"):
            return ((b"table", self.engine, b"base table", b"3"),)
        found = [row("settings", 0, "STRICT_ALL_TABLES", "", 1)]
        for name in self.tables:
            for column, at, kind, size, flags in self.columns:
                more = (kind, size, None, None, flags, None)
                found.append(row("column", "shop", name, column, at, *more))
            found.append(row("key", "shop", name, "PRIMARY", 1, "id", None, 0))
        found += [row("trigger", "shop", one, "people", "SET x", "") for one in self.triggers]
        return (*found, row("end"))

    ask_long = ask


def row(kind, *cells):
    shown = [None if one is None else str(one).encode().hex().encode() for one in cells]
    return (kind.encode(), *shown, *[None] * (10 - len(cells)))


class Sites(SynchronousTestCase):
    def setUp(self):
        self.server = Server()
        self.people = TableSetting("", "people", (), {"name": NAME})
        self.site = MysqlSite(self.server, EncryptionSettings([self.people]), ENCRYPT)

    def done(self, coroutine):
        return self.successResultOf(Deferred.fromCoroutine(coroutine))

    def test_the_tables_and_their_rows(self):
        self.done(self.site.read())
        [root] = self.site.roots(self.people)
        self.assertEqual(self.site.definitions(root), [])
        [rows] = self.done(self.site.work(root))
        self.assertEqual(
            (rows.label, [one.source.name for one in rows.parts]), ("shop.people", ["name"])
        )

    def test_what_is_not_there_or_not_safe(self):
        self.server.tables = []
        self.done(self.site.read())
        self.assertRaises(ConfigError, self.site.roots, self.people)
        self.server.tables, self.server.engine = ["people"], b"myisam"
        self.done(self.site.read())
        [root] = self.site.roots(self.people)
        working = Deferred.fromCoroutine(self.site.work(root))
        error = self.failureResultOf(working, ConfigError).value
        self.assertIn("table shop.people: its engine has no transactions", str(error))

    def test_servers_that_pass_over_locked_rows(self):
        for version, knows in (
            (b"10.11.6-MariaDB-0+deb12u1", True),
            (b"5.5.5-10.11.6-MariaDB", True),
            (b"10.5.29-MariaDB", False),
            (b"8.0.36", True),
            (b"8.0.0-dmr", False),
            (b"9.1.0", True),
            (b"", False),
        ):
            self.assertEqual(skips_locked(version), knows, version)


class SwitchJob(Job):
    """Its tables have no rows to fill."""

    async def moved(self, table, page, words):
        return Counts()


class Switches(SynchronousTestCase):
    def setUp(self):
        self.server = Server()
        self.server.columns = (*COLUMNS, ("name__acra", 3, "varbinary", 470, "101"))
        self.server.triggers = ["people__acra"]
        words = [("name", "varbinary(400)"), ("name__acra", "varbinary(470)")]
        self.server.answers = {
            "SELECT HEX(CONVERT(COLUMN_NAME": [
                [*(one.encode().hex().encode() for one in pair), None, None, None] for pair in words
            ],
            "SELECT `id`": (),
            "SELECT 1 FROM": (),
            **dict.fromkeys(("SET ", "LOCK", "DROP", "ALTER", "CREATE", "ROLLB", "UNLOCK"), ()),
        }
        self.job = SwitchJob()

    def switch(self):
        people = TableSetting("", "people", (), {"name": NAME})
        site = MysqlSite(self.server, EncryptionSettings([people]), ENCRYPT)

        async def switched():
            await site.read()
            [root] = site.roots(people)
            await site.switch(root, self.job)

        return Deferred.fromCoroutine(switched())

    def acts(self):
        """The first words of the statements that are no questions."""
        return [one.split()[0] for one in self.server.asked if not one.startswith("SELECT")]

    def test_all_under_one_lock(self):
        self.successResultOf(self.switch())
        self.assertEqual(self.acts(), ["SET", "LOCK", "DROP", "ALTER", "ROLLBACK", "UNLOCK", "SET"])
        locked = self.server.asked.index("LOCK TABLES `shop`.`people` WRITE")
        self.assertIn("lock_wait_timeout = 7", self.server.asked[locked - 1])
        compared = [
            at
            for at, text in enumerate(self.server.asked)
            if text.startswith("SELECT `id`, `name`, `name__acra` FROM")
        ]
        self.assertTrue(compared and min(compared) > locked)
        self.assertIn("switched", self.job.told[-1])

    def test_a_value_that_has_not_come_to_its_second_column(self):
        self.server.answers["SELECT 1 FROM"] = ((b"1",),)
        failure = self.failureResultOf(self.switch(), MigrationError)
        self.assertIn("max_allowed_packet", str(failure.value))
        self.assertEqual(self.acts(), ["SET", "LOCK", "ROLLBACK", "UNLOCK", "SET"])

    def test_the_trigger_comes_back_if_the_names_stay(self):
        self.server.answers["ALTER"] = MysqlError("the database says error 1", "1")
        self.failureResultOf(self.switch(), MysqlError)
        self.assertEqual(
            self.acts(), ["SET", "LOCK", "DROP", "ALTER", "CREATE", "ROLLBACK", "UNLOCK", "SET"]
        )

    def test_a_connection_that_is_gone_is_told_as_such(self):
        gone = MysqlError("the connection to the database is gone", "")
        self.server.answers |= {"ALTER": gone, "ROLLB": MysqlError("another", "2")}
        failure = self.failureResultOf(self.switch(), MysqlError)
        self.assertIs(failure.value, gone)
        self.assertNotIn("CREATE", self.acts())

    def test_a_table_without_a_second_column(self):
        self.server.columns = COLUMNS
        self.successResultOf(self.switch())
        self.assertEqual(self.acts(), [])
        self.assertIn("no second column", self.job.told[-1])
