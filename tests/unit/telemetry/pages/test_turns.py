"""Work in slices: one in a turn of the reactor, for everybody together (RL-10)."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.pages.turns import STEPS, Turns
from tests.support.turnclock import TurnClock


class Counting:
    """A job of so many steps."""

    def __init__(self, steps, done):
        self.left, self.done, self.rests = steps, done, 0

    def step(self):
        self.left -= 1
        self.done.append(self)
        return self.left > 0

    def rest(self):
        self.rests += 1


class Slices(SynchronousTestCase):
    def setUp(self):
        self.clock = TurnClock()
        self.turns = Turns(self.clock)
        self.done = []

    def turn(self):
        self.done.clear()
        self.clock.turn()
        return len(self.done)

    def test_what_is_small_is_done_at_once(self):
        job = Counting(3, self.done)
        self.turns.add(job)
        self.assertEqual((job.left, job.rests), (0, 1))

    def test_one_slice_in_a_turn_however_many_there_are(self):
        jobs = [Counting(2 * STEPS + 1, self.done) for _ in range(10)]
        for job in jobs:
            self.turns.add(job)
        self.assertEqual(len(self.done), STEPS)
        most = 0
        while self.clock.getDelayedCalls():
            most = max(most, self.turn())
        self.assertEqual((most, {job.left for job in jobs}), (STEPS, {0}))

    def test_small_ones_share_a_slice(self):
        self.turns.add(Counting(1, self.done))
        jobs = [Counting(2, self.done) for _ in range(5)]
        for job in jobs:
            self.turns.add(job)
        self.assertEqual(self.turn(), 10)

    def test_everybody_has_a_turn(self):
        long, short = Counting(100 * STEPS, self.done), Counting(1, self.done)
        self.turns.add(long)
        self.turns.add(short)
        self.turn()
        self.turn()
        self.assertEqual(short.left, 0)

    def test_a_slice_is_short_if_steps_are_long(self):
        clock = self.clock

        class Slow(Counting):
            def step(self):
                clock.rightNow += 0.0004
                return super().step()

        self.turns.add(Slow(10, self.done))
        self.assertEqual(len(self.done), 2)

    def test_a_third_of_the_time_at_most(self):
        clock = self.clock

        class Slow(Counting):
            def step(self):
                clock.rightNow += 0.0001
                return super().step()

        job = Slow(1000, self.done)
        self.turns.add(job)
        worked = began = 0.0
        while job.left > 100:
            [call] = clock.getDelayedCalls()
            clock.rightNow = call.getTime()
            before = clock.rightNow
            clock.turn()
            worked += clock.rightNow - before
            began = began or before
        self.assertLessEqual(worked, (clock.rightNow - began) * 0.4)

    def test_one_that_raises_holds_nobody_up(self):
        class Broken(Counting):
            def step(self):
                raise ValueError

        self.turns.add(Counting(1, self.done))
        broken, other = Broken(1, self.done), Counting(1, self.done)
        self.turns.add(broken)
        self.turns.add(other)
        self.assertEqual((self.turn(), other.left), (1, 0))
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
        self.turns.add(Counting(1, self.done))
        self.turn()
        self.assertEqual(self.flushLoggedErrors(ValueError), [])

    def test_dropped(self):
        job, other = Counting(5 * STEPS, self.done), Counting(5, self.done)
        self.turns.add(job)
        self.turns.add(other)
        self.turns.drop(job)
        self.turns.drop(job)
        self.assertEqual((self.turn(), self.turn()), (5, 0))
        self.turns.add(job)
        self.turns.add(job)
        self.assertEqual(self.turn(), STEPS)

    def test_whoever_comes_during_a_slice_has_the_next(self):
        turns, done = self.turns, self.done
        late = Counting(1, done)

        class Adds(Counting):
            def step(self):
                turns.add(late)
                return super().step()

        turns.add(Adds(1, done))
        self.assertEqual((len(done), late.left), (1, 1))
        self.assertEqual((self.turn(), late.left), (1, 0))
