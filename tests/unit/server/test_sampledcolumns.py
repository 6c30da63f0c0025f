"""Columns whose values are looked at; tests/unit/server/test_columnsample.py has PostgreSQL's."""

from twisted.internet.defer import ensureDeferred
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.mysql.protection import Protection
from acra_twisted.encryption.mysql.schema import Schema
from acra_twisted.server.sampledcolumns import mysql_columns
from tests.support.mysqlplanning import PEOPLE, SETTINGS


class MysqlColumns(SynchronousTestCase):
    def test_those_without_tokens(self):
        found = list(mysql_columns(Protection(Schema(1, [PEOPLE]), SETTINGS)))
        labels = [f"shop.people.{name}" for name in ("email", "name", "card")]
        self.assertEqual([one.label for one in found], labels)
        self.assertEqual({one.table.name for one in found}, {"people"})
        self.assertEqual(found[0].grant, "GRANT SELECT ON `shop`.`people`")

    def test_their_values(self):
        email, *_ = mysql_columns(Protection(Schema(1, [PEOPLE]), SETTINGS))
        asked = []

        async def ask(statement, most):
            asked.append((statement, most))
            return ((b"00FF",), (b"",))

        values = self.successResultOf(ensureDeferred(email.values(ask, 50, 1_000)))
        self.assertEqual(values, [b"\0\xff", b""])
        [(statement, most)] = asked
        self.assertEqual(most, 50)
        self.assertIn("`email`", statement)
