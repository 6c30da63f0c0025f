"""The plan of a statement that touches protected columns."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.plan import StatementPlan


class Text(SynchronousTestCase):
    def test_literals_stand_between_the_parts(self):
        plan = StatementPlan(parts=(b"values (", b", ", b")"), slots=(1, 0))
        self.assertEqual(plan.text([b"'a'", b"2"]), b"values (2, 'a')")

    def test_one_literal_may_stand_twice_and_another_be_left_out(self):
        plan = StatementPlan(parts=(b"", b" and ", b""), slots=(1, 1))
        self.assertEqual(plan.text([b"'a'", b"2"]), b"2 and 2")
