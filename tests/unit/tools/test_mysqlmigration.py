"""Tables of a server of MySQL for acra-migrate; tests/integration/test_mysql_migrating.py has a
real one."""

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.migrating import ENCRYPT
from acra_twisted.encryption.settings import EncryptionSettings, TableSetting
from acra_twisted.errors import ConfigError
from acra_twisted.tools.mysqlmigration import MysqlSite, skips_locked
from tests.support.mysqlplanning import NAME

COLUMNS = (("id", 1, "int", None, "000"), ("name", 2, "varbinary", 400, "100"))


class Server:
    """Has a table ``people``, and answers about it."""

    def __init__(self):
        self.engine = b"innodb"
        self.tables = ["people"]
        self.asked = []

    async def ask(self, statement):
        self.asked.append(statement)
        if "VERSION()" in statement:
            return ((b"10.11.6-MariaDB",),)
        if statement.startswith("SELECT 'table'"):
            return ((b"table", self.engine, b"base table", b"3"),)
        found = [row("settings", 0, "STRICT_ALL_TABLES", "", 1)]
        for name in self.tables:
            for column, at, kind, size, flags in COLUMNS:
                more = (kind, size, None, None, flags, None)
                found.append(row("column", "shop", name, column, at, *more))
            found.append(row("key", "shop", name, "PRIMARY", 1, "id", None, 0))
        return (*found, row("end"))


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
