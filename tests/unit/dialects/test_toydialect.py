"""A second database has a room: the toy goes through relay, stages, spans, metrics and the log as
PostgreSQL does, and nothing of them knows of it."""

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import generate_latest
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.logger import globalLogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from acra_twisted.dialectinterfaces import IDatabaseDialect, IReplyFlow, IRequestFlow
from acra_twisted.interfaces import IResultStage, IRowTransform, IStatementStage
from acra_twisted.pipeline.hooks import Pipeline
from acra_twisted.pipeline.observers import Observers
from acra_twisted.proxy.limits import Limits
from acra_twisted.proxy.relay import Relay
from acra_twisted.proxy.valve import between
from acra_twisted.session import Identity, Session
from acra_twisted.telemetry.figures.counting import ShapeCounter
from acra_twisted.telemetry.logs.audit import AuditLog
from acra_twisted.telemetry.metrics.exchanges import ServerExchanges
from acra_twisted.telemetry.metrics.families import ServerMetrics
from acra_twisted.telemetry.metrics.sessions import session_state
from acra_twisted.telemetry.pages.sessions import describe
from acra_twisted.telemetry.tracing import spans
from acra_twisted.telemetry.tracing.exchanges import ExchangeTracing, Tracing
from acra_twisted.verdicts import PASS, Deny, Hangup, Replace
from tests.support.sessions import FakeChannel, Ticks
from tests.support.toydialect import ToyDialect

SECRET = b'SELECT a FROM t WHERE a = "my secret"'


@implementer(IStatementStage, IResultStage, IRowTransform)
class Stage:
    """Denies what contains ``deny``, waits with what contains ``wait``, and turns values round."""

    name = "toystage"
    columns = concerns = None

    def __init__(self):
        self.waiting = []

    def on_statement(self, statement, exchange):
        if b"hang" in statement.text:
            return Hangup("enough")
        verdict = Deny("no", errno=1142) if b"deny" in statement.text else PASS
        if b"wait" not in statement.text:
            return verdict
        self.waiting.append((Deferred(), verdict))
        return self.waiting[-1][0]

    def plan_result(self, columns):
        return self

    def transform(self, batch, exchange):
        for row in range(len(batch)):
            batch.set_cell(row, 0, batch.cells(row)[0][::-1])
        return Replace(batch)

    def stop(self):
        """Nothing is to be stopped."""


