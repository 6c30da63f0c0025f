"""One client's way to a database that speaks first; for others see test_connection."""

from types import SimpleNamespace

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost, ConnectionRefusedError
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from acra_twisted import events
from acra_twisted.authentication.greeted import GREETED_OF_ALL
from acra_twisted.dialects.mysql.announcing import unannounced
from acra_twisted.dialects.mysql.dialect import MysqlDialect
from acra_twisted.server.database import DatabaseChannel
from acra_twisted.wire.link import lengthprefix, tracecontext
from acra_twisted.wire.mysql import capabilities as bits
from acra_twisted.wire.mysql.frames import packets
from acra_twisted.wire.mysql.handshake import decode_greeting, decode_response
from tests.support.mysqllogins import DENIED, MARIADB, OK, response
from tests.unit.server.test_connection import CONTEXT, ServerCase

GREETING = packets(MARIADB, 0)
RESPONSE = packets(response().encode(), 1)
WELCOME = packets(OK, 2)
PING = packets(b"\x0e", 0)


def switch(plugin):
    return b"\xfe" + plugin + b"\0" + b"n" * 20 + b"\0"


class MysqlCase(ServerCase):
    def configured(self, settings):
        return settings.but(mysql_enable=True)

    def connect(self, plain=False, span=None):
        self.assertTrue(plain, "TLS begins behind the greeting")
        return super().connect(span)

    def greeted(self, data=b""):
        """A client that has been shown the greeting of a database, and both channels."""
        connection = self.accept(data)
        database = self.database()
        database.dataReceived(GREETING)
        return connection, database

    def said(self, connection):
        """The packets that a client has got: numbers and payloads."""
        data, found = connection.transport.value(), []
        while data:
            size = int.from_bytes(data[:3], "little")
            found.append((data[3], data[4 : 4 + size]))
            data = data[4 + size :]
        return found

    def lose(self, connection):
        connection.connectionLost(Failure(ConnectionDone()))


