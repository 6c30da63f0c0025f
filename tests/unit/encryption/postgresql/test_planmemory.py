"""Plans that are kept: by skeleton, by search path, and by the literals that decide."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.facts import Facts
from acra_twisted.encryption.plan import StatementPlan
from acra_twisted.encryption.postgresql.naming import SearchPath
from acra_twisted.encryption.postgresql.planmemory import PlanMemory
from tests.support.planning import outcome, planner

KEY = b"insert into people values (\x04, \x01)"
PATHS = [SearchPath((f"schema_{number}",)) for number in range(40)]


def plans(name):
    return (StatementPlan(parts=(name.encode(),)),)


class Kept(SynchronousTestCase):
    def setUp(self):
        self.memory = PlanMemory()

    def learn(self, name, path=PATHS[0], deciding=(), literals=(), key=KEY):
        found = plans(name)
        self.memory.learn(key, path, deciding, literals, found, Facts(found))

    def known(self, path=PATHS[0], literals=(), key=KEY):
        """The name of the plans that are kept for a text; None if none are."""
        kept = self.memory.kept(key, path)
        planned = None if kept is None else kept.planned(list(literals))
        if planned is None:
            return None
        self.assertEqual((planned.hit, planned.literals), (True, list(literals)))
        return planned.statements[0].parts[0].decode()

    def test_each_search_path_has_its_own_plans(self):
        self.assertIsNone(self.known())
        for number in (0, 1, 2, 0):
            self.learn(f"plan {number}", PATHS[number])
        for number in (0, 1, 2, 2, 1, 0):
            self.assertEqual(self.known(PATHS[number]), f"plan {number}")
            # An equal path need not be the same object.
            self.assertEqual(self.known(SearchPath(PATHS[number].schemas)), f"plan {number}")
        self.assertIsNone(self.known(PATHS[3]))

    @given(st.lists(st.tuples(st.booleans(), st.integers(0, len(PATHS) - 1)), max_size=100))
    def test_no_path_ever_has_the_plans_of_another(self, steps):
        memory = self.memory = PlanMemory()
        for learns, number in steps:
            if learns:
                self.learn(f"plan {number}", PATHS[number])
                self.assertEqual(self.known(PATHS[number]), f"plan {number}")
            else:
                self.assertIn(self.known(PATHS[number]), (None, f"plan {number}"))
        self.assertIs(memory, self.memory)

    def test_a_literal_that_decides_has_its_own_plans(self):
        self.learn("ten", deciding=(1,), literals=(b"1", b"10"))
        self.assertEqual(self.known(literals=(b"7", b"10")), "ten")
        self.assertIsNone(self.known(literals=(b"7", b"11")))
        self.learn("eleven", deciding=(1,), literals=(b"1", b"11"))
        self.assertEqual(self.known(literals=(b"7", b"10")), "ten")
        self.assertEqual(self.known(literals=(b"7", b"11")), "eleven")
        # Another one decides as well, from now on.
        before = self.memory.kept(KEY, PATHS[0])
        self.assertFalse(before.is_over)
        self.learn("both", deciding=(0,), literals=(b"1", b"12"))
        self.assertTrue(before.is_over)
        self.assertEqual(self.known(literals=(b"1", b"12")), "both")
        self.assertIsNone(self.known(literals=(b"1", b"10")))

    def test_the_number_of_a_column_is_none_with_a_fraction(self):
        made = planner()
        for number, expected in ((1.5, ""), (2, "!order"), (1, ""), (2, "!order")):
            text = f"SELECT id, email FROM people ORDER BY {number}"
            self.assertEqual(outcome(text, made), expected or text)

    def test_plans_of_all_texts_of_a_skeleton_say_where_they_are_kept(self):
        self.learn("any")
        kept = self.memory.kept(KEY, PATHS[0])
        self.assertIs(kept.planned([b"1", b"2"]).kept, kept)
        self.learn("one", PATHS[1], deciding=(0,), literals=(b"1", b"2"))
        self.assertIsNone(self.memory.kept(KEY, PATHS[1]).planned([b"1", b"2"]).kept)

    def test_a_text_without_protected_columns_needs_no_literals(self):
        for quiet in (True, False):
            self.memory.keep_untouched(b"select \x04", PATHS[0], quiet)
            kept = self.memory.kept(b"select \x04", PATHS[0])
            self.assertIsNone(kept.untouched.statements)
            self.assertEqual(kept.untouched.quiet, quiet)
            self.assertIs(kept.planned([b"1"]), kept.untouched)
        self.assertIsNone(self.memory.kept(b"select \x04", PATHS[1]))

    def test_few_variants_and_no_long_skeleton_are_kept(self):
        for number in range(100):
            self.learn(f"{number}", deciding=(0,), literals=(b"%d" % number,))
        kept = [n for n in range(100) if self.known(literals=(b"%d" % n,)) is not None]
        self.assertIn(99, kept)
        self.assertLessEqual(len(kept), 16)
        self.learn("long", key=b"x" * 100_000)
        self.assertIsNone(self.known(key=b"x" * 100_000))
