"""Values in protected columns, as the spans of requests tell of them."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.fates import FAILED, OPENED
from acra_twisted.encryption.settings import ColumnSetting
from acra_twisted.exchange import Exchange
from acra_twisted.telemetry.tracing.columnvalues import describe
from tests.support.sessions import make_session

NAME = ColumnSetting("", "people", "name")
AGE = ColumnSetting("hr", "people", "age")


class Describing(SynchronousTestCase):
    def setUp(self):
        self.exchange = Exchange(make_session(), "query", None, 1)

    def test_numbers_of_columns_add_up(self):
        self.exchange.values = {(NAME, OPENED): 2, (AGE, OPENED): 4, (AGE, FAILED): 1}
        self.exchange.plan = "miss"
        describe(self.exchange)
        self.assertEqual(
            self.exchange.attributes,
            {
                "acra.columns": "hr.people.age, people.name",
                "acra.columns_opened": 6,
                "acra.columns_failed": 1,
                "acra.plan": "miss",
            },
        )

    def test_nothing_is_put_where_there_is_nothing(self):
        describe(self.exchange)
        self.assertIsNone(self.exchange.attributes)

    def test_a_span_names_some_columns_of_many(self):
        self.exchange.values = {
            (NAME._replace(name=f"c{number:02}"), OPENED): 2 for number in range(50)
        }
        describe(self.exchange)
        names = self.exchange.attributes["acra.columns"].split(", ")
        self.assertEqual(names, [f"people.c{number:02}" for number in range(20)])
        self.assertEqual(self.exchange.attributes["acra.columns_opened"], 100)
