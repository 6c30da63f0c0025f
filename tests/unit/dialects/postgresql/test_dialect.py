"""The dialect puts the flows of a session together."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events
from acra_twisted.dialects.postgresql.authentication import AuthenticationPolicy
from acra_twisted.dialects.postgresql.dialect import PostgresqlDialect
from acra_twisted.dialects.postgresql.propagation import Disclosure
from acra_twisted.pipeline.hooks import Pipeline
from acra_twisted.wire.postgres import backend
from acra_twisted.wire.postgres.frames import StartupPacket, message
from tests.support.sessions import make_session, ready


class Dialect(SynchronousTestCase):
    def test_a_session(self):
        session = make_session(ready=False)
        startup = StartupPacket(9999, {b"user": b"ann", b"_pq_.x": b"1"})
        keys = []
        request, response, first = PostgresqlDialect().open_session(
            session, startup, Pipeline(), AuthenticationPolicy(), keys.append
        )
        self.assertEqual(first, StartupPacket(2, {b"user": b"ann"}).encode())
        self.assertEqual((session.user, session.database), (b"ann", b"ann"))
        response.feed(message(b"R", b"\0\0\0\0") + message(b"K", b"\0\0\0\1key!") + ready())
        self.assertIsNone(response.next_work())
        self.assertTrue(response.take_output().startswith(b"v"))
        self.assertEqual(keys, [(1, b"key!")])
        self.assertTrue(session.idle)
        self.assertEqual(session.observer.outcomes, [("startup", "ok")])
        request.feed(b"")
        self.assertEqual(session.observer.sessions, ["opened"])

    def test_a_login_that_the_database_refuses(self):
        for sqlstate, refused in ((b"28P01", True), (b"53300", False)):
            session = make_session(ready=False)
            startup = StartupPacket(0, {b"user": b"ann"})
            _, response, _ = PostgresqlDialect().open_session(
                session, startup, Pipeline(), AuthenticationPolicy(), lambda key: None
            )
            [exchange] = session.observer.opened
            error = backend.encode_error(b"FATAL", sqlstate, "no")
            response.feed(error)
            self.assertIsNone(response.next_work())
            self.assertEqual(response.take_output(), error)
            self.assertEqual(session.refused, refused)
            codes = [code for code, _ in session.observer.events]
            self.assertEqual(codes, [events.LOGIN_REFUSED] if refused else [])
            verdict = (exchange.attributes or {}).get("acra.verdict")
            self.assertEqual((verdict, exchange.outcome), ("deny" if refused else None, "error"))

    def test_a_connector_does_not_tell_what_its_server_tells(self):
        session = make_session(ready=False)
        _, response = PostgresqlDialect().follow_session(
            session, StartupPacket(0, {b"user": b"ann"})
        )
        response.feed(backend.encode_error(b"FATAL", b"28P01", "no"))
        self.assertIsNone(response.next_work())
        self.assertEqual(session.observer.events, [])

    def test_what_the_client_has_set_when_it_connected_is_remembered(self):
        options = b"-c Search_Path=evil --jit=off"
        startup = StartupPacket(0, {b"user": b"ann", b"TimeZone": b"UTC", b"options": options})
        session = make_session(ready=False)
        PostgresqlDialect().open_session(
            session, startup, Pipeline(), AuthenticationPolicy(), lambda key: None
        )
        self.assertEqual(session.asked, {"search_path", "timezone", "jit"})

    def test_fatal(self):
        data = PostgresqlDialect().encode_fatal(b"57P01", "bye")
        self.assertIn(b"SFATAL\0VFATAL\0C57P01\0Mbye\0", data)
        hint = b"Htrace_id " + b"a" * 32
        for errors in (False, True):
            dialect = PostgresqlDialect(disclosure=Disclosure(errors=errors))
            self.assertEqual(hint in dialect.encode_fatal(b"57P01", "bye", "a" * 32), errors)
            self.assertNotIn(b"Htrace_id", dialect.encode_fatal(b"57P01", "bye"))
