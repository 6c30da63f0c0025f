"""Sessions of MySQL, as they begin."""

from types import SimpleNamespace

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.mysql.authentication import LegsPolicy
from acra_twisted.dialects.mysql.contexts import with_context
from acra_twisted.dialects.mysql.sessions import Sessions
from acra_twisted.dialects.propagation import Propagation
from acra_twisted.endreason import EndReason
from acra_twisted.exchange import STATEMENT
from acra_twisted.wire.link.tracecontext import TraceContext
from acra_twisted.wire.mysql import capabilities as bits
from acra_twisted.wire.mysql.capabilities import InForce
from acra_twisted.wire.mysql.frames import packets
from acra_twisted.wire.mysql.handshake import Attribute, decode_greeting
from acra_twisted.wire.mysql.okpackets import SCHEMA
from acra_twisted.wire.mysql.parameters import Query, encode_query
from tests.support.mysqllogins import MARIADB, MYSQL, OK, response
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

    def test_the_span_of_the_startup_on_either_side_of_the_link(self):
        parent = b"00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01"
        for attributes in ((), (Attribute(b"traceparent", parent),)):
            for named in ({}, {"startup_parent": "c" * 16}, {"startup_span": "d" * 16}):
                session = make_session(ready=False)
                client = response(bits.CONNECT_ATTRS, attributes=attributes)
                exchange = Sessions().begin(session, decode_greeting(MARIADB), client, **named)
                expected = named.get("startup_parent", "b" * 16) if attributes else None
                self.assertEqual(exchange.remote and exchange.remote.span_id, expected)
                own = named.get("startup_span") if attributes else None
                self.assertEqual(exchange.context and exchange.context.span_id, own)
                if attributes:
                    self.assertEqual(session.context.span_id, "b" * 16)

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


class Flows(SynchronousTestCase):
    def flows(self, changes=(), legs=None, pipeline=None, has=0, follows=False):
        session = make_session(ready=False)
        agreed = InForce(has, mariadb=True), 2, 45, changes, pipeline, legs, follows
        return session, Sessions().flows(session, *agreed)

    def test_what_the_login_tells_of_the_session(self):
        session, _ = self.flows()
        self.assertEqual(session.parameters[b"character_set_client"], b"utf8mb4")
        changes = [(b"character_set_client", b"gbk"), (SCHEMA, b"shop")]
        session, _ = self.flows(changes)
        self.assertEqual(session.parameters[b"character_set_client"], b"gbk")
        self.assertEqual(session.database, b"shop")

    def test_requests_and_replies(self):
        session, (requests, answers) = self.flows()
        self.assertIsNone(requests.begin(packets(b"\x0e", 0)))
        self.assertEqual(requests.take_output(), packets(b"\x0e", 0))
        self.assertIsNone(answers.begin(packets(OK, 1)))
        self.assertEqual(answers.take_output(), packets(OK, 1))
        self.assertEqual(list(session.outstanding), [])
        self.assertEqual(answers.due, 0)

    def test_an_attribute_that_is_not_sampled_is_a_decision_of_a_connector_alone(self):
        context = TraceContext("a" * 32, "b" * 16, False)
        asked = encode_query(Query(b"SELECT 1", with_context((), context, "")), True)
        for follows in (False, True):
            session, (requests, _) = self.flows(has=bits.QUERY_ATTRIBUTES, follows=follows)
            requests.begin(packets(asked, 0))
            remote = session.outstanding[0][2].remote
            self.assertEqual((remote, remote.decides), (context, follows))

    def test_stages_say_which_queries_they_judge(self):
        for left, is_work in ((0, False), (1, True)):
            pipeline = SimpleNamespace(
                inspects=frozenset((STATEMENT,)), results=None, judges=lambda *_, left=left: left
            )
            _, (requests, _) = self.flows(pipeline=pipeline)
            self.assertEqual(requests.begin(packets(b"\3SELECT 1", 0)) is not None, is_work)

    def test_another_user_where_that_may_be(self):
        for legs, sent in ((None, False), (LegsPolicy(), True)):
            _, (requests, _) = self.flows(legs=legs)
            requests.begin(packets(b"\x11u\0\0d\0", 0))
            self.assertEqual(bool(requests.take_output()), sent)
