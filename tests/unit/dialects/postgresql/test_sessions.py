"""How a session is made of a startup packet."""

from types import SimpleNamespace

from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from acra_twisted.dialects.postgresql.authentication import AuthenticationPolicy, PassThrough
from acra_twisted.dialects.postgresql.sessions import Sessions
from acra_twisted.dialects.propagation import Propagation
from acra_twisted.errors import FrameTooLarge
from acra_twisted.interfaces import (
    ILoadStage,
    IMessageStage,
    IParameterStage,
    IResultStage,
    IStatementStage,
)
from acra_twisted.loginactions import CLIENT, DATABASE
from acra_twisted.pipeline.hooks import Pipeline
from acra_twisted.verdicts import PASS
from acra_twisted.wire.link.tracecontext import TraceContext
from acra_twisted.wire.postgres.frames import StartupPacket, message
from tests.support.sessions import (
    BIND_COMPLETE,
    SYNC,
    bind,
    call,
    columns,
    complete,
    execute,
    make_session,
    parse,
    query,
    ready,
    row,
)

PIPELINE = SimpleNamespace(
    inspects=frozenset(), results=None, loads=None, looks_at=None, judges=None
)
CONTEXT = TraceContext("a" * 32, "b" * 16, True)
ANN = {b"user": b"ann"}
BROUGHT = {**ANN, b"acra.traceparent": CONTEXT.traceparent().encode()}


def serve(parameters, propagation=None, **options):
    session = make_session(ready=False)
    sessions = Sessions(propagation=propagation or Propagation())
    startup = StartupPacket(0, parameters)
    until = sessions.serve(
        session, startup, PIPELINE, PassThrough(AuthenticationPolicy()), **options
    )
    return session, until


class Served(SynchronousTestCase):
    def test_whose_session_it_is(self):
        for parameters, database in ((ANN, b"ann"), ({**ANN, b"database": b"shop"}, b"shop")):
            session, _ = serve(parameters)
            self.assertEqual((session.user, session.database), (b"ann", database))
            self.assertEqual(session.observer.sessions, ["opened"])
            (exchange,) = session.observer.opened
            self.assertEqual((exchange.kind, exchange.remote), ("startup", None))

    def test_what_the_client_has_set_when_it_connected_is_remembered(self):
        options = b"-c Search_Path=evil --jit=off"
        session, _ = serve({**ANN, b"TimeZone": b"UTC", b"options": options})
        self.assertEqual(session.asked, {"search_path", "timezone", "jit"})

    def test_a_client_gets_notices_unless_it_has_said_otherwise(self):
        for parameters, told in (
            (ANN, set()),
            ({**ANN, b"options": b"-c client_min_messages=error"}, None),
        ):
            session, _ = serve(parameters)
            self.assertEqual(session.told, told)

    def test_a_context_that_the_client_brought(self):
        session, _ = serve(BROUGHT)
        self.assertEqual(session.observer.opened[0].remote, CONTEXT)
        session, _ = serve(BROUGHT, startup_parent="c" * 16)
        self.assertEqual(session.observer.opened[0].remote, TraceContext("a" * 32, "c" * 16, True))
        session, _ = serve({**ANN, b"acra.traceparent": b"nonsense"})
        self.assertEqual(
            session.observer.opened[0].attributes, {"acra.traceparent_malformed": True}
        )

    def test_a_function_call_passes_a_connector_and_not_a_server(self):
        session, until = serve(ANN)
        followed = make_session(ready=False)
        other = Sessions().follow(followed, StartupPacket(0, ANN))
        for one, passes in ((until, False), (other, True)):
            *_, done = one.feed(DATABASE, message(b"R", bytes(4)) + ready())
            request, _ = done.flows
            self.assertIsNone(request.begin(call(1, [b"x"])))
            self.assertEqual(bool(request.take_output()), passes)


