"""Exchanges become spans."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.settings import ColumnSetting
from acra_twisted.exchange import STATEMENT, Exchange, Statement, Work
from acra_twisted.stagerun import StageRun
from acra_twisted.telemetry.tracing import spans
from acra_twisted.telemetry.tracing.backpressure import Backpressure
from acra_twisted.telemetry.tracing.exchanges import EXCHANGES_PER_TRACE, ExchangeTracing, Tracing
from acra_twisted.telemetry.tracing.store import SpanStore
from acra_twisted.verdicts import PASS, Deny, Hangup, Replace
from acra_twisted.wire.link.tracecontext import TraceContext
from tests.support.sessions import Ticks, make_session

REMOTE = TraceContext("a" * 32, "b" * 16, True)


class Exchanges(SynchronousTestCase):
    def make(self, sampled=True, **options):
        self.clock = Ticks()
        self.spans = []
        self.tracing = Tracing(lambda *_: sampled, self.clock, self.spans.append)
        self.observer = ExchangeTracing(self.tracing, **options)
        self.session = make_session(observer=self.observer)
        self.session.span = self.tracing.root("handleConnection", spans.SERVER)
        self.observer.session_opened(self.session)
        self.observer.session_closed(self.session, "")

    def exchange(
        self,
        text=b"SELECT 'x' FROM t",
        outcome="ok",
        remote=None,
        took=10,
        kind="query",
        linked=None,
    ):
        exchange = Exchange(self.session, kind, Statement(text), self.clock())
        exchange.remote, exchange.linked = remote, linked
        self.observer.exchange_opened(exchange)
        exchange.sent, exchange.first_byte = self.clock(), self.clock()
        exchange.outcome, exchange.closed = outcome, exchange.opened + took
        self.observer.exchange_closed(exchange)
        return exchange

    def test_an_exchange_and_its_database_part(self):
        self.make(server=("db", 5432))
        self.exchange()
        database, span = self.spans
        self.assertEqual((span.name, span.kind), ("SELECT t", spans.SERVER))
        self.assertEqual(span.parent_id, self.session.span.span_id)
        self.assertEqual(span.attributes["db.query.text"], "SELECT ? FROM t")
        self.assertEqual((database.parent_id, database.kind), (span.span_id, spans.CLIENT))
        self.assertEqual(database.attributes["server.address"], "db")

    def test_unsampled_exchanges_leave_nothing_but_what_matters(self):
        self.make(sampled=False, slow=100)
        self.exchange()
        self.assertEqual(self.spans, [])
        for outcome, took in (("denied", 1), ("error", 1), ("lost", 1), ("ok", 100)):
            self.spans.clear()
            self.exchange(outcome=outcome, took=took)
            self.assertTrue(self.spans[-1].sampled, outcome)
        self.assertTrue(self.spans[-1].attributes["acra.slow"])

    def test_spans_tell_of_protected_columns_also_if_they_are_made_late(self):
        setting = ColumnSetting("", "people", "name")
        for sampled in (True, False):
            self.make(sampled=sampled)
            exchange = Exchange(self.session, "query", Statement(b"SELECT 1"), self.clock())
            self.observer.exchange_opened(exchange)
            exchange.values, exchange.plan = {(setting, "opened"): 3}, "hit"
            exchange.outcome, exchange.closed = "error", self.clock()
            self.observer.exchange_closed(exchange)
            shown = self.spans[-1].attributes
            self.assertEqual((shown["acra.columns"], shown["acra.plan"]), ("people.name", "hit"))
            self.assertEqual(shown["acra.columns_opened"], 3)

    def test_what_is_kept_brings_its_connection(self):
        self.make(sampled=False, slow=100)
        self.exchange()
        self.assertFalse(self.session.span.kept)
        for outcome in ("denied", "error", "error"):
            self.exchange(outcome=outcome)
        self.exchange(took=100)
        self.assertTrue(self.session.span.kept)
        # Kept is not sampled: what follows is decided for itself.
        self.spans.clear()
        self.exchange()
        self.assertEqual(self.spans, [])
        kept = {key: count for key, count in self.tracing.counts().items() if count}
        self.assertEqual(
            kept, {"not_sampled": 1, "kept_denied": 1, "kept_error": 2, "kept_slow": 1}
        )

    def test_where_nobody_takes_spans_decisions_are_carried_on_and_nothing_is_recorded(self):
        for sampled in (True, False):
            self.make(sampled=sampled, slow=100)
            self.tracing.recording = False
            contexts = [self.observer.context(self.exchange()) for _ in range(2)]
            contexts.append(self.observer.context(self.exchange(outcome="error", took=100)))
            self.assertEqual([context.sampled for context in contexts], [sampled] * 3)
            self.assertEqual(self.spans, [])
            self.assertEqual(self.session.answered > 0, True)

    def test_where_nobody_takes_spans_a_sampled_exchange_is_as_one_that_is_not(self):
        for scope, remote in (("connection", None), ("request", None), ("connection", REMOTE)):
            self.make(scope=scope)
            self.tracing.recording = False
            before = self.clock.now
            exchange = self.exchange(remote=remote)
            looks = self.clock.now - before
            # Stages take no times of an exchange without a span.
            self.assertIsNone(exchange.span)
            self.make(sampled=False, scope=scope)
            before = self.clock.now
            self.exchange(remote=remote)
            self.assertEqual(self.clock.now - before, looks)

    def test_what_destinations_cannot_take_is_as_what_is_not_sampled(self):
        for scope, remote in (("connection", None), ("request", None), ("connection", REMOTE)):
            self.make(scope=scope, slow=100)
            self.tracing.backpressure = Backpressure(lambda: 0.0, self.clock)
            exchange = self.exchange(remote=remote)
            self.assertEqual(self.spans, [])
            self.assertFalse(self.observer.context(exchange).sampled)
            # What must be told is told all the same.
            for outcome, took in (("denied", 1), ("error", 1), ("ok", 100)):
                self.spans.clear()
                self.exchange(outcome=outcome, took=took, remote=remote)
                self.assertTrue(self.spans[-1].sampled)
            self.session.notices = True
            self.assertIsNotNone(self.exchange(remote=remote).span)
            self.assertEqual(self.tracing.counts()["thinned"], 4)
        # A connection is recorded: what comes later belongs to it.
        self.assertTrue(self.session.span.sampled)

    def test_where_nobody_takes_spans_the_database_is_told_of_sampled_traces(self):
        for scope, remote in (("connection", None), ("request", None), ("connection", REMOTE)):
            for sampled in (True, False):
                self.make(sampled=sampled, scope=scope)
                self.tracing.recording = False
                exchange = self.exchange(remote=remote)
                own, found = self.observer.context(exchange), None
                if sampled:
                    found = own
                self.assertEqual(self.observer.database_context(exchange), found)
                if remote is not None:
                    self.assertEqual(own.trace_id, remote.trace_id)
                elif scope == "connection":
                    self.assertEqual(own.trace_id, self.session.span.trace_id)
                else:
                    self.assertNotEqual(own.trace_id, self.session.span.trace_id)

    def test_the_pages_get_samples_of_unsampled_exchanges(self):
        self.make(sampled=False, store=SpanStore())
        self.exchange()
        self.assertFalse(self.spans[-1].sampled)
        self.spans.clear()
        self.exchange()
        self.assertEqual(self.spans, [])

    def test_a_remote_context_is_the_parent(self):
        self.make()
        self.exchange(remote=REMOTE)
        span = self.spans[-1]
        self.assertEqual((span.trace_id, span.parent_id), (REMOTE.trace_id, REMOTE.span_id))
        self.assertEqual(span.links[0][1], self.session.span.span_id)
        self.assertEqual(self.session.span.links[0][0], REMOTE.trace_id)

    def test_one_that_decides_nothing_is_the_parent_of_what_is_decided_here(self):
        self.make()
        asked = []
        sampler = lambda trace_id, remote: asked.append((trace_id, remote)) or True  # noqa: E731
        tracing = Tracing(sampler, self.clock, self.spans.append)
        self.observer = ExchangeTracing(tracing)
        undecided = TraceContext(REMOTE.trace_id, REMOTE.span_id, False, decides=False)
        unsampled = TraceContext(REMOTE.trace_id, REMOTE.span_id, False)
        self.exchange(remote=undecided)
        self.exchange(remote=unsampled)
        self.assertEqual(asked, [(REMOTE.trace_id, None), (REMOTE.trace_id, unsampled)])
        span = self.spans[1]
        self.assertEqual((span.trace_id, span.parent_id), (REMOTE.trace_id, REMOTE.span_id))

    def test_a_link_with_what_a_statement_was_prepared_with(self):
        expected = (REMOTE.trace_id, REMOTE.span_id, spans.LINK_UNSPECIFIED)
        for scope in ("connection", "request"):
            for sampled, outcome in ((True, "ok"), (False, "error")):
                self.make(sampled=sampled, scope=scope)
                self.exchange(linked=REMOTE, outcome=outcome)
                span = self.spans[-1]
                self.assertIn(expected, span.links)
                self.assertNotEqual(span.trace_id, REMOTE.trace_id)
                self.spans.clear()
                self.exchange(outcome=outcome)
                self.assertNotIn(expected, self.spans[-1].links)

    def test_request_scope(self):
        self.make(scope="request")
        self.exchange(kind="startup")
        self.assertEqual(self.spans[-1].trace_id, self.session.span.trace_id)
        self.exchange()
        self.assertNotEqual(self.spans[-1].trace_id, self.session.span.trace_id)

    def test_a_connectors_exchanges_are_clients_of_the_server(self):
        self.make(server=None, scope="request")
        self.exchange()
        (span,) = self.spans
        self.assertEqual(span.kind, spans.CLIENT)
        self.assertNotIn("acra.time.proxy_ms", span.attributes)

    def test_contexts_given_away_hold_if_the_span_is_made_late(self):
        for remote in (None, REMOTE):
            for sampled in (True, False):
                self.make(sampled=sampled, scope="request")
                exchange = Exchange(self.session, "query", Statement(b"x"), self.clock())
                exchange.remote = remote
                self.observer.exchange_opened(exchange)
                context = self.observer.context(exchange)
                self.assertEqual(self.observer.context(exchange), context)
                self.assertEqual(context.sampled, sampled)
                exchange.outcome, exchange.closed = "error", self.clock()
                self.observer.exchange_closed(exchange)
                span = self.spans[-1]
                self.assertEqual((span.trace_id, span.span_id), (context.trace_id, context.span_id))
                if remote is not None:
                    self.assertEqual(
                        (span.trace_id, span.parent_id), (remote.trace_id, remote.span_id)
                    )

    def test_times_before_the_stages_and_behind_other_requests(self):
        self.make()
        first = Exchange(self.session, "query", Statement(b"x"), 1_000_000)
        second = Exchange(self.session, "query", Statement(b"y"), 2_000_000)
        for exchange in (first, second):
            self.observer.exchange_opened(exchange)
            exchange.sent = exchange.first_byte = exchange.opened + 500_000
        second.stage_runs = [
            StageRun("one", STATEMENT, PASS, 2_010_000, 2_020_000),
            StageRun("two", STATEMENT, PASS, 2_030_000, 2_040_000),
        ]
        for exchange, closed in ((first, 6_000_000), (second, 7_000_000)):
            exchange.closed = closed
            self.observer.exchange_closed(exchange)
        parsed = [s.attributes.get("acra.time.parse_ms") for s in self.spans]
        # The database's and the request's of the first, then those of the second's stages as well.
        self.assertEqual(parsed, [None, None] + [None] * 3 + [0.01])
        waited = [s.attributes.get("acra.time.waiting_ms") for s in self.spans if s.kind == 2]
        self.assertEqual(waited, [None, 3.5])

    def test_the_context_of_the_database(self):
        self.make()
        exchange = Exchange(self.session, "query", Statement(b"x"), self.clock())
        self.assertIsNone(self.observer.database_context(exchange))
        self.observer.exchange_opened(exchange)
        context = self.observer.database_context(exchange)
        exchange.sent = exchange.closed = self.clock()
        self.observer.exchange_closed(exchange)
        self.assertEqual(self.spans[0].context, context)

    def test_a_session_that_wants_notices_is_always_recorded(self):
        for scope in ("connection", "request"):
            self.make(sampled=False, scope=scope)
            self.session.notices = True
            self.exchange()
            self.assertTrue(self.spans[-1].sampled)

    def test_a_client_id_that_becomes_known_later_has_its_sampler(self):
        by_client = {"client": lambda trace_id, remote: True}
        tracing = Tracing(lambda *_: False, Ticks(), self.fail, by_client=by_client)
        span = tracing.root("handleConnection", spans.SERVER)
        for client_id, expected in (("other", False), ("client", True), ("other", True)):
            tracing.reconsider(span, client_id)
            self.assertEqual(span.sampled, expected)

    def test_samplers_of_client_ids(self):
        by_client = {"client": lambda trace_id, remote: True}
        for by, expected in ((by_client, True), ({}, False)):
            tracing = Tracing(lambda *_: False, Ticks(), self.fail, by_client=by)
            self.assertEqual(tracing.decide(REMOTE, "client"), (REMOTE.trace_id, expected))
            self.assertFalse(tracing.decide(None, "other")[1])

    def test_a_long_connection_begins_new_traces(self):
        self.make()
        for _ in range(EXCHANGES_PER_TRACE + 2):
            self.exchange()
        traces = [span.trace_id for span in self.spans if span.kind == spans.SERVER]
        self.assertEqual(traces.count(self.session.span.trace_id), EXCHANGES_PER_TRACE)
        self.assertEqual(len(set(traces)), 3)

    def test_stages(self):
        self.make()
        exchange = Exchange(self.session, "query", Statement(b"x"), 1)
        self.observer.exchange_opened(exchange)
        exchange.stage_runs = [
            StageRun("s", STATEMENT, verdict, 2, 3)
            for verdict in (PASS, Replace(1), Deny(reason="why"), Hangup("bye"))
        ]
        exchange.outcome, exchange.closed = "denied", 4
        self.observer.exchange_closed(exchange)
        stages = self.spans[:-1]
        names = [span.attributes["acra.verdict"] for span in stages]
        self.assertEqual(names, ["pass", "replace", "deny", "hangup"])
        self.assertEqual([span.status for span in stages], [0, 0, 7, 7])

    def test_a_connection_that_a_stage_ended_says_so(self):
        self.make(sampled=False)
        exchange = Exchange(self.session, "query", Statement(b"x"), 1)
        work = Work(STATEMENT, exchange.statement, exchange)
        self.observer.stage_refused("s", work, Deny(reason="why"))
        self.assertEqual(self.session.span.status, 0)
        self.observer.stage_refused("s", work, Hangup("poison record"))
        span = self.session.span
        self.assertEqual((span.status, span.message), (7, "poison record"))

    def test_broken_stages_and_events_mark_the_exchange(self):
        self.make()
        exchange = Exchange(self.session, "query", Statement(b"x"), 1)
        failure = type("Failure", (), {"type": ValueError})
        self.observer.stage_failed("s", Work(STATEMENT, None, exchange), failure)
        self.observer.security_event(560, "x", self.session, exchange)
        self.observer.security_event(560, "x", None, None)
        expected = {"acra.stage_failed": "s: ValueError", "acra.event_code": 560}
        self.assertEqual(exchange.attributes, expected)


class Handshakes(SynchronousTestCase):
    def setUp(self):
        self.done = []
        self.tracing = Tracing(lambda *_: True, Ticks(), self.done.append)

    def test_a_handshake_joins_the_trace_that_arrives_after_it(self):
        wrap = self.tracing.root("WrapServer", spans.SERVER)
        connection = self.tracing.root("handleConnection", spans.SERVER, REMOTE)
        self.tracing.joins(wrap, connection, REMOTE)
        self.assertEqual((wrap.trace_id, wrap.parent_id), (REMOTE.trace_id, REMOTE.span_id))
        self.assertEqual(connection.links, ((REMOTE.trace_id, wrap.span_id, spans.LINK_PARENT),))

    def test_without_a_connector_it_is_a_child(self):
        wrap = self.tracing.root("WrapServer", spans.SERVER)
        connection = self.tracing.root("handleConnection", spans.SERVER)
        self.tracing.joins(wrap, connection, None)
        self.assertEqual(wrap.parent_id, connection.span_id)

    def test_ob2_whose_decision_holds(self):
        for trust, decides, expected in (
            ("auto", True, True),
            ("auto", False, False),
            ("true", True, True),
            ("true", False, True),
            ("false", True, False),
            ("false", False, False),
        ):
            tracing = Tracing(lambda _, remote: bool(remote), Ticks(), print, trust)
            span = tracing.root("x", spans.SERVER, REMOTE, decides=decides)
            found = span.trace_id, span.parent_id, span.sampled
            self.assertEqual(found, (REMOTE.trace_id, REMOTE.span_id, expected), (trust, decides))

    def test_a_span_ends_once(self):
        span = self.tracing.child(self.tracing.root("x", 0), "y")
        self.tracing.finish(span)
        self.tracing.finish(span)
        self.assertEqual(self.done, [span])