class Applications(MysqlCase):
    """An application that has no connector waits for the greeting."""

    def test_a_session(self):
        connection, database = self.greeted()
        ((number, payload),) = self.said(connection)
        self.assertEqual(number, 0)
        self.assertEqual(decode_greeting(payload).thread, decode_greeting(MARIADB).thread)
        self.assertEqual(database.transport.value(), b"")
        connection.dataReceived(RESPONSE)
        self.assertTrue(database.transport.value().endswith(b"mysql_native_password\0"))
        database.dataReceived(WELCOME)
        self.assertEqual(self.said(connection)[1], (2, OK))
        database.transport.clear()
        connection.dataReceived(PING)
        self.assertEqual(database.transport.value(), PING)
        database.dataReceived(packets(OK, 1))
        self.assertEqual(self.said(connection)[2], (1, OK))
        self.lose(connection)
        self.assertTrue(database.transport.disconnecting)
        self.assertEqual(len(self.server.connections), 0)

    def test_its_spans(self):
        connection, database = self.greeted()
        self.assertEqual(self.spans, [])
        for byte in RESPONSE:
            connection.dataReceived(bytes((byte,)))
        database.dataReceived(WELCOME)
        self.lose(connection)
        named = {span.name: span for span in self.spans}
        whole, reached = named["handleConnection"], named["ConnectDatabase"]
        self.assertEqual(reached.parent_id, whole.span_id)
        self.assertLessEqual(reached.start, reached.end)
        self.assertIn("WrapServer", named)

    def test_one_that_says_nothing_at_all(self):
        """Balancers look at a port: the database is reached, and left, and nobody is told.

        It is left behind its word about a user whom it does not know.
        """
        limits = self.server.context.login_limits
        connection, database = self.greeted()
        self.lose(connection)
        self.assertFalse(database.transport.disconnecting)
        self.assertEqual((limits.in_progress, limits.greeted), (1, 0))
        answer = decode_response(database.transport.value()[4:])
        self.assertEqual((answer.user, answer.answer), (b"acra_visitor", b""))
        database.dataReceived(packets(DENIED, 2))
        self.assertTrue(database.transport.disconnecting)
        self.assertEqual(limits.in_progress, 0)
        self.assertEqual(self.spans, [])
        connection = self.accept()
        attempt = self.attempts[0]
        self.lose(connection)
        self.assertTrue(attempt.called)
        self.assertEqual(self.server.context.login_limits.in_progress, 0)

    def test_one_that_goes_before_the_greeting(self):
        connection = self.accept()
        database = self.database()
        database.dataReceived(GREETING[:20])
        self.lose(connection)
        self.assertEqual(database.transport.value(), b"")
        database.dataReceived(GREETING[20:])
        self.assertIn(b"acra_visitor", database.transport.value())
        database.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(self.server.context.login_limits.in_progress, 0)

    def test_a_database_that_does_not_decide_is_left(self):
        connection, database = self.greeted()
        self.lose(connection)
        self.reactor.advance(3.1)
        self.assertTrue(database.transport.disconnecting)
        self.assertEqual(self.server.context.login_limits.in_progress, 0)

    def answered(self):
        """A client that has answered the greeting, and its database, which has not decided."""
        connection, database = self.greeted()
        connection.dataReceived(RESPONSE)
        database.transport.clear()
        return connection, database

    def test_one_that_goes_before_the_decision(self):
        """The database is left behind its decision."""
        limits = self.server.context.login_limits
        connection, database = self.answered()
        self.lose(connection)
        self.assertFalse(database.transport.disconnecting)
        self.assertEqual((database.transport.value(), limits.in_progress), (b"", 1))
        database.dataReceived(packets(DENIED, 2))
        self.assertTrue(database.transport.disconnecting)
        self.assertEqual(limits.in_progress, 0)
        connection, database = self.answered()
        self.lose(connection)
        database.dataReceived(WELCOME)
        self.assertEqual(database.transport.value(), packets(b"\x01", 0))
        self.assertTrue(database.transport.disconnecting)

    def test_one_that_goes_when_it_is_asked(self):
        for goes_first in (False, True):
            connection, database = self.answered()
            if goes_first:
                self.lose(connection)
            database.dataReceived(packets(switch(b"mysql_native_password"), 2))
            if not goes_first:
                self.assertEqual(database.transport.value(), b"")
                self.lose(connection)
            self.assertEqual(database.transport.value(), packets(b"", 3))
            self.assertFalse(database.transport.disconnecting)
            database.dataReceived(packets(DENIED, 4))
            self.assertTrue(database.transport.disconnecting)

    def test_one_that_is_given_up_when_it_is_asked(self):
        """For an answer that its plugin cannot have, for its plugin, or for its silence."""
        for plugin, said, seconds in (
            (b"mysql_native_password", packets(b"7 bytes", 3), 0),
            (b"mysql_native_password", b"", 9.5),
            (b"mysql_clear_password", b"", 0),
            (b"mysql_old_password", b"", 0),
        ):
            connection, database = self.answered()
            database.dataReceived(packets(switch(plugin), 2))
            connection.dataReceived(said)
            self.reactor.advance(seconds)
            self.server.connections.check()
            self.assertTrue(connection.transport.disconnecting)
            self.assertEqual(database.transport.value(), packets(b"", 3))
            self.assertFalse(database.transport.disconnecting)
            database.dataReceived(packets(DENIED, 4))
            self.assertTrue(database.transport.disconnecting)
            self.lose(connection)

    def test_the_database_s_time_to_decide(self):
        connection, database = self.answered()
        self.lose(connection)
        self.reactor.advance(3.1)
        self.assertTrue(database.transport.disconnecting)
        self.assertEqual(self.server.context.login_limits.in_progress, 0)

    def test_all_of_a_crowd_that_goes_at_once_are_stood_in_for(self):
        """However many: and nobody else of that address is let in meanwhile."""
        most = 3
        self.make(
            auth_max_logins_per_address=most, max_connections=9, max_connections_per_address=9
        )
        crowd = [self.answered() for _ in range(most + 2)]
        for connection, _ in crowd:
            self.lose(connection)
        self.assertFalse(any(database.transport.disconnecting for _, database in crowd))
        ((number, payload),) = self.said(self.accept())
        self.assertEqual((number, payload[:3]), (0, b"\xff\x10\x04"))
        for _, database in crowd:
            database.dataReceived(packets(DENIED, 2))
            self.assertTrue(database.transport.disconnecting)
        self.assertEqual(self.server.context.login_limits.in_progress, 0)

    def test_a_database_that_goes_behind_its_client(self):
        connection, database = self.answered()
        self.lose(connection)
        database.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(self.server.context.login_limits.in_progress, 0)

    def test_an_answer_that_its_plugin_cannot_have_reaches_no_database(self):
        connection, database = self.greeted()
        connection.dataReceived(packets(response(answer=b"7 bytes").encode(), 1))
        self.assertEqual(database.transport.value(), b"")
        self.assertTrue(connection.transport.disconnecting)
        self.lose(connection)
        self.assertIn(b"acra_visitor", database.transport.value())

    def test_a_database_that_speaks_without_end(self):
        connection, database = self.greeted()
        for _ in range(20):
            if not database.transport.disconnecting:
                database.dataReceived(bytes(1 << 14))
        self.assertTrue(database.transport.disconnecting)

    def test_a_database_that_cannot_be_reached(self):
        connection = self.accept()
        self.attempts.pop().errback(ConnectionRefusedError())
        ((number, payload),) = self.said(connection)
        self.assertEqual((number, payload[:3]), (0, b"\xff\x51\x04"))
        self.assertNotIn(b"#", payload)
        self.assertNotIn(b"127.0.0.1", payload)
        self.assertTrue(connection.transport.disconnecting)
        self.lose(connection)
        named = {span.name: span for span in self.spans}
        self.assertEqual(named["ConnectDatabase"].parent_id, named["handleConnection"].span_id)
        self.assertTrue(named["handleConnection"].status)

    def test_a_database_that_takes_no_connection(self):
        connection = self.accept()
        error = b"\xff\x10\x04Too many connections"
        self.database().dataReceived(packets(error, 0))
        self.assertEqual(self.said(connection), [(0, error)])
        self.assertTrue(connection.transport.disconnecting)

    def test_another_protocol_in_its_place(self):
        connection = self.accept()
        self.database().dataReceived(b"HTTP/1.1 400 Bad Request\r\n")
        ((number, payload),) = self.said(connection)
        self.assertEqual((number, payload[:3]), (0, b"\xff\x51\x04"))

    def test_a_database_that_is_lost_meanwhile(self):
        connection, database = self.greeted()
        database.connectionLost(Failure(ConnectionLost()))
        number, payload = self.said(connection)[-1]
        # It listens when it has sent its response.
        self.assertEqual((number, payload[:9]), (2, b"\xff\x51\x04#HY000"))
        self.assertTrue(connection.transport.disconnecting)
        connection, database = self.greeted()
        connection.dataReceived(RESPONSE)
        database.connectionLost(Failure(ConnectionLost()))
        number, payload = self.said(connection)[-1]
        self.assertEqual((number, payload[:3]), (2, b"\xff\x51\x04"))

    def test_a_client_that_speaks_another_protocol(self):
        heard = []
        self.server.context.observers = SimpleNamespace(
            security_event=lambda code, *_, **fields: heard.append((code, fields["error"]))
        )
        connection, database = self.greeted(b"\0\0\0\x08\x04\xd2\x16\x2f")
        ((code, error),) = heard
        self.assertEqual(code, events.REFUSED_CONNECTION)
        self.assertIn("the peer speaks the PostgreSQL protocol; this listener serves My", error)
        number, payload = self.said(connection)[-1]
        self.assertEqual((number, payload[:9]), (2, b"\xff\x84\x04#08S01"))
        self.assertEqual(database.transport.value(), b"")

    def test_a_login_that_the_database_refuses(self):
        connection, database = self.greeted()
        connection.dataReceived(RESPONSE)
        database.dataReceived(packets(DENIED, 2))
        self.assertEqual(self.said(connection)[-1], (2, DENIED))
        self.assertTrue(connection.transport.disconnecting)

    def test_nothing_reaches_the_database_of_a_client_without_id(self):
        self.make(client_id="")
        connection, database = self.greeted()
        connection.dataReceived(RESPONSE)
        number, payload = self.said(connection)[-1]
        self.assertEqual((number, payload[:9]), (2, b"\xff\x15\x04#28000"))
        self.assertEqual(database.transport.value(), b"")


