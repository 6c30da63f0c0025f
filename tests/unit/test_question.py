"""A question: its rows, or why there are none."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.question import ANSWER_MAX, Question


class Rows(SynchronousTestCase):
    def test_they_are_kept_in_order(self):
        question = Question(b"select")
        question.add([b"1", None], 10)
        question.add([b"2", b""], 10)
        self.assertEqual(question.rows, [[b"1", None], [b"2", b""]])
        self.assertEqual((question.failure, question.is_over), ("", False))

    def test_of_a_failure_nothing_is_kept(self):
        question = Question(b"select")
        question.add([b"1"], 10)
        question.fail("first", b"42P01")
        question.fail("second", b"57014")
        question.add([b"2"], 10)
        self.assertEqual(
            (question.rows, question.failure, question.sqlstate), ([], "first", b"42P01")
        )

    def test_too_much_is_a_failure(self):
        question = Question(b"select")
        question.add([b"1"], ANSWER_MAX)
        self.assertEqual(len(question.rows), 1)
        question.add([b"1"], 1)
        self.assertEqual(question.rows, [])
        self.assertIn(str(ANSWER_MAX), question.failure)

    def test_many_small_values_are_too_much_as_well(self):
        question = Question(b"select")
        row = [None] * 10_000
        while not question.failure and len(question.rows) < 1000:
            question.add(row, 10)
        self.assertEqual((question.rows, question.failure), ([], "an answer of too many values"))
        question = Question(b"select")
        for _ in range(100_000):
            question.add([b"1"] * 12, 240)
        self.assertEqual(question.failure, "")
