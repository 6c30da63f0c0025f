"""Refusals of statements."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.plan import SOME_TABLE, Refusal
from acra_twisted.encryption.refusals import EXPRESSION, UNPARSABLE, naming, refused
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

    def test_a_table_is_named_where_it_is_known(self):
        refusal = Refusal(UNPARSABLE, "", f"it names {SOME_TABLE}, and more")
        self.assertEqual(naming(refusal, ""), refusal)
        named = naming(refusal, "people")
        self.assertEqual(named.text, 'it names "people", which AcraServer protects, and more')
        self.assertEqual(naming(refusal, "people", "seen"), named)
        named = naming(refusal, "", "seen")
        told = 'it names a table that AcraServer protects ("seen" may reach one), and more'
        self.assertEqual(named.text, told)
