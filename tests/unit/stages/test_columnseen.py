"""The fates of values, as observers are told of them."""

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

    def test_numbers_are_told(self):
        show(self.exchange, {(NAME, OPENED): 2, (AGE, OPENED): 1})
        show(self.exchange, {(AGE, OPENED): 3, (AGE, FAILED): 1})
        told = {
            ("people.name", OPENED): 2,
            ("hr.people.age", OPENED): 4,
            ("hr.people.age", FAILED): 1,
        }
        self.assertEqual(self.session.observer.columns, told)
        # A span is made of them only where the request is recorded.
        self.assertIsNone(self.exchange.attributes)

    def test_nothing_is_told_of_nothing(self):
        told = []
        self.session.observer.column_values = lambda *call: told.append(call)
        show(self.exchange, {})
        self.assertEqual(told, [])
