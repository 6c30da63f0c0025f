"""Tables beside the configuration of protected columns; tests/integration/test_column_settings.py
asks a real database."""

from twisted.internet.defer import ensureDeferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.authentication.queryconnection import NoAnswer
from acra_twisted.dialects.mysql.servicequery import ServiceQuery
from acra_twisted.doctor.result import FAIL, OK, WARN, ok
from acra_twisted.optionkinds import Address
from acra_twisted.server import columnexamination
from acra_twisted.server.columnexamination import columns, schema
from acra_twisted.server.tap import Options
from tests.support.programs import settings_of
from tests.support.schemas import answer, column, table

FITS = table(7, "people", column("id", 1, 23), column("name", 2))
FLAGS = ("--db_host=127.0.0.1", "--client_id=an application", "--stage.encryptor.config_file=")


class Examining(SynchronousTestCase):
    def setUp(self):
        self.asked = []
        self.rows = None
        self.answer = answer(FITS)
        self.path = self.mktemp()
        with open(self.path, "w") as file:
            file.write("schemas: [{table: people, encrypted: [{column: name}]}]")
        self.patch(columnexamination, "ask_once", self.ask)

    async def ask(self, reactor, connect, client, explain, seconds, value):
        self.asked.append(client)
        for found in (self.rows, self.answer):
            if isinstance(found, Exception):
                raise found
        if self.rows is not None:
            return self.rows
        return [(b"%d" % at, cell) for at, cell in enumerate(self.answer)]

    def found(self, *flags, examine=columns):
        settings = settings_of(Options.program, *FLAGS[:2], *flags)

        async def collect():
            more = 0 if examine is schema else FakeDatabase()
            return [result async for result in examine(Clock(), settings, more)]

        return self.successResultOf(ensureDeferred(collect()))

    def protected(self, *flags):
        return self.found(f"--encryptor_config_file={self.path}", "--schema_user=looker", *flags)

    def test_tables_that_fit(self):
        [result] = self.protected()
        self.assertEqual(result.state, OK)
        self.assertIn("postgres: the tables fit", result.text)

    def test_each_finding_is_a_result(self):
        self.answer = answer(
            table(7, "people", column("id", 1, 23), column("name", 2, 23),
                  attached=[["trigger", "spy", None]])
        )  # fmt: skip
        kind, trigger = self.protected()
        self.assertEqual((kind.state, trigger.state), (FAIL, WARN))
        self.assertIn("postgres: people.name: its type", kind.text)
        self.assertIn("Make it bytea", kind.remedy)

    def test_every_database_is_asked(self):
        results = self.protected("--schema_databases=shop, hr")
        self.assertEqual([one.text.partition(":")[0] for one in results], ["shop", "hr"])
        self.assertEqual(len(self.asked), 2)

    def test_one_that_does_not_answer(self):
        self.answer = NoAnswer("it is away")
        [result] = self.protected()
        self.assertEqual(result.state, FAIL)
        self.assertIn("looker cannot look at the tables of postgres: it is away", result.text)

    def test_a_configuration_that_is_wrong(self):
        with open(self.path, "w") as file:
            file.write("tables: []")
        [result] = self.protected()
        self.assertEqual(result.state, FAIL)
        self.assertEqual(self.asked, [])

    def test_there_is_nothing_to_ask(self):
        self.assertEqual(self.found(), [])
        self.assertEqual(self.found(f"--encryptor_config_file={self.path}"), [])
        self.assertEqual(self.asked, [])

    def test_who_asks_for_it_is_told_why_not(self):
        [result] = self.found(examine=schema)
        self.assertEqual(result.state, FAIL)
        self.assertIn("no column is protected", result.text)
        [result] = self.found(f"--encryptor_config_file={self.path}", examine=schema)
        self.assertIn("schema_user", result.remedy)

    def test_tables_of_mysql_are_asked_for_once_for_all_databases(self):
        self.rows = mysql_rows("varbinary")
        [result] = self.protected("--mysql_enable")
        self.assertEqual(result, ok("columns", "the tables fit the configuration"))
        [client] = self.asked
        self.assertIsInstance(client, ServiceQuery)
        self.rows = mysql_rows("int")
        [result] = self.protected("--mysql_enable")
        self.assertEqual(result.state, FAIL)
        self.assertIn("people.name: its type int", result.text)
        self.assertIn("Make it VARBINARY", result.remedy)

    def test_mysql_that_does_not_answer_or_says_what_is_not_understood(self):
        for rows, why in (((), "cut short"), (NoAnswer("it is away"), "it is away")):
            self.rows = rows
            [result] = self.protected("--mysql_enable")
            self.assertEqual(result.state, FAIL)
            self.assertIn("looker cannot look at the tables of the server", result.text)
            self.assertIn(why, result.text)


def mysql_rows(kind):
    """The answer about a server of MySQL with one table."""
    column = ("shop", "people", "name", "1", kind, "400", None, None, "100", None)
    found = (("settings", "0", "STRICT_ALL_TABLES", "", "1"), ("column", *column), ("end",))
    return [
        [
            one[0].encode(),
            *(None if cell is None else cell.encode().hex().encode() for cell in one[1:]),
        ]
        + [None] * (11 - len(one))
        for one in found
    ]


class FakeDatabase:
    """Is connected to by nobody here."""

    connect = None
    tls = "off"
    address = Address("127.0.0.1", 3306)
