"""Plans: asked for once, kept with the columns, never without a stage that broke."""

from functools import partial

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.exchange import ROWS, Exchange, Work
from acra_twisted.pipeline import driver
from acra_twisted.pipeline.plans import make_plan
from acra_twisted.results import Columns, Planner, RowBatch
from acra_twisted.verdicts import PASS, Replace
from tests.support.sessions import make_session


class Transform:
    """Notes what it gets; ``search`` and ``columns`` are what a stage may give."""

    def __init__(self, search=None, columns=None):
        self.concerns = search
        self.columns = columns
        self.seen = []

    def transform(self, batch, exchange):
        assert isinstance(exchange, Exchange), exchange
        self.seen.append(batch.columns)
        return Replace(batch)


def one(kind=25):
    return Columns([b"a"], [0], [kind], [0])


def find_x(data, start, end):
    return b"x" in data[start:end]


def find_y(data, start, end):
    return b"y" in data[start:end]


class Plans(SynchronousTestCase):
    def planner(self, *answers, lenient=False):
        """Make the plan of stages that give these answers; ``asked`` collects their questions."""
        self.asked = []

        def hook(answer):
            def plan_result(columns):
                self.asked.append(columns)
                if isinstance(answer, Exception):
                    raise answer
                return answer

            return ("stage", plan_result, lenient)

        return Planner(partial(make_plan, tuple(map(hook, answers))))

    def run_rows(self, plan, columns, data=b""):
        session = make_session()
        self.recorder = session.observer
        exchange = Exchange(session, "query", None, 1)
        return driver.run(plan.hooks, Work(ROWS, RowBatch(data, columns), exchange, plan.hooks))

    def test_stages_are_asked_once_for_the_same_columns(self):
        columns, planner = one(), self.planner(None, Transform())
        plan = planner.plan(columns)
        self.assertIs(planner.plan(columns), plan)
        self.assertEqual(self.asked, [columns] * 2)
        self.assertIs(plan.shown, columns)
        self.assertIsInstance(self.run_rows(plan, columns), Replace)
        # Another pipeline has a plan of its own.
        self.assertIsNot(self.planner(None).plan(columns), plan)

    def test_they_are_asked_again_when_plans_are_forgotten(self):
        columns, planner = one(), self.planner(None)
        for count in (1, 2, 3):
            planner.plan(columns)
            self.assertEqual(len(self.asked), count)
            planner.forget()

    def test_runs_that_concern_a_stage(self):
        for answers, expected in (
            ((None,), [False, False, False]),
            ((Transform(),), [True, True, True]),
            ((Transform(find_x),), [False, True, False]),
            ((Transform(find_x), None, Transform(find_y)), [False, True, True]),
            ((Transform(find_x), Transform()), [True, True, True]),
        ):
            plan = self.planner(*answers).plan(one())
            found = [plan.concerns(b"xy", *run) for run in ((0, 0), (0, 1), (1, 2))]
            self.assertEqual(found, expected)

    def test_a_run_that_concerns_one_stage_is_not_for_the_others(self):
        for others in ((), (Transform(),)):
            first, second = Transform(find_x), Transform(find_y)
            plan = self.planner(first, second, *others).plan(one())
            self.run_rows(plan, one(), b"-y-")
            self.assertEqual((len(first.seen), len(second.seen)), (0, 1))
            self.assertEqual([len(other.seen) for other in others], [1] * len(others))

    def test_stages_that_look_for_the_same_thing_look_once(self):
        looked = []

        def search(data, start, end):
            looked.append(data)
            return False

        plan = self.planner(Transform(search), Transform(search)).plan(one())
        self.assertFalse(plan.concerns(b"x", 0, 1))
        self.assertEqual(looked, [b"x"])

    def test_each_stage_sees_what_the_one_before_makes_of_the_columns(self):
        columns, other, last = one(17), one(25), one(114)
        first, second, third = Transform(columns=other), Transform(), Transform(columns=last)
        plan = self.planner(first, second, third).plan(columns)
        self.assertEqual(self.asked, [columns, other, other])
        self.assertIs(plan.shown, last)
        self.run_rows(plan, columns)
        self.assertEqual((first.seen, second.seen, third.seen), ([columns], [other], [other]))

    def test_a_stage_that_breaks_refuses_the_rows(self):
        wide = Columns([b"a", b"b"], [0, 0], [25, 25], [0, 0])
        for broken in (ValueError("secret"), object(), Transform(columns=wide)):
            columns, planner = one(), self.planner(Transform(find_x), broken)
            plan = planner.plan(columns)
            self.assertTrue(plan.concerns(b"", 0, 0))
            verdict = self.run_rows(plan, columns)
            self.assertEqual(
                verdict.text, "the statement could not be processed: stage stage failed"
            )
            [(name, failure)] = self.recorder.failures
            self.assertEqual(name, "stage")
            if isinstance(broken, Exception):
                self.assertIs(failure.value, broken)
            # It may work the next time.
            self.assertIsNot(planner.plan(columns), plan)

    def test_only_an_advisory_stage_may_be_passed_by(self):
        columns = one()
        plan = self.planner(ValueError(), lenient=True).plan(columns)
        self.assertIs(self.run_rows(plan, columns), PASS)
        self.assertEqual(len(self.recorder.failures), 1)

    def test_stages_behind_one_that_is_passed_by_do_their_work(self):
        columns, last = one(), Transform()
        plan = self.planner(ValueError(), last, lenient=True).plan(columns)
        self.assertIsInstance(self.run_rows(plan, columns), Replace)
        self.assertEqual(last.seen, [columns])

    def test_a_stage_sees_the_runs_that_concern_it(self):
        """Those that concern another one it does not; where there is no other, it looks once."""
        looked = []

        def find_and_note(data, start, end):
            looked.append((start, end))
            return find_x(data, start, end)

        others = ((), False), ((Transform(find_y),), True), ((Transform(),), True)
        for more, looks in others:
            for run, concerned in (((0, 1), True), ((1, 2), False)):
                columns, mine = one(), Transform(find_and_note)
                plan = self.planner(mine, *more).plan(columns)
                exchange = Exchange(make_session(), "query", None, 1)
                work = Work(ROWS, RowBatch(b"xyx", columns, *run), exchange, plan.hooks)
                looked.clear()
                driver.run(plan.hooks, work)
                self.assertEqual(looked, [run] * looks)
                self.assertEqual(len(mine.seen), concerned or not looks)
