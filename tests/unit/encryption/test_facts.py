"""Facts of plans: what is worked out once serves every text of a skeleton."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.facts import NOTHING, Facts, Wanted, storing
from acra_twisted.encryption.plan import (
    COMPARE,
    COMPARE_ANY,
    STORE,
    STORE_EACH,
    Copied,
    LiteralUse,
    Prepared,
    Refusal,
    StatementPlan,
    Use,
)
from acra_twisted.encryption.settings import SEARCHABLE, TOKENIZED, ColumnSetting

NAME = ColumnSetting("", "people", "name")
EMAIL = ColumnSetting("", "people", "email", kind=SEARCHABLE)
THEIRS = EMAIL._replace(name="theirs", owner="other")
PHONE = ColumnSetting("", "people", "phone", kind=TOKENIZED, owner="other")


class Columns(SynchronousTestCase):
    def test_each_column_is_wanted_once_for_what_its_values_are_used_for(self):
        roles = ((NAME, STORE), (EMAIL, STORE), (NAME, STORE), (EMAIL, COMPARE), (THEIRS, COMPARE))
        wanted = Wanted([Use(column, role, "") for column, role in roles], [THEIRS, NAME, THEIRS])
        self.assertEqual(wanted.count, 5)
        self.assertEqual(wanted.stored, (NAME, EMAIL))
        self.assertEqual(wanted.compared, (EMAIL, THEIRS))
        self.assertEqual(wanted.matched, (THEIRS,))
        self.assertEqual(wanted.owned, (THEIRS,))
        self.assertFalse(wanted.is_tokenized)

    def test_tokens_need_no_key_of_a_column(self):
        for role, owned in ((STORE, ()), (COMPARE, (PHONE,))):
            wanted = Wanted([Use(PHONE, role, "")])
            self.assertTrue(wanted.is_tokenized)
            self.assertEqual((wanted.stored, wanted.compared), ((), ()))
            self.assertEqual(wanted.owned, owned)

    def test_an_array_may_be_many_values(self):
        for role in (STORE, STORE_EACH, COMPARE, COMPARE_ANY):
            wanted = Wanted([Use(NAME, role, ""), Use(NAME, STORE, "")])
            self.assertEqual(wanted.has_arrays, role in (STORE_EACH, COMPARE_ANY))

    def test_columns_that_are_written_to(self):
        self.assertEqual(storing([NAME, EMAIL]).stored, (NAME, EMAIL))
        self.assertEqual((NOTHING.count, NOTHING.stored, NOTHING.matched), (0, (), ()))


class Plans(SynchronousTestCase):
    def test_what_the_client_is_told_by_the_number_of_the_statement(self):
        facts = Facts([StatementPlan(), StatementPlan(notice="x"), StatementPlan(notice="y")])
        self.assertEqual(facts.notices, ((1, "x"), (2, "y")))
        self.assertFalse(facts.is_plain)
        plain = Facts([StatementPlan()])
        self.assertEqual((plain.notices, plain.is_plain), ((), True))

    def test_the_uses_of_all_statements_in_their_order(self):
        plans = [
            StatementPlan(literals=(LiteralUse(0, Use(NAME, STORE, "")),)),
            StatementPlan(literals=(LiteralUse(1, Use(EMAIL, COMPARE, "")),), matched=(THEIRS,)),
        ]
        facts = Facts(plans)
        self.assertEqual([use.column for use in facts.uses], [NAME, EMAIL])
        self.assertEqual(facts.matched, (THEIRS,))
        self.assertEqual(facts.wanted.matched, (THEIRS,))
        self.assertEqual(Facts([StatementPlan()]).uses, ())

    def test_a_plan_is_plain_if_it_says_no_more_than_what_is_written(self):
        plain = StatementPlan(parts=(b"",), asked=(NAME,), matched=(EMAIL,), changes=True)
        self.assertTrue(Facts([plain, plain]).is_plain)
        for special in (
            StatementPlan(refusal=Refusal("unparsable", "", "no")),
            StatementPlan(asked=(NAME, NAME._replace(readers=frozenset()))),
            StatementPlan(prepares=Prepared("s")),
            StatementPlan(executes="s"),
            StatementPlan(copies=Copied((), {})),
        ):
            self.assertFalse(Facts([plain, special]).is_plain)