@implementer(IStatementStage, IParameterStage, IResultStage, ILoadStage, IMessageStage)
class Asked:
    """Notes what it is asked about, and lets all pass."""

    name = "asked"
    concerns = columns = None

    def __init__(self):
        self.about = []

    def on_statement(self, statement, exchange):
        self.about.append("statement")
        return PASS

    def on_parameters(self, parameters, exchange):
        self.about.append("parameters")
        return PASS

    def on_message(self, batch, exchange):
        self.about.append("message")
        return PASS

    def plan_result(self, columns):
        self.about.append("result")
        return self

    def plan_load(self, columns):
        self.about.append("load")
        return self

    def transform(self, batch, exchange):
        self.about.append("rows")
        return PASS


class Judged(SynchronousTestCase):
    """The stages of a server see all that there is to see, and those of nobody a connector's."""

    TALK = (
        (CLIENT, query(b"select"), ["statement"]),
        (DATABASE, message(b"N", b"SNOTICE\0\0"), ["message"]),
        (DATABASE, columns(b"a") + row(b"x"), ["result", "rows"]),
        (DATABASE, complete(b"SELECT 1") + ready(), []),
        (CLIENT, bind(b"", b"s", [b"1"]) + execute() + SYNC, ["parameters"]),
        (DATABASE, BIND_COMPLETE + message(b"G", b"\0\0\1\0\0"), []),
        (CLIENT, message(b"d", b"x\n") + message(b"c", b""), ["load", "rows"]),
    )

    def flows(self, until):
        *_, done = until.feed(DATABASE, message(b"R", bytes(4)) + ready())
        return dict(zip((CLIENT, DATABASE), done.flows, strict=True))

    def play(self, flow, data, pipeline):
        work = flow.begin(data)
        while work is not None:
            flow.settle(work, pipeline.run(work))
            work = flow.next_work()
        return flow.take_output()

    def test_by_a_server(self):
        session, stage = make_session(ready=False), Asked()
        pipeline = Pipeline([stage])
        policy = PassThrough(AuthenticationPolicy())
        flows = self.flows(Sessions().serve(session, StartupPacket(0, ANN), pipeline, policy))
        for side, data, expected in self.TALK:
            stage.about.clear()
            self.assertEqual(self.play(flows[side], data, pipeline), data)
            self.assertEqual(stage.about, expected)

    def test_not_by_a_connector(self):
        session = make_session(ready=False)
        flows = self.flows(Sessions().follow(session, StartupPacket(0, ANN)))
        for side, data, _ in self.TALK:
            self.assertIsNone(flows[side].begin(data))
            self.assertEqual(flows[side].take_output(), data)

    def test_limits(self):
        session = make_session(ready=False)
        sessions = Sessions(message_limit=50, hold_limit=30)
        policy = PassThrough(AuthenticationPolicy())
        flows = self.flows(sessions.serve(session, StartupPacket(0, ANN), PIPELINE, policy))
        held = parse(b"", b"select 1")
        self.assertEqual(self.play(flows[CLIENT], held, PIPELINE), b"")
        self.assertEqual(self.play(flows[CLIENT], held, PIPELINE), held * 2)
        self.play(flows[CLIENT], SYNC + query(b"x" * 50), PIPELINE)
        self.assertEqual(session.observer.opened[-1].outcome, "denied")
        tall = columns(b"a" * 50)
        self.assertRaises(FrameTooLarge, flows[DATABASE].begin, tall)


class Followed(SynchronousTestCase):
    def test_the_startup_has_the_context_that_the_server_was_told_of(self):
        session = make_session(ready=False)
        Sessions().follow(session, StartupPacket(0, BROUGHT), "d" * 16)
        self.assertEqual(
            session.observer.opened[0].context, TraceContext("a" * 32, "d" * 16, False)
        )
        session = make_session(ready=False)
        Sessions().follow(session, StartupPacket(0, ANN), "d" * 16)
        self.assertIsNone(session.observer.opened[0].context)

    def test_a_server_must_make_itself_known_to_get_contexts(self):
        for to_acra, kind in ((True, "Copy"), (False, "Ready")):
            session = make_session(ready=False)
            sessions = Sessions(propagation=Propagation(to_acra=to_acra))
            until = sessions.follow(session, StartupPacket(0, ANN))
            self.assertEqual(until.feed(CLIENT, b""), [])
            *_, done = until.feed(DATABASE, message(b"R", bytes(4)) + ready())
            self.assertEqual(type(done).__name__, kind)
