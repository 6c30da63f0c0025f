"""The fan-out: everyone is told, whatever one of them does."""

from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from acra_twisted.exchange import ROWS, STATEMENT, Exchange, Statement, Work
from acra_twisted.interfaces import IPipelineObserver
from acra_twisted.pipeline.baseobserver import BaseObserver
from acra_twisted.pipeline.observers import Observers, RunObserver
from acra_twisted.stagerun import StageRun
from acra_twisted.telemetry.tracing.spans import Span
from acra_twisted.verdicts import PASS, Deny, Hangup
from tests.support.sessions import Recorder, make_session


class Broken(Recorder):
    def fails(self, *args, **fields):
        raise ValueError

    exchange_opened = exchange_closed = session_opened = stage_refused = fails


class FanOut(SynchronousTestCase):
    def test_an_observer_that_raises_does_not_hide_things_from_others(self):
        last = Recorder()
        observers = Observers([Broken(), last])
        session = make_session()
        exchange = Exchange(session, "query", None, 1)
        observers.session_opened(session)
        observers.exchange_opened(exchange)
        work = Work("statement", None, exchange)
        observers.stage_refused("s", work, Hangup("x"))
        exchange.outcome = "error"
        observers.exchange_closed(exchange)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 4)
        observers.stage_failed("s", work, "f")
        observers.security_event(1, "t", None, None, more=1)
        observers.session_closed(session, "done")
        self.assertEqual((last.opened, last.closed), ([exchange], [exchange]))
        self.assertEqual(last.sessions, ["opened", "done"])
        self.assertEqual((last.failures, last.events), ([("s", "f")], [(1, "t")]))


class Refusals(Recorder):
    refusals_only = True


@implementer(IPipelineObserver)
class Notes:
    """Keeps every call as it was made."""

    def __init__(self):
        self.calls = []

    def __getattr__(self, name):
        if name not in IPipelineObserver:
            raise AttributeError(name)
        return lambda *args, **fields: self.calls.append((name, args, fields))