class Toy(SynchronousTestCase):
    def setUp(self):
        self.finished, self.ends, self.lines = [], [], []
        clock = Ticks()
        tracing = Tracing(lambda *_: True, clock, self.finished.append)
        exchanges = ExchangeTracing(tracing, scope="request", slow=10**9, server=("db", 7))
        self.metrics = ServerMetrics()
        counts = ServerExchanges(self.metrics, ToyDialect.name)
        self.counter = ShapeCounter(clock())
        self.observers = Observers([exchanges, counts, AuditLog(), self.counter])
        globalLogPublisher.addObserver(self.lines.append)
        self.addCleanup(globalLogPublisher.removeObserver, self.lines.append)
        self.session = Session(1, Identity("client", "127.0.0.1", True), self.observers, clock)
        self.session.span = tracing.root("handleConnection", spans.SERVER)
        self.stage = Stage()
        self.client, self.database = FakeChannel(), FakeChannel()
        pipeline = Pipeline([self.stage])
        dialect = ToyDialect()
        dialect.begin(self.session)
        self.flows = dialect.flows(self.session, pipeline)
        self.relay = Relay(
            self.session,
            self.client,
            self.database,
            self.flows,
            pipeline,
            Limits(100),
            fatal=dialect.encode_farewell,
            seconds=lambda: 0.0,
            later=lambda seconds, function: None,
            ended=self.ends.append,
            valves=between(self.client, self.database, lambda: 0.0),
        )

    def shown(self):
        """Everything that telemetry shows."""
        self.observers.catch_up()
        attributes = [(span.name, span.attributes) for span in self.finished]
        sessions = list(describe([self.session], 2_000_000_000))
        return repr((attributes, self.lines, sessions, self.counter.calls.page(2)))

    def test_it_keeps_the_contracts(self):
        request, reply = self.flows
        verifyObject(IDatabaseDialect, ToyDialect())
        verifyObject(IRequestFlow, request)
        verifyObject(IReplyFlow, reply)

    def test_a_statement_and_its_rows(self):
        self.relay.from_client(SECRET + b"\n")
        self.assertEqual(self.database.data, SECRET + b"\n")
        self.assertEqual(session_state(self.session), "active")
        self.relay.from_database(b"*ab\n*cd\n+open\n")
        self.assertEqual(self.client.data, b"*ba\n*dc\n+open\n")
        self.assertEqual(session_state(self.session), "in_transaction")
        self.observers.catch_up()
        *_, database, span = self.finished
        self.assertEqual((database.name, span.name), ("toy SELECT t", "SELECT t"))
        self.assertEqual(span.attributes["db.system.name"], "toy")
        self.assertEqual(span.attributes["db.query.text"], "SELECT a FROM t WHERE a = ?")
        self.assertEqual(span.attributes["db.response.returned_rows"], 2)
        self.assertIn('db="toy"', generate_latest(self.metrics.registry).decode())
        self.assertEqual(list(self.counter.calls.page(2)["received"]), ["toy query"])

    def test_ke6_no_literal_of_it_is_shown_anywhere(self):
        self.relay.from_client(SECRET + b"\n" + SECRET + b" # deny\n")
        running = self.shown()
        self.relay.from_database(b"*secret\n-1064 my secret\n")
        self.assertEqual(self.client.data, b"*terces\n-1064 my secret\n-1142 no\n")
        for shown in (running, self.shown()):
            self.assertIn("a = ?", shown)
            self.assertNotIn("secret", shown)

    def test_a_refusal_waits_for_the_replies_before_it(self):
        self.relay.from_client(b"SELECT 1\nSELECT deny\nSELECT 2\n")
        self.assertEqual(self.database.data, b"SELECT 1\nSELECT 2\n")
        self.assertEqual(self.client.data, b"")
        self.relay.from_database(b"+idle\n")
        self.assertEqual(self.client.data, b"+idle\n-1142 no\n")
        self.relay.from_database(b"-1054 unknown\n")
        self.observers.catch_up()
        codes = [
            span.attributes.get("db.response.status_code")
            for span in self.finished
            if span.kind == spans.SERVER
        ]
        self.assertEqual(codes, [None, "1142", "1054"])
        counted = generate_latest(self.metrics.registry).decode()
        for outcome in ("ok", "error", "denied"):
            self.assertIn(f'acra_exchanges_total{{outcome="{outcome}"}} 1.0', counted)

    def test_a_stage_that_waits_stops_the_client_alone(self):
        self.relay.from_client(b"SELECT 1\nSELECT wait\nSELECT deny\n")
        self.assertEqual((self.client.transport.paused, self.database.transport.paused), (1, 0))
        self.relay.from_database(b"+idle\n")
        self.assertEqual(self.client.data, b"+idle\n")
        answer, verdict = self.stage.waiting.pop()
        answer.callback(verdict)
        self.assertEqual(self.database.data, b"SELECT 1\nSELECT wait\n")
        self.relay.from_database(b"+idle\n")
        self.assertEqual(self.client.data, b"+idle\n+idle\n-1142 no\n")

    def test_ends(self):
        self.relay.from_client(b"SELECT 1\nbye\n")
        self.assertEqual(self.ends, [])
        self.relay.from_database(b"+idle\n")
        self.assertEqual(self.ends, ["client terminated"])

    def test_a_session_that_we_end_is_told_so_in_its_own_words(self):
        self.relay.from_client(b"SELECT hang\n")
        self.assertEqual(self.client.data, b"-REFUSED the session was ended\n")
        self.assertEqual(self.ends, ["stage: enough"])

    def test_drain_waits_for_the_transaction(self):
        self.relay.from_client(b"begin\n")
        self.relay.from_database(b"+open\n")
        self.relay.drain()
        self.relay.from_client(b"commit\n")
        self.relay.from_database(b"+idle\n")
        farewell = b"-SHUTDOWN terminating connection due to administrator command\n"
        self.assertEqual(self.client.data, b"+open\n+idle\n" + farewell)

    def test_what_is_not_answered_is_lost(self):
        self.relay.from_client(b"SELECT 1\n")
        self.relay.database_lost(Failure(ConnectionDone()))
        self.observers.catch_up()
        self.assertEqual(self.finished[-1].attributes["error.type"], "lost")

    @given(st.lists(st.integers(1, 12), min_size=1), st.lists(st.integers(1, 12), min_size=1))
    def test_however_its_bytes_are_cut(self, of_client, of_database):
        self.setUp()
        self.addCleanup(self.doCleanups)
        said = b"SELECT 1\nSELECT deny\nSELECT 2\nbye\n"
        answers = b"*ab\n*c\n+open\n-7 no such\n"
        for data, sizes, take in (
            (said, of_client, self.relay.from_client),
            (answers, of_database, self.relay.from_database),
        ):
            at = step = 0
            while at < len(data):
                size = sizes[step % len(sizes)]
                take(data[at : at + size])
                at, step = at + size, step + 1
        self.assertEqual(self.database.data, b"SELECT 1\nSELECT 2\nbye\n")
        self.assertEqual(self.client.data, b"*ba\n*c\n+open\n-1142 no\n-7 no such\n")
        self.assertEqual(self.ends, ["client terminated"])
