"""Refusals of statements."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.refusals import EXPRESSION, refused
from acra_twisted.encryption.settings import ColumnSetting


class Refusals(SynchronousTestCase):
    def test_a_refusal_names_the_column(self):
        error = refused(EXPRESSION, ColumnSetting("s", "t", "c"), "stands there", "write it here")
        self.assertEqual(
            error.refusal,
            (
                "expression",
                "s.t.c",
                "column s.t.c is protected by AcraServer and stands there",
                "write it here",
            ),
        )
        self.assertEqual(str(error), error.refusal.text)

    def test_a_column_may_be_unknown(self):
        refusal = refused(EXPRESSION, None, "stands there").refusal
        self.assertEqual(refusal.column, "")
        self.assertIn("a column that the statement names is protected", refusal.text)