class Told(SynchronousTestCase):
    def test_everything_is_told_as_it_was_said(self):
        notes = Notes(), Notes()
        observers = Observers(notes)
        session = make_session()
        exchange = Exchange(session, "query", None, 1)
        exchange.outcome = "error"
        work = Work(STATEMENT, None, exchange)
        said = [
            ("session_opened", (session,), {}),
            ("exchange_opened", (exchange,), {}),
            ("stage_refused", ("stage", work, Deny("no")), {}),
            ("stage_failed", ("stage", work, "failure"), {}),
            ("containers_read", (exchange, "acrablock", 2, 3), {}),
            ("column_values", (exchange, {("setting", "opened"): 2}), {}),
            ("security_event", (1, "text", session, exchange), {"rule": "r", "action": "a"}),
            ("exchange_closed", (exchange,), {}),
            ("session_closed", (session, "reason"), {}),
        ]
        self.assertEqual({name for name, *_ in said}, set(IPipelineObserver))
        for name, args, fields in said:
            getattr(observers, name)(*args, **fields)
        # Values are told of when their exchange has ended.
        told = [*said[:5], said[6], said[5], *said[7:]]
        for each in notes:
            self.assertEqual(each.calls, told)

    def test_what_was_taken_is_settled_for_whoever_reads_and_not_with_each_run(self):
        class Holding(RunObserver):
            def __init__(self):
                self.taken, self.settled = 0, []

            def exchanges_closed(self, exchanges):
                self.taken += len(exchanges)

            def settle(self):
                self.settled.append(self.taken)

        class Failing(RunObserver):
            def settle(self):
                raise ValueError("settle")

        holding, session = Holding(), make_session()
        observers = Observers([Failing(), holding])
        for _ in range(40):
            exchange = Exchange(session, "query", None, 1)
            exchange.outcome = "ok"
            observers.exchange_closed(exchange)
        observers.session_closed(session, "reason")
        self.assertEqual((holding.taken, holding.settled), (40, []))
        observers.catch_up()
        self.assertEqual(holding.settled, [40])
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_the_values_of_an_exchange_are_told_of_at_its_end_and_all_together(self):
        notes, session = Notes(), make_session()
        observers = Observers([notes])
        exchange = Exchange(session, "query", None, 1)
        first = {("a", "encrypted"): 1}
        for counts in (first, {("a", "encrypted"): 2, ("b", "searched"): 3}):
            observers.column_values(exchange, counts)
        self.assertEqual(notes.calls, [])
        exchange.outcome, exchange.closed = "ok", 2
        observers.exchange_closed(exchange)
        observers.catch_up()
        told = [call for call in notes.calls if call[0] == "column_values"]
        together = {("a", "encrypted"): 3, ("b", "searched"): 3}
        self.assertEqual(told, [("column_values", (exchange, together), {})])
        self.assertEqual(first, {("a", "encrypted"): 1})
        # Whatever comes later is told at once.
        observers.column_values(exchange, first)
        self.assertEqual(notes.calls[-1], ("column_values", (exchange, first), {}))

    def test_whoever_is_concerned_by_refusals_alone_hears_of_them(self):
        everything, refusals, session = Recorder(), Refusals(), make_session()
        observers = Observers([Broken(), refusals, everything])
        closed = []
        for outcome in ("ok", "error", "ok", "denied", "ok", "denied"):
            exchange = Exchange(session, "query", None, 1)
            exchange.outcome = outcome
            observers.exchange_closed(exchange)
            closed.append(exchange)
        self.assertEqual(everything.closed, closed)
        self.assertEqual(refusals.closed, [closed[3], closed[5]])
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 6)

    def test_whoever_is_concerned_by_values_that_failed_hears_of_them_alone(self):
        class Failures(Notes):
            failures_only = True

        everything, failures, session = Notes(), Failures(), make_session()
        observers = Observers([failures, everything])
        good, bad = {("a", "opened"): 2}, {("a", "opened"): 1, ("b", "failed"): 1}
        exchanges = []
        for counts in (good, bad, good):
            exchange = Exchange(session, "query", None, 1)
            observers.column_values(exchange, counts)
            exchange.outcome, exchange.closed = "ok", 2
            observers.exchange_closed(exchange)
            exchanges.append(exchange)
        observers.catch_up()

        def heard(notes):
            return [args for name, args, _ in notes.calls if name == "column_values"]

        self.assertEqual(heard(failures), [(exchanges[1], bad)])
        self.assertEqual(heard(everything), list(zip(exchanges, (good, bad, good), strict=True)))

    def test_values_are_known_until_everybody_has_been_told(self):
        class Looking(BaseObserver):
            seen = []

            def exchange_closed(self, exchange):
                self.seen.append(exchange.values)

        observers, counts = Observers([Looking()]), {("a", "opened"): 1}
        exchange = Exchange(make_session(), "query", None, 1)
        observers.column_values(exchange, counts)
        exchange.outcome, exchange.closed = "error", 2
        observers.exchange_closed(exchange)
        self.assertEqual(Looking.seen, [counts])
        self.assertIsNone(exchange.values)

    def test_whoever_takes_no_notice_of_exchanges_is_not_called(self):
        class Nothing(BaseObserver):
            pass

        class Some(BaseObserver):
            closed = 0

            def exchange_closed(self, exchange):
                Some.closed += 1

        observers = Observers([Nothing(), Some()])
        exchange = Exchange(make_session(), "query", None, 1)
        exchange.outcome = "error"
        observers.exchange_opened(exchange)
        observers.exchange_closed(exchange)
        self.assertEqual(Some.closed, 1)

    def test_one_of_a_run_that_cannot_be_taken_does_not_hide_the_others(self):
        taken = []

        class Odd(RunObserver):
            def exchange_closed(self, exchange):
                taken.append(exchange)
                if len(taken) == 2:
                    raise ValueError

        told, session = Recorder(), make_session()
        observers = Observers([Odd(), told])
        exchanges = [Exchange(session, "query", None, 1) for _ in range(3)]
        for exchange in exchanges:
            exchange.outcome = "ok"
            observers.exchange_closed(exchange)
        observers.catch_up()
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
        self.assertEqual((taken, told.closed), (exchanges, exchanges))


