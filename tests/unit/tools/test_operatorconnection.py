"""The connection of an operator's statements: which database it is to."""

from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import ConfigError
from acra_twisted.sql.comments import take_context
from acra_twisted.tools import operatorconnection
from acra_twisted.tools.databaseclient import Answer
from acra_twisted.tools.mysqlselection import MysqlStatements, MysqlTexts
from acra_twisted.tools.operatorconnection import OperatorConnection
from acra_twisted.tools.postgresqlselection import PostgresqlStatements, PostgresqlTexts

PROGRAM = "acra-rotate"


class Client:
    """Notes how it is made and connected.  ``change`` is what becomes of statements on their
    way."""

    def __init__(self, change=lambda text: text):
        self.made = self.first = None
        self.closed = False
        self.change = change

    async def ask(self, statement):
        rows = [[self.change(statement.encode())]]
        return Answer(rows, [25]) if len(self.made) == 3 and self.made[1] == PROGRAM else rows

    def __call__(self, *given):
        self.made = given
        return self

    async def connect(self, first=()):
        self.first = first

    def close(self):
        self.closed = True


class Connections(SynchronousTestCase):
    def opened(self, connection):
        return self.successResultOf(Deferred.fromCoroutine(connection.statements("reactor")))

    def test_each_database_by_its_own_client(self):
        for text, name, statements, texts in (
            ("host=here", "DatabaseClient", PostgresqlStatements, PostgresqlTexts),
            ("mysql://me:pw@db/shop", "MysqlClient", MysqlStatements, MysqlTexts),
            ("me:pw@tcp(db:3306)/shop", "MysqlClient", MysqlStatements, MysqlTexts),
        ):
            client = Client()
            self.patch(operatorconnection, name, client)
            connection = OperatorConnection(text, PROGRAM, {}, name == "MysqlClient")
            self.assertIsInstance(connection.texts, texts)
            self.assertIsInstance(self.opened(connection), statements)
            if name == "MysqlClient":
                reactor, settings, password = client.made
                found = (reactor, settings["db_host"], password)
                self.assertEqual(found, ("reactor", "db", b"pw"))
                self.assertTrue(any("sql_mode" in one for one in client.first))
            connection.close()
            self.assertTrue(client.closed)

    def test_acraserver_is_not_the_database(self):
        for text, name in (("host=here", "DatabaseClient"), ("mysql://me@db/", "MysqlClient")):
            self.patch(operatorconnection, name, Client(lambda text: take_context(text).text))
            opened = Deferred.fromCoroutine(OperatorConnection(text, PROGRAM, {}).open("reactor"))
            error = self.failureResultOf(opened, ConfigError)
            self.assertIn("name the database itself", str(error.value))

    def test_a_flag_for_another_database(self):
        self.assertRaises(ConfigError, OperatorConnection, "host=here", PROGRAM, {}, True)
        OperatorConnection("mysql://me@db/", PROGRAM, {}).close()

    def test_the_rest_of_the_way_is_in_the_servers_configuration(self):
        path = Path(self.mktemp()).absolute()
        path.write_text(
            "[database]\nmysql_enable = true\npostgresql_enable = false\ndb_host = db\n"
        )
        where = {"server_config": str(path)}
        client = Client()
        self.patch(operatorconnection, "MysqlClient", client)
        connection = OperatorConnection("mysql://me@/", "acra-migrate", {}, **where)
        self.assertTrue(connection.is_mysql)
        opened = Deferred.fromCoroutine(connection.open("reactor"))
        self.assertIs(self.successResultOf(opened), client)
        self.assertEqual(client.made[1]["db_host"], "db")
        error = self.assertRaises(ConfigError, OperatorConnection, "", "acra-migrate", {}, **where)
        self.assertIn("mysql://USER@/", str(error))

    def test_names_that_are_no_text(self):
        for text in ("mysql://m\udcffe@db/", "mysql://me@db/\udcff"):
            error = self.assertRaises(ConfigError, OperatorConnection, text, "acra-migrate", {})
            self.assertIn("UTF-8", str(error))
