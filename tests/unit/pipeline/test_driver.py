"""Running stages: order, verdicts, Deferreds, failures; what is not made is counted."""

from unittest import mock

from twisted.internet import defer
from twisted.internet.defer import Deferred, fail, succeed
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events
from acra_twisted.dialects.postgresql import replies
from acra_twisted.exchange import (
    MESSAGES,
    PARAMETERS,
    ROWS,
    STATEMENT,
    Exchange,
    Statement,
    Work,
    lose_replies,
)
from acra_twisted.outstanding import FORWARD
from acra_twisted.pipeline import driver
from acra_twisted.verdicts import PASS, Deny, Hangup, Replace
from tests.support.sessions import make_session


def hook(answer, name="stage", lenient=False):
    def method(item, exchange):
        assert isinstance(exchange, Exchange), exchange
        value = answer(item) if callable(answer) else answer
        if isinstance(value, Exception):
            raise value
        return value

    return (name, method, lenient)


class Driver(SynchronousTestCase):
    def setUp(self):
        self.session = make_session()
        self.recorder = self.session.observer
        self.exchange = Exchange(self.session, "query", None, 1)
        self.work = Work(STATEMENT, Statement(b"one"), self.exchange)

    def run_hooks(self, *hooks):
        return driver.run(hooks, self.work)

    def test_pass(self):
        self.assertIs(self.run_hooks(hook(PASS), hook(PASS)), PASS)
        self.assertEqual(self.recorder.stages, [])

    def test_each_stage_gets_what_the_one_before_left(self):
        append = hook(lambda item: Replace(Statement(item.text + b"+")))
        verdict = self.run_hooks(append, hook(PASS), append)
        self.assertEqual(verdict.item.text, b"one++")

    def test_a_stage_may_change_the_item_itself(self):
        """As those that look at rows do: the same batch, with other cells."""
        change = hook(Replace)
        for rest in ((), (hook(PASS),)):
            self.assertIsInstance(self.run_hooks(change, *rest), Replace)
        waiting = Deferred()
        verdict = self.run_hooks(change, hook(waiting))
        waiting.callback(PASS)
        self.assertIsInstance(self.successResultOf(verdict), Replace)

    def test_the_first_refusal_ends_the_run(self):
        deny, hangup = Deny("no"), Hangup("x")
        self.assertIs(self.run_hooks(hook(deny, "a"), hook(hangup, "b")), deny)
        self.assertEqual(self.exchange.denied_by, "a")
        self.assertEqual(self.recorder.stages, [("a", deny)])
        self.assertIsNone(self.exchange.outcome)
        self.assertIs(self.run_hooks(hook(hangup)), hangup)

    def test_a_request_that_a_stage_ends_is_denied(self):
        """Be it its text or a row of its result, now or later."""
        for kind in (STATEMENT, ROWS):
            for later in (False, True):
                exchange = Exchange(make_session(), "query", None, 1)
                waiting = Deferred()
                answer = waiting if later else Hangup("poison record")
                driver.run((hook(answer, "poison"),), Work(kind, None, exchange))
                waiting.callback(Hangup("poison record"))
                exchange.session.outstanding.append((FORWARD, replies.QUERY, exchange, None))
                # The connection ends.
                lose_replies(exchange.session)
                said = exchange.outcome, exchange.denied_by, exchange.reason
                self.assertEqual(said, ("denied", "poison", "poison record"))

    def test_a_waiting_stage_suspends_the_chain(self):
        for answer, expected in (
            (PASS, b"last"),
            (Replace(Statement(b"new")), b"last"),
            (Deny("no"), None),
        ):
            waiting = Deferred()
            last = hook(lambda item: Replace(Statement(b"last")))
            result = self.run_hooks(hook(waiting), last)
            self.assertIsInstance(result, Deferred)
            waiting.callback(answer)
            verdict = self.successResultOf(result)
            if expected is None:
                self.assertIs(verdict, answer)
            else:
                self.assertEqual(verdict.item.text, expected)

    def test_the_chain_goes_on_where_it_was_suspended(self):
        append = hook(lambda item: Replace(Statement(item.text + b"+")))
        for answer, expected in ((PASS, b"one+++"), (Replace(Statement(b"new")), b"new++")):
            waiting = Deferred()
            hooks = (hook(PASS), append, hook(waiting), append, hook(PASS), append)
            result = self.run_hooks(*hooks)
            waiting.callback(answer)
            self.assertEqual(self.successResultOf(result).item.text, expected)
            # Twice suspended.
            waits = Deferred(), Deferred()
            hooks = (append, hook(waits[0]), append, hook(waits[1]), append)
            result = self.run_hooks(*hooks)
            waits[0].callback(PASS)
            self.assertNoResult(result)
            waits[1].callback(answer)
            text = self.successResultOf(result).item.text
            self.assertEqual(text, b"one+++" if answer is PASS else b"new+")

    def test_a_deferred_that_is_just_firing(self):
        """A stage that gives one to several requests: the next is judged when the first is."""
        shared = Deferred()
        later = []
        first = self.run_hooks(hook(shared))
        first.addCallback(lambda verdict: later.append(self.run_hooks(hook(shared))) or verdict)
        deny = Deny("no")
        shared.callback(deny)
        self.assertIs(self.successResultOf(later[0]), deny)

    def test_a_deferred_that_has_fired_is_a_value(self):
        self.assertIs(self.run_hooks(hook(succeed(PASS)), hook(succeed(PASS))), PASS)
        deny = Deny("no")
        self.assertIs(self.run_hooks(hook(succeed(deny))), deny)

    def test_a_refusal_names_its_stage_unless_it_says_more(self):
        deny = Deny(sqlstate=b"28000", errno=7, reason="why", rule="r", code=563)
        told = self.run_hooks(hook(deny, "remote_rule"))
        self.assertEqual(told.text, "refused by stage remote_rule")
        for name in ("sqlstate", "errno", "reason", "rule", "code"):
            self.assertEqual(getattr(told, name), getattr(deny, name))
        self.assertEqual(self.recorder.stages, [("remote_rule", told)])
        self.assertEqual((deny.text, self.exchange.denied_by), ("", "remote_rule"))

    def assert_broken(self, verdict, stage="stage"):
        self.assertEqual(
            (verdict.code, verdict.sqlstate, verdict.errno, verdict.text),
            (
                events.STAGE_FAILED,
                b"58000",
                1105,
                f"the statement could not be processed: stage {stage} failed",
            ),
        )

    def test_a_fired_deferred_that_waits_for_another(self):
        inner = Deferred()
        result = self.run_hooks(hook(succeed(None).addCallback(lambda _: inner)))
        self.assertNoResult(result)
        inner.callback(PASS)
        self.assertIs(self.successResultOf(result), PASS)

    def test_a_broken_stage_fails_closed(self):
        for broken in (
            ValueError("secret"),
            lambda item: fail(ValueError("secret")),
            None,
            "PASS",
            lambda item: succeed(None),
        ):
            self.assert_broken(self.run_hooks(hook(broken, "odd")), "odd")
        self.assertEqual(self.exchange.denied_by, "odd")
        failures = [failure for _, failure in self.recorder.failures]
        kinds = [ValueError, ValueError, TypeError, TypeError, TypeError]
        self.assertEqual([failure.type for failure in failures], kinds)
        self.assertEqual(failures[3].getErrorMessage(), "stage odd answered str, not a verdict")
        later = Deferred()
        result = self.run_hooks(hook(later))
        later.errback(ValueError("secret"))
        self.assert_broken(self.successResultOf(result))

    def test_only_an_advisory_stage_may_be_passed_by(self):
        self.assertIs(self.run_hooks(hook(ValueError(), lenient=True)), PASS)
        self.assertEqual(len(self.recorder.failures), 1)

    def test_times_are_taken_where_the_session_wants_them(self):
        self.run_hooks(hook(PASS, "a"))
        self.assertIsNone(self.exchange.stage_runs)
        self.session.timed = True
        self.run_hooks(hook(PASS, "a"), hook(PASS, "b"))
        self.assertEqual([run.stage for run in self.exchange.stage_runs], ["a", "b"])

    def test_the_end_of_one_stage_is_the_beginning_of_the_next(self):
        self.session.timed = True
        self.run_hooks(*(hook(PASS, name) for name in "abc"))
        first, second, third = self.exchange.stage_runs
        self.assertEqual((first.ended, second.ended), (second.started, third.started))
        # The clock goes on by one at each look.
        self.assertEqual(third.ended - first.started, 3)

    def test_times_are_taken_where_the_exchange_is_traced(self):
        self.exchange.span = object()
        changed = Replace(self.work.item)
        self.run_hooks(hook(PASS, "a"), hook(changed, "b"))
        refused = Deny("no")
        self.run_hooks(hook(refused, "c"))
        self.run_hooks(hook(ValueError(), "d", lenient=True))
        self.work.kind = PARAMETERS
        self.run_hooks(hook(PASS, "a"))
        runs = self.exchange.stage_runs
        self.assertEqual(
            [(run.stage, run.kind, run.verdict, run.runs) for run in runs],
            [
                ("a", STATEMENT, PASS, 1),
                ("b", STATEMENT, changed, 1),
                ("c", STATEMENT, refused, 1),
                ("d", STATEMENT, PASS, 1),
                ("a", PARAMETERS, PASS, 1),
            ],
        )
        self.assertTrue(all(0 < run.started < run.ended for run in runs))
        # Of refusals observers are told at once.
        self.assertEqual(self.recorder.stages, [("c", refused)])

    def test_the_time_of_a_stage_that_waited(self):
        self.exchange.span = object()
        waiting = Deferred()
        result = self.run_hooks(hook(PASS, "a"), hook(waiting, "b"), hook(PASS, "c"))
        began = self.session.clock()
        waiting.callback(PASS)
        self.assertIs(self.successResultOf(result), PASS)
        runs = self.exchange.stage_runs
        self.assertEqual([run.stage for run in runs], ["a", "b", "c"])
        self.assertTrue(runs[1].started < began < runs[1].ended < runs[2].started)

    def test_whoever_watches_is_told_which_work_it_was(self):
        told = []
        self.recorder.stage_refused = lambda *args: told.append(args)
        self.recorder.stage_failed = lambda stage, work, failure: told.append((stage, work))
        deny = Deny("no")
        self.run_hooks(hook(deny, "a"))
        self.run_hooks(hook(ValueError(), "b", lenient=True))
        self.assertEqual(told, [("a", self.work, deny), ("b", self.work)])

    def test_all_runs_of_rows_are_one_and_so_are_those_of_values(self):
        for kind in (ROWS, PARAMETERS):
            self.setUp()
            self.exchange.span = object()
            self.run_hooks(hook(PASS, "a"))
            self.work.kind = kind
            changed = Replace(self.work.item)
            for _ in range(3):
                self.run_hooks(hook(PASS, "a"), hook(changed, "b"))
                self.run_hooks(hook(PASS, "a"), hook(PASS, "b"))
            _, first, second = self.exchange.stage_runs
            self.assertEqual((first.stage, first.verdict, first.runs), ("a", PASS, 6))
            self.assertEqual((second.stage, second.verdict, second.runs), ("b", changed, 6))
            # The clock goes on by one at each look: a run takes one.
            self.assertEqual(first.ended - first.started, 6)

    def test_nobody_is_told_of_messages_that_pass(self):
        self.exchange.span = object()
        self.work.kind = MESSAGES
        self.run_hooks(hook(PASS, "a"))
        self.assertIsNone(self.exchange.stage_runs)
        self.run_hooks(hook(Deny("no"), "a"))
        self.assertEqual(len(self.exchange.stage_runs), 1)

    def test_no_times_are_taken_where_it_is_not(self):
        self.run_hooks(hook(PASS), hook(Replace(self.work.item)))
        self.assertIsNone(self.exchange.stage_runs)
        self.assertEqual(self.recorder.stages, [])

    def test_no_deferred_is_made_on_the_synchronous_path(self):
        made = []
        original = defer.Deferred.__init__

        def count(self, *args, **kwargs):
            made.append(1)
            original(self, *args, **kwargs)

        with mock.patch.object(defer.Deferred, "__init__", count):
            self.run_hooks(*[hook(PASS)] * 6)
        self.assertEqual(made, [])

    def test_then(self):
        self.assertEqual(driver.then(2, lambda n: n + 1), 3)
        waiting = Deferred()
        result = driver.then(waiting, lambda n: n + 1)
        waiting.callback(2)
        self.assertEqual(self.successResultOf(result), 3)