class Runs(SynchronousTestCase):
    """Requests that went well are told of later, in order, with those that stages let pass."""

    def setUp(self):
        self.told = Recorder()
        self.observers = Observers([self.told], slow=1000)

    def close(self, text=b"x", outcome="ok", took=1, **fields):
        exchange = Exchange(make_session(), "query", Statement(text), 10**18)
        exchange.outcome, exchange.closed = outcome, 10**18 + took
        for name, value in fields.items():
            setattr(exchange, name, value)
        self.observers.exchange_closed(exchange)
        return exchange

    def test_it_waits_until_somebody_asks(self):
        first, second = self.close(), self.close(span=Span("x", "1" * 32, "", 1, 1, True))
        self.assertEqual(self.told.closed, [])
        self.observers.catch_up()
        self.observers.catch_up()
        self.assertEqual(self.told.closed, [first, second])

    def test_a_run_is_bounded(self):
        made = [self.close() for _ in range(40)]
        self.assertEqual(self.told.closed, made[:32])

    def test_a_run_waits_for_the_replies_but_not_for_ever(self):
        asked = []
        self.observers = Observers([self.told], 1000, asked.append)
        made = [self.close() for _ in range(40)]
        self.assertEqual((self.told.closed, len(asked)), ([], 1))
        asked.pop()()
        self.assertEqual(self.told.closed, made)
        made += [self.close() for _ in range(130)]
        self.assertEqual((self.told.closed, len(asked)), (made[:168], 1))
        asked.pop()()
        self.assertEqual(self.told.closed, made)

    def test_whatever_is_not_plain_is_told_of_at_once(self):
        made = [self.close()]
        for fields in (
            {"outcome": "denied"},
            {"took": 1000},
            {"text": b"x" * 5000},
            {"attributes": {"acra.event_code": 1}},
        ):
            made.append(self.close(**fields))
            self.assertEqual(self.told.closed, made)

    def test_where_plain_ends(self):
        self.close(took=999)
        self.close(attributes={"acra.columns": "people.name"})
        self.close(text=b"x" * 4096)
        self.assertEqual(self.told.closed, [])
        self.close(text=b"x" * 4097)
        self.assertEqual(len(self.told.closed), 4)
        # A second, unless something else is set.
        self.observers = Observers([self.told])
        self.close(took=10**9 - 1)
        self.assertEqual(len(self.told.closed), 4)
        self.close(took=10**9)
        self.assertEqual(len(self.told.closed), 6)

    def test_the_end_of_a_session(self):
        exchange = self.close()
        self.observers.session_closed(exchange.session, "done")
        self.assertEqual((self.told.closed, self.told.sessions), ([exchange], ["done"]))

    def test_stages(self):
        exchange = Exchange(make_session(), "query", Statement(b"x"), 1)
        verdict = Deny("no")
        self.observers.stage_refused("rows", Work(ROWS, None, exchange), verdict)
        self.assertEqual(self.told.stages, [("rows", verdict)])

    def test_what_stages_did_is_there_until_all_are_told(self):
        seen = []
        self.told.exchange_closed = lambda exchange: seen.append(exchange.stage_runs)
        observers = Observers([self.told, self.told])
        exchange = Exchange(make_session(), "query", Statement(b"x"), 1)
        runs = exchange.stage_runs = [StageRun("censor", STATEMENT, PASS, 2, 3)]
        exchange.outcome, exchange.closed = "error", 5
        observers.exchange_closed(exchange)
        self.assertEqual(seen, [runs] * 2)
        self.assertIsNone(exchange.stage_runs)
