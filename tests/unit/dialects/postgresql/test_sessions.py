"""How a session is made of a startup packet."""

from types import SimpleNamespace

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.postgresql.authentication import AuthenticationPolicy, PassThrough
from acra_twisted.dialects.postgresql.propagation import Disclosure
from acra_twisted.dialects.postgresql.sessions import Sessions
from acra_twisted.loginactions import CLIENT, DATABASE
from acra_twisted.wire.link.tracecontext import TraceContext
from acra_twisted.wire.postgres.frames import StartupPacket, message
from tests.support.sessions import call, make_session, ready

PIPELINE = SimpleNamespace(inspects=frozenset(), results=None, loads=None)
CONTEXT = TraceContext("a" * 32, "b" * 16, True)
ANN = {b"user": b"ann"}
BROUGHT = {**ANN, b"acra.traceparent": CONTEXT.traceparent().encode()}


def serve(parameters, disclosure=None, **options):
    session = make_session(ready=False)
    sessions = Sessions(disclosure=disclosure or Disclosure())
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
            sessions = Sessions(disclosure=Disclosure(to_acra=to_acra))
            until = sessions.follow(session, StartupPacket(0, ANN))
            self.assertEqual(until.feed(CLIENT, b""), [])
            *_, done = until.feed(DATABASE, message(b"R", bytes(4)) + ready())
            self.assertEqual(type(done).__name__, kind)
