"""Work of sessions in steps: one in a turn of the reactor, for all of them together (EN-12)."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.pipeline.steps import FIRST, STEP, Steps

COST = 10


class Stepping(SynchronousTestCase):
    def setUp(self):
        self.turns = []
        self.done = []
        self.steps = Steps(self)

    def callFromThread(self, turn):
        self.turns.append(turn)

    def work(self, pieces, name=""):
        for _ in range(pieces):
            self.done.append(name)
            yield COST

    def turn(self):
        """Take the turn that is asked for; the number of pieces done in it."""
        self.done.clear()
        self.turns.pop()()
        self.assertLessEqual(len(self.turns), 1)
        return len(self.done)

    def test_what_is_short_is_done_at_once(self):
        self.assertIsNone(self.steps.run(self.work(STEP // COST - 1)))
        self.assertIsNone(self.steps.run(iter(())))
        self.assertEqual((len(self.done), self.turns), (STEP // COST - 1, []))

    def test_one_step_in_a_turn_however_many_sessions_have_work(self):
        pieces = 3 * STEP // COST
        answers = [self.steps.run(self.work(pieces)) for _ in range(10)]
        self.assertEqual(len(self.done), STEP // COST + 9 * FIRST // COST)
        most = 0
        while self.turns:
            most = max(most, self.turn())
        self.assertEqual(most, STEP // COST)
        for answer in answers:
            self.assertIsNone(self.successResultOf(answer))

    def test_everybody_has_a_turn(self):
        long, short = self.work(100 * STEP // COST, "long"), self.work(20, "short")
        self.assertNoResult(self.steps.run(long))
        answer = self.steps.run(short)
        self.turn()
        self.assertEqual(set(self.done), {"long"})
        self.turn()
        self.assertEqual(set(self.done), {"short"})
        self.successResultOf(answer)

    def test_little_does_not_wait_for_much(self):
        self.steps.run(self.work(2 * STEP))
        self.assertIsNone(self.steps.run(self.work(FIRST // COST - 1)))

    def test_costly_pieces_are_the_fewer(self):
        def costly():
            while len(self.done) < 9:
                self.done.append("")
                yield STEP

        self.steps.run(costly())
        self.assertEqual(len(self.done), 1)
        self.assertEqual(self.turn(), 1)

    def test_work_that_raises_fails_alone(self):
        def broken(pieces):
            yield from self.work(pieces)
            raise ValueError

        self.assertRaises(ValueError, self.steps.run, broken(1))
        fails, other = self.steps.run(broken(STEP)), self.steps.run(self.work(STEP))
        while self.turns:
            self.turn()
        self.failureResultOf(fails, ValueError)
        self.assertIsNone(self.successResultOf(other))

    def test_an_answer_may_bring_more_work(self):
        more = []
        answer = self.steps.run(self.work(STEP // COST + 1))
        answer.addCallback(lambda _: more.append(self.steps.run(self.work(STEP))))
        while self.turns:
            self.turn()
        self.assertIsNone(self.successResultOf(more[0]))
