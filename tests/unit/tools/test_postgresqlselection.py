"""An operator's statements in PostgreSQL; tests/integration/test_rotating.py has a real one."""

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.tools.databaseclient import PostgresqlError
from acra_twisted.tools.postgresqlselection import PostgresqlStatements, PostgresqlTexts
from tests.support.selected import Selected


class Rows(SynchronousTestCase):
    def rows(self, client):
        async def read():
            return [
                row.cells
                async for row in PostgresqlStatements(client).rows(" SELECT data FROM t ; ")
            ]

        return self.successResultOf(Deferred.fromCoroutine(read()))

    def test_they_are_fetched_a_few_at_a_time(self):
        rows = [[b"%d" % number] for number in range(1200)]
        client = Selected(*rows)
        self.assertEqual(self.rows(client), rows)
        self.assertEqual(
            client.asked[0], "DECLARE acra_rows NO SCROLL CURSOR FOR SELECT data FROM t"
        )
        self.assertEqual(len(client.asked), 4)

    def test_a_connection_that_is_gone_has_written_nothing(self):
        client = Selected()
        client.refuses["ROLLBACK"] = PostgresqlError("08006")
        undoing = Deferred.fromCoroutine(PostgresqlStatements(client).undo())
        self.assertTrue(self.successResultOf(undoing))

    def test_no_row(self):
        self.assertEqual(self.rows(Selected()), [])

    def test_the_data_are_bytes_or_their_digits(self):
        for kind, cell, expected in (
            (17, b"\\x00ff", b"\0\xff"),
            (25, b"\\x00ff", b"\0\xff"),
            (25, b"plain", b"plain"),
            (17, None, b""),
        ):
            statements = PostgresqlStatements(Selected([b"7", cell], kind=kind))

            async def read(statements=statements):
                return [row.data async for row in statements.rows("SELECT 1")]

            found = self.successResultOf(Deferred.fromCoroutine(read()))
            self.assertEqual(found, [expected])


class Texts(SynchronousTestCase):
    def test_the_first_placeholder_alone(self):
        texts = PostgresqlTexts()
        self.assertTrue(texts.has_placeholder("INSERT INTO t VALUES ($1)"))
        self.assertFalse(texts.has_placeholder("INSERT INTO t VALUES ($10)"))
        self.assertEqual(texts.filled("VALUES ($1, $10)", b"\0", False), "VALUES ('\\x00', $10)")
        self.assertEqual(texts.filled("VALUES ($1)", b"a\0'", True), "VALUES ('a\\000\\047')")