class Stranger:
    """A client that gives no way."""

    def give_way(self):
        raise AssertionError("it need not")


class Limits(MysqlCase):
    def test_greeted_clients_are_limited_by_themselves(self):
        self.make(auth_max_logins_per_address=2, max_connections=9, max_connections_per_address=9)
        first, its_own = self.greeted()
        _, database = self.greeted()
        third = self.accept()
        self.assertEqual(self.attempts, [])
        ((number, payload),) = self.said(third)
        self.assertEqual((number, payload[:3]), (0, b"\xff\x10\x04"))
        self.lose(first)
        # It is in progress until the database has been left.
        self.assertEqual(self.server.context.login_limits.in_progress, 2)
        its_own.dataReceived(packets(DENIED, 2))
        fourth, database = self.greeted()
        # A session is counted no longer.
        fourth.dataReceived(RESPONSE)
        database.dataReceived(WELCOME)
        self.assertEqual(self.server.context.login_limits.in_progress, 1)
        self.lose(fourth)
        self.assertEqual(self.server.context.login_limits.in_progress, 1)

    def test_strangers_do_not_use_up_the_databases_connections(self):
        """Clients that say nothing are fewer than logins are."""
        limits = self.server.context.login_limits
        for number in range(GREETED_OF_ALL - 1):
            self.assertTrue(limits.greets(f"10.0.{number}.1", Stranger()))
        connection, _ = self.greeted()
        self.assertEqual(limits.greeted, GREETED_OF_ALL)
        ((number, payload),) = self.said(self.accept())
        self.assertEqual((number, payload[:3], self.attempts), (0, b"\xff\x10\x04", []))
        connection.dataReceived(RESPONSE)
        self.assertEqual(limits.greeted, GREETED_OF_ALL - 1)
        self.lose(connection)
        silent, _ = self.greeted()
        self.lose(silent)
        self.assertEqual(limits.greeted, GREETED_OF_ALL - 1)

    def test_one_of_a_silent_crowd_gives_way(self):
        self.make(max_connections=9, max_connections_per_address=9)
        limits = self.server.context.login_limits
        crowd = [self.greeted() for _ in range(3)]
        for number in range(GREETED_OF_ALL - len(crowd)):
            self.assertTrue(limits.greets(f"10.0.{number}.1", Stranger()))
        self.assertTrue(limits.greets("10.9.9.9", Stranger()))
        (first, database), (second, _), _ = crowd
        number, payload = self.said(first)[-1]
        self.assertEqual((number, payload[:3]), (2, b"\xff\x10\x04"))
        self.assertTrue(first.transport.disconnecting)
        self.assertFalse(second.transport.disconnecting)
        self.lose(first)
        self.assertIn(b"acra_visitor", database.transport.value())
        self.assertEqual(limits.greeted, GREETED_OF_ALL)

    def test_too_many_connections(self):
        for _ in range(2):
            self.accept()
        ((number, payload),) = self.said(self.accept())
        self.assertEqual((number, payload[:3]), (0, b"\xff\x10\x04"))
        self.assertEqual(len(self.attempts), 2)

    def test_time(self):
        """A server gives a client up after ten seconds: it is told before that."""
        connection, database = self.greeted()
        self.reactor.advance(9.5)
        self.server.connections.check()
        number, payload = self.said(connection)[-1]
        self.assertEqual((number, payload[:9]), (2, b"\xff\x87\x04#08S01"))
        self.lose(connection)
        database.dataReceived(packets(DENIED, 2))
        self.assertTrue(database.transport.disconnecting)

    def test_a_database_that_does_not_greet(self):
        heard = self.heard()
        self.accept()
        self.database()
        self.reactor.advance(9.5)
        self.server.connections.check()
        ((code, error),) = heard
        self.assertEqual(code, events.DROPPED_BY_TIMEOUT)
        self.assertIn("says nothing, where MySQL and MariaDB greet", error)
        self.assertIn("set mysql_enable = false", error)

    def test_shutdown(self):
        connection = self.accept()
        connection.drain()
        ((number, payload),) = self.said(connection)
        self.assertEqual((number, payload[:3]), (0, b"\xff\x1d\x04"))


