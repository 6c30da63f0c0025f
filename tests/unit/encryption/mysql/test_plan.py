"""Plans of texts of MySQL."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.mysql.plan import UNTOUCHED, Plan
from acra_twisted.encryption.plan import Refusal, ResultColumn
from acra_twisted.encryption.settings import ColumnSetting


class Untouched(SynchronousTestCase):
    def test_nothing_is_done_to_it(self):
        self.assertTrue(UNTOUCHED.is_untouched)
        self.assertTrue(Plan(results=(None, None)).is_untouched)

    def test_a_refusal_a_text_or_a_result_is_something(self):
        column = ResultColumn(ColumnSetting("", "people", "email"))
        for plan in (
            Plan(Refusal("expression", "people.email", "no")),
            Plan(parts=(b"SELECT 1",)),
            Plan(results=(None, (column,))),
            Plan(renews=True),
        ):
            self.assertFalse(plan.is_untouched)
