"""Plans that are kept."""

from hypothesis import given, settings
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.mysql.plan import Plan
from acra_twisted.encryption.mysql.planmemory import PlanMemory, key_of
from tests.support.mysqlplanning import plan, planner, sent
from tests.unit.encryption.mysql.test_marks import STATEMENTS


class Memory(SynchronousTestCase):
    def setUp(self):
        self.memory = PlanMemory()
        self.one, self.other = Plan(schema=1), Plan(schema=2)

    def test_by_skeleton_and_database(self):
        self.memory.learn(key_of(b"a", "x"), [], [b"1"], self.one)
        self.assertIs(self.memory.find(key_of(b"a", "x"), [b"2"]), self.one)
        self.assertIsNone(self.memory.find(key_of(b"a", ""), [b"1"]))
        self.assertIsNone(self.memory.find(key_of(b"b", "x"), [b"1"]))

    def test_by_the_literals_that_decide(self):
        self.memory.learn(b"a", [1], [b"1", b"2"], self.one)
        self.assertIs(self.memory.find(b"a", [b"0", b"2"]), self.one)
        self.assertIsNone(self.memory.find(b"a", [b"1", b"1"]))

    def test_other_literals_may_decide_later(self):
        self.memory.learn(b"a", [0], [b"1", b"2"], self.one)
        self.memory.learn(b"a", [1], [b"3", b"4"], self.other)
        self.assertIsNone(self.memory.find(b"a", [b"1", b"2"]))
        self.assertIs(self.memory.find(b"a", [b"3", b"4"]), self.other)
        self.assertIsNone(self.memory.find(b"a", [b"5", b"4"]))

    def test_it_is_bounded(self):
        for number in range(40):
            self.memory.learn(b"a", [0], [b"%d" % number], self.one)
        found = [self.memory.find(b"a", [b"%d" % number]) for number in range(40)]
        self.assertLessEqual(len(found) - found.count(None), 16)
        self.memory.learn(b"a" * 100_000, [], [], self.one)
        self.assertIsNone(self.memory.find(b"a" * 100_000, []))


class Kept(SynchronousTestCase):
    @settings(max_examples=150, deadline=None)
    @given(STATEMENTS, STATEMENTS)
    def test_a_plan_that_was_kept_is_the_same(self, one, other):
        by = planner()
        for text in (one, other, one, one.replace("zqk7", "a%b_"), other):
            kept, fresh = plan(text, by=by), plan(text, by=planner())
            self.assertEqual(kept.plan, fresh.plan)
            self.assertEqual(sent(kept), sent(fresh))

    def test_literals_that_hold_more_than_a_value_are_judged_each_time(self):
        """SQL in a string, lengths of columns, and the names that a string gives to columns."""
        derived = (
            "INSERT INTO people (phone) SELECT d.x FROM (SELECT phone {}, note {} FROM people) d"
        )
        insert = "INSERT INTO people (email) VALUES ('a')"
        inner = "'INSERT INTO people (email) VALUES (1)'"
        for text, passing, refused in (
            (f"{insert}; EXECUTE IMMEDIATE {{}}", ("'SELECT 1'",), (inner,)),
            (f"{insert}; PREPARE p FROM {{}}", ("'SELECT 1'",), (inner,)),
            ("SELECT id FROM people; EXECUTE IMMEDIATE {}", ("'SELECT 1'",), (inner,)),
            ("ALTER TABLE people COMMENT {}", ("'a'",), ("'people'",)),
            ("ALTER TABLE people MODIFY name VARBINARY({})", ("600",), ("600.5",)),
            ("SELECT id {}, email FROM people GROUP BY email", ("'a'",), ("'email'",)),
            (derived, ("'x'", "'y'"), ("'y'", "'x'")),
        ):
            by = planner()
            for literals, is_refused in ((passing, False), (refused, True), (passing, False)):
                found = plan(text.format(*literals), by=by).plan
                self.assertEqual(found.refusal is not None, is_refused, (text, literals))

    def test_a_pattern_is_judged_each_time(self):
        by = planner()
        text = "SELECT id FROM people WHERE email LIKE '{}'"
        for pattern, refused in (("a", False), ("a%", True), ("b", False), ("_", True)):
            found = plan(text.format(pattern), by=by).plan
            self.assertEqual(found.refusal is not None, refused)
