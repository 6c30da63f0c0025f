"""Schemas that configurations describe."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.misfits import ERROR
from acra_twisted.encryption.mysql.assumed import assumed
from acra_twisted.encryption.mysql.findings import findings
from acra_twisted.encryption.mysql.protection import Protection
from acra_twisted.errors import ConfigError
from tests.support.mysqlplanning import SETTINGS


class Schemas(SynchronousTestCase):
    def test_its_types_hold_what_is_stored(self):
        columns = ("id", "email", "name", "age", "phone", "code", "card")
        tables = [one._replace(columns=columns) for one in SETTINGS.tables[:1]]
        settings = SETTINGS._replace(tables=tables)
        schema = assumed(settings, "shop")
        self.assertEqual([one.name for one in schema.tables[0].columns], list(columns))
        self.assertEqual(schema.tables[0].database, "shop")
        told = findings(Protection(schema, settings))
        self.assertNotIn(ERROR, [one.level for one in told])

    def test_columns_that_are_not_given(self):
        with self.assertRaises(ConfigError):
            assumed(SETTINGS, "shop")