class Connectors(MysqlCase):
    def test_a_plain_link_carries_the_context_late(self):
        connection, database = self.greeted()
        connection.dataReceived(tracecontext.encode(CONTEXT) + RESPONSE)
        database.dataReceived(WELCOME)
        self.assertEqual(self.said(connection)[-1], (2, OK))
        self.assertEqual(connection.span.trace_id, CONTEXT.trace_id)
        self.lose(connection)
        named = {span.name: span for span in self.spans}
        self.assertEqual(named["ConnectDatabase"].trace_id, CONTEXT.trace_id)

    def test_on_a_link_of_connectors_the_context_comes_first(self):
        self.server.context.link_encrypted = True
        connection = self.accept()
        self.assertEqual(self.attempts, [])
        connection.dataReceived(tracecontext.encode(CONTEXT))
        database = self.database()
        database.dataReceived(GREETING)
        connection.dataReceived(RESPONSE)
        database.dataReceived(WELCOME)
        self.assertEqual([number for number, _ in self.said(connection)], [0, 2])
        self.lose(connection)
        named = {span.name: span for span in self.spans}
        self.assertEqual(named["ConnectDatabase"].trace_id, CONTEXT.trace_id)

    def test_it_makes_itself_known_to_one_that_follows_and_to_nobody_else(self):
        follows = tracecontext.encode(CONTEXT, tracecontext.FOLLOWS)
        for encrypted in (False, True):
            self.server.context.link_encrypted = encrypted
            for begins in (tracecontext.encode(CONTEXT), follows):
                connection = self.accept()
                if encrypted:
                    connection.dataReceived(begins)
                database = self.database()
                database.dataReceived(GREETING)
                connection.dataReceived(RESPONSE if encrypted else begins + RESPONSE)
                database.dataReceived(WELCOME)
                shown, is_known = unannounced(self.said(connection)[-1][1])
                self.assertEqual((shown, is_known), (OK, begins is follows))
                self.lose(connection)

    def test_the_startup_s_span_of_one_that_follows(self):
        parent = b"00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01"
        client = response(bits.CONNECT_ATTRS, attributes=((b"traceparent", parent),))
        connection, database = self.greeted()
        connection.dataReceived(
            tracecontext.encode(CONTEXT, tracecontext.FOLLOWS, "c" * 16)
            + packets(client.encode(), 1)
        )
        database.dataReceived(WELCOME)
        self.lose(connection)
        self.server.context.observers.catch_up()
        (startup,) = [span for span in self.spans if span.name == "startup"]
        self.assertEqual((startup.trace_id, startup.parent_id), ("a" * 32, "c" * 16))


