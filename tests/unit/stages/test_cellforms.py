"""Types of results with protected columns, as PostgreSQL's clients are told of them."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.settings import ColumnSetting
from acra_twisted.stages.cellforms import POSTGRESQL
from tests.support.containers import BYTEA, TEXT, columns

NAME = ColumnSetting("", "people", "name", data_type="str")
AGE = ColumnSetting("", "people", "age", data_type="int32")
RAW = ColumnSetting("", "people", "raw")


class Postgresql(SynchronousTestCase):
    def test_the_client_is_told_the_types_of_the_settings(self):
        described = columns(BYTEA, BYTEA, BYTEA, TEXT)
        shown = POSTGRESQL.retyped(described, [NAME, AGE, RAW, None])
        self.assertEqual((shown.types, shown.sizes), ([25, 23, 17, 25], [-1, 4, -1, -1]))
        self.assertIs(POSTGRESQL.retyped(described, [None, None, RAW, None]), described)
