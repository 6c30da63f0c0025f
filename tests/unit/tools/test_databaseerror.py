"""Errors of databases, as tools tell them apart."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.tools.databaseclient import PostgresqlError
from acra_twisted.tools.databaseerror import DatabaseError
from acra_twisted.tools.mysqlclient import MysqlError


class Errors(SynchronousTestCase):
    def test_what_they_are_about(self):
        for error, of_a_value, passing in (
            (DatabaseError("it is gone"), False, False),
            (PostgresqlError("23505"), True, False),
            (PostgresqlError("22001"), True, False),
            (PostgresqlError("40P01"), False, True),
            (PostgresqlError("55P03"), False, True),
            (PostgresqlError("42501"), False, False),
            (MysqlError("why", "1406"), True, False),
            (MysqlError("why", "4025"), True, False),
            (MysqlError("why", "1205"), False, True),
            (MysqlError("why", "1213"), False, True),
            (MysqlError("why", "1142"), False, False),
            (MysqlError("why", ""), False, False),
        ):
            found = (error.is_about_a_value, error.is_passing)
            self.assertEqual(found, (of_a_value, passing), error)