class Spans(MysqlCase):
    """A connector offers its spans on a link of their own, and no database is asked."""

    def offer(self, encrypted=True):
        self.server.context.link_encrypted = encrypted
        connection = self.accept()
        connection.dataReceived(MysqlDialect.spans_offer)
        return connection, connection.transport

    def test_they_are_taken(self):
        taken = []

        def take(blob, client_id):
            taken.append(blob)
            return iter(())

        self.server.context.intake = SimpleNamespace(take=take)
        connection, transport = self.offer()
        self.assertEqual((transport.value(), self.attempts), (b"S", []))
        connection.dataReceived(lengthprefix.encode(b"a request"))
        self.assertEqual((taken, transport.value()), ([b"a request"], b"SK"))
        self.lose(connection)

    def test_nobody_wants_them(self):
        _, transport = self.offer()
        self.assertEqual((transport.value(), self.attempts), (b"N", []))
        self.assertTrue(transport.disconnecting)

    def test_on_a_plain_link_nobody_has_proven_who_is_there(self):
        connection, transport = self.offer(False)
        self.assertEqual(transport.value(), b"N")
        self.assertTrue(transport.disconnecting)
        self.assertTrue(self.attempts[0].called)
        self.lose(connection)
        self.assertEqual(self.server.context.login_limits.in_progress, 0)

    def test_that_is_no_context_that_cannot_be_read(self):
        heard = []
        self.server.context.observers = SimpleNamespace(
            security_event=lambda code, *_, **fields: heard.append(code)
        )
        self.offer()
        self.assertEqual(heard, [])


