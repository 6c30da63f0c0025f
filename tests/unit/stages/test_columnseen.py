"""The fates of values, as metrics and spans tell of them."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.fates import FAILED, OPENED
from acra_twisted.encryption.settings import ColumnSetting
from acra_twisted.exchange import Exchange
from acra_twisted.stages.columnseen import show
from tests.support.sessions import make_session

NAME = ColumnSetting("", "people", "name")
AGE = ColumnSetting("hr", "people", "age")


class Showing(SynchronousTestCase):
    def setUp(self):
        self.session = make_session()
        self.exchange = Exchange(self.session, "query", None, 1)

    def test_numbers_of_a_request_add_up(self):
        show(self.exchange, {(NAME, OPENED): 2, (AGE, OPENED): 1})
        show(self.exchange, {(AGE, OPENED): 3, (AGE, FAILED): 1})
        self.assertEqual(
            self.exchange.attributes,
            {
                "acra.columns": "hr.people.age, people.name",
                "acra.columns_opened": 6,
                "acra.columns_failed": 1,
            },
        )
        told = {
            ("people.name", OPENED): 2,
            ("hr.people.age", OPENED): 4,
            ("hr.people.age", FAILED): 1,
        }
        self.assertEqual(self.session.observer.columns, told)

    def test_nothing_is_told_of_nothing(self):
        show(self.exchange, {})
        self.assertIsNone(self.exchange.attributes)

    def test_a_span_names_some_columns_of_many(self):
        many = {(NAME._replace(name=f"c{number:02}"), OPENED): 1 for number in range(50)}
        show(self.exchange, many)
        show(self.exchange, many)
        names = self.exchange.attributes["acra.columns"].split(", ")
        self.assertEqual(names, [f"people.c{number:02}" for number in range(20)])
        self.assertEqual(self.exchange.attributes["acra.columns_opened"], 100)
        self.assertEqual(len(self.session.observer.columns), 50)
