"""Sessions of MySQL, as they begin."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.mysql.sessions import Sessions
from acra_twisted.dialects.propagation import Propagation
from acra_twisted.endreason import EndReason
from acra_twisted.wire.mysql import capabilities as bits
from acra_twisted.wire.mysql.handshake import Attribute, decode_greeting
from tests.support.mysqllogins import MARIADB, MYSQL, response
from tests.support.sessions import make_session


class Beginning(SynchronousTestCase):
    def begin(self, greeting=MARIADB, **more):
        session = make_session(ready=False)
        asked = bits.CONNECT_WITH_DB | bits.CONNECT_ATTRS
        Sessions().begin(session, decode_greeting(greeting), response(asked, **more))
        return session

    def test_what_is_known_of_it(self):
        session = self.begin(database=b"shop")
        self.assertEqual((session.user, session.database), (b"ann", b"shop"))
        self.assertEqual((session.system, session.language), ("mariadb", "mysql"))
        self.assertEqual(self.begin(MYSQL).system, "mysql")
        self.assertEqual(self.begin().database, b"")

    def test_its_login_is_owed(self):
        session = self.begin()
        ((_, _, exchange, _),) = session.outstanding
        self.assertEqual(exchange.kind, "startup")
        self.assertEqual(session.observer.opened, [exchange])
        self.assertEqual(session.observer.sessions, ["opened"])

    def test_a_context_that_cannot_be_used(self):
        session = self.begin(attributes=(Attribute(b"traceparent", b"00-zz"),))
        self.assertIsNone(session.context)
        (exchange,) = session.observer.opened
        self.assertTrue(exchange.attributes["acra.traceparent_malformed"])


class Farewells(SynchronousTestCase):
    def test_with_a_trace_where_errors_have_theirs(self):
        for errors in (True, False):
            sessions = Sessions(propagation=Propagation(errors=errors))
            told = sessions.farewell(EndReason.IDLE, "bye", "7" * 32, 5)
            self.assertEqual(b"7" * 32 in told, errors)
            self.assertEqual(told[3], 5)
