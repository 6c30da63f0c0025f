"""Plans from uses and edits."""

from twisted.trial.unittest import SynchronousTestCase

from tests.support.planning import MODE, PATH, outcome, planner


class Assembly(SynchronousTestCase):
    def test_parts_and_slots_make_the_clients_text_again(self):
        for text in (
            "select name, 1, 'a' from people where id = -5 and note = E'b' limit 3",
            "select 1; select name from people;",
        ):
            planned = planner().plan(text.encode(), MODE, PATH)
            found = b"".join(one.text(planned.literals) for one in planned.statements)
            self.assertEqual(found.decode(), text)

    def test_a_sign_goes_with_its_literal(self):
        self.assertEqual(
            outcome("insert into people (id, age) values (-1, - 5)"),
            "insert into people (id, age) values (-1, <age -5>)",
        )

    def test_a_call_goes_with_its_literals(self):
        (plan,) = (
            planner()
            .plan(b"update people set name = decode('41', 'hex'), note = 'n'", MODE, PATH)
            .statements
        )
        self.assertEqual(list(plan.slots), [0, 2])
        self.assertEqual(plan.text([b"A", b"B", b"C"]), b"update people set name = A, note = C")

    def test_a_word_becomes_a_literal_of_its_own(self):
        (plan,) = planner().plan(b"update people set id = 1, flag = TRUE", MODE, PATH).statements
        self.assertEqual(list(plan.added), [b"'true'"])
        self.assertEqual(plan.literals[0].ordinal, 1)

    def test_words_do_not_run_into_each_other(self):
        self.assertEqual(
            outcome("insert into people (name) select'x'from orders"),
            "insert into people (name) select<name 'x'>::bytea from orders",
        )
        self.assertEqual(
            outcome("insert into people (name) values (varchar'x')"),
            "insert into people (name) values (bytea <name 'x'>)",
        )