class DatabaseTLS(MysqlCase):
    """TLS with the database begins behind the client's response."""

    def database(self):
        channel = Starting()
        channel.makeConnection(StringTransport())
        self.attempts.pop().callback(channel)
        return channel

    def make(self, **changes):
        super().make(db_tls="require", **changes)

    def test_it_begins_before_the_response_leaves(self):
        connection, database = self.greeted_with_tls()
        connection.dataReceived(RESPONSE)
        sent = database.transport.value()
        self.assertEqual(sent[:4], b"\x20\0\0\x01")
        self.assertEqual(len(sent), 36)
        self.assertEqual(database.begun, [(self.server.context.database.creator, True)])
        database.complete()
        self.assertEqual(database.transport.value()[36 + 3], 2)
        self.assertIn(b"ann\0", database.transport.value())

    def test_it_fails(self):
        connection, database = self.greeted_with_tls()
        connection.dataReceived(RESPONSE)
        database.connectionLost(Failure(ConnectionLost()))
        self.assertNotIn(b"ann\0", database.transport.value())
        number, payload = self.said(connection)[-1]
        self.assertEqual((number, payload[:3]), (2, b"\xff\x51\x04"))

    def test_it_is_not_offered(self):
        connection = self.accept()
        database = self.database()
        greeting = decode_greeting(MARIADB)
        plain = greeting.showing(greeting.capabilities & ~bits.SSL, greeting.extended)
        database.dataReceived(packets(plain, 0))
        ((number, payload),) = self.said(connection)
        self.assertEqual((number, payload[:3]), (0, b"\xff\x51\x04"))
        self.assertEqual(database.transport.value(), b"")

    def greeted_with_tls(self):
        connection = self.accept()
        database = self.database()
        greeting = decode_greeting(MARIADB)
        offers = greeting.showing(greeting.capabilities | bits.SSL, greeting.extended)
        database.dataReceived(packets(offers, 0))
        return connection, database

    def test_one_that_is_left_unused_has_it_too(self):
        connection, database = self.greeted_with_tls()
        self.lose(connection)
        self.assertNotIn(b"acra_visitor", database.transport.value())
        self.assertEqual(database.begun, [(self.server.context.database.creator, True)])
        database.complete()
        self.assertIn(b"acra_visitor\0", database.transport.value())
        database.dataReceived(packets(DENIED, 3))
        self.assertTrue(database.transport.disconnecting)
        self.assertEqual(self.server.context.login_limits.in_progress, 0)


class Starting(DatabaseChannel):
    """A channel whose TLS begins in memory."""

    def __init__(self):
        super().__init__(None, Deferred())
        self.begun = []

    def start_tls(self, context, is_client, received=b""):
        self.begun.append((context, is_client))

    def complete(self):
        self.transport.negotiatedProtocol = None
        self.tls_started()


class Events(MysqlCase):
    def test_a_database_that_cannot_be_reached(self):
        heard = []
        self.server.context.observers = SimpleNamespace(
            security_event=lambda code, text, session, exchange, **fields: heard.append(code)
        )
        self.accept()
        self.attempts.pop().errback(ConnectionRefusedError())
        self.assertEqual(heard, [events.CONNECT_TO_DATABASE])
