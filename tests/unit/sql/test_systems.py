"""Names of database systems."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.mysql.sessions import MARIADB, NAME
from acra_twisted.dialects.postgresql.dialect import PostgresqlDialect
from acra_twisted.sql.systems import SYSTEMS


class Systems(SynchronousTestCase):
    def test_they_are_those_of_the_dialects(self):
        self.assertEqual(set(SYSTEMS), {NAME, MARIADB, PostgresqlDialect.name})
