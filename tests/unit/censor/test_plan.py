"""Plans: every statement must be allowed, literals are read only where a step asks for them."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.censor.handlers import Decision, Step
from acra_twisted.censor.plan import NO_RULE, NO_STATEMENT, Plan, remember
from acra_twisted.sql.tree import Table

YES = Decision(True, "allow.table", "")
NO = Decision(False, "deny.table", "")


def no_values():
    raise AssertionError("a literal was read")


class Decisions(SynchronousTestCase):
    def decided(self, *statements, text=b"", values=no_values):
        return Plan(statements).decide(text, values)

    def test_the_first_step_that_decides_wins(self):
        self.assertIs(self.decided((Step(final=YES), Step(final=NO))), YES)

    def test_one_statement_that_is_denied_denies_the_text(self):
        allowed, denied = (Step(final=YES),), (Step(final=NO),)
        self.assertIs(self.decided(allowed, denied, allowed), NO)
        self.assertIs(self.decided(allowed, allowed), YES)

    def test_where_nothing_decides(self):
        self.assertIs(self.decided(()), NO_RULE)
        self.assertIs(self.decided(), NO_STATEMENT)

    def test_by_the_whole_text(self):
        steps = (Step(texts={b"SELECT 1": YES}), Step(final=NO))
        self.assertIs(self.decided(steps, text=b"SELECT 1"), YES)
        self.assertIs(self.decided(steps, text=b"SELECT 2"), NO)

    def test_by_literals_which_are_read_once(self):
        asked = []

        def values():
            asked.append(1)
            return [("number", b"1"), ("number", b"2")]

        second = Step(ordinals=(1,), decisions={(("number", b"2"),): YES})
        steps = (Step(ordinals=(0,), decisions={(("number", b"7"),): NO}), second)
        self.assertIs(self.decided(steps, steps, values=values), YES)
        self.assertEqual(len(asked), 1)

    def test_a_plan_that_no_literal_decides_says_so(self):
        self.assertIs(Plan(((Step(final=NO),),)).fixed, NO)
        self.assertIsNone(Plan(((Step(texts={b"SELECT 1": YES}),),)).fixed)


class Names(SynchronousTestCase):
    def test_a_name_means_all_that_was_prepared_under_it(self):
        prepared = {}
        remember(prepared, "a", frozenset((Table("", "t"),)))
        remember(prepared, "a", frozenset((Table("", "u"),)))
        self.assertEqual(prepared, {"a": {Table("", "t"), Table("", "u")}})

    def test_they_are_bounded_and_those_that_are_there_grow(self):
        prepared = {}
        for number in range(2000):
            remember(prepared, str(number), frozenset())
        self.assertEqual(len(prepared), 1000)
        remember(prepared, "0", frozenset((Table("", "t"),)))
        self.assertEqual(prepared["0"], {Table("", "t")})
