"""The calls that observers make for a request, counted: those of the console stay few."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.exchange import Exchange, Statement
from acra_twisted.fast.compiled import COMPILED
from acra_twisted.pipeline.observers import Observers
from acra_twisted.session import Traffic
from acra_twisted.telemetry.figures.counting import ShapeCounter
from acra_twisted.telemetry.figures.tallies import Tally, Ways
from acra_twisted.telemetry.metrics.exchanges import ServerExchanges
from acra_twisted.telemetry.metrics.families import ServerMetrics
from acra_twisted.telemetry.tracing.exchanges import ExchangeTracing, Tracing
from acra_twisted.telemetry.tracing.processor import SpanProcessor
from acra_twisted.telemetry.tracing.sampling import make_sampler
from acra_twisted.telemetry.tracing.store import SpanStore
from tests.support.profiled import profiled
from tests.support.sessions import make_session

START = 10**18
#: Requests before those that are counted.
WARM = 3_000
#: Requests of a run.
MANY = 20
#: Of compiled code no calls are told.
NONE = 0


class Watching(SynchronousTestCase):
    def calls(self, sampler, console):
        """Return the calls of our own functions for each of a run of executions."""
        store = SpanStore() if console else None
        tracing = Tracing(
            make_sampler(sampler, lambda: START),
            lambda: START,
            self.fail,
            recorded=SpanProcessor(store, ()).put_recorded,
        )
        told = [ExchangeTracing(tracing, store=store), ServerExchanges(ServerMetrics(), "x")]
        if console:
            told[1].share_times()
            way = Tally()
            told += [Ways(lambda session: way), ShapeCounter(START)]
        observers = Observers(told)
        session = make_session(observer=observers)
        session.span = tracing.root("handleConnection", 1)
        observers.session_opened(session)
        statement = Statement(b"SELECT $1", b"s")

        def request(number):
            exchange = Exchange(session, "execute", statement, START + number * 100_000)
            observers.exchange_opened(exchange)
            exchange.sent = exchange.opened + 10_000
            exchange.first_byte = exchange.opened + 40_000
            exchange.closed = exchange.opened + 50_000
            exchange.outcome, exchange.traffic = "ok", Traffic(1, 2, 3, 4)
            observers.exchange_closed(exchange)

        # More than have the trace of their connection, and more than are kept at once.
        for number in range(WARM):
            request(number)
            observers.catch_up()
        called = []

        def note(frame, event, argument):
            if event == "call" and "acra_twisted" in frame.f_code.co_filename:
                called.append(frame.f_code.co_name)

        def work():
            for number in range(WARM, WARM + MANY):
                request(number)
            observers.catch_up()

        profiled(note, work)
        return len(called) / MANY

    def test_what_the_console_adds_to_a_request(self):
        for sampler, most in (("never", 15), ("always", 20)):
            added = self.calls(sampler, True) - self.calls(sampler, False)
            self.assertLessEqual(added, NONE if COMPILED else most, sampler)
