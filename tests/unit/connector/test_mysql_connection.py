"""One connection of an application of MySQL, over memory transports."""

import re

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import generate_latest
from twisted.internet.error import ConnectionDone, ConnectionLost, ConnectionRefusedError
from twisted.python.failure import Failure

from acra_twisted import events
from acra_twisted.dialects.mysql.announcing import announced
from acra_twisted.telemetry.pages import sessions
from acra_twisted.wire.link import tracecontext
from acra_twisted.wire.mysql import capabilities as bits
from acra_twisted.wire.mysql import commands
from acra_twisted.wire.mysql.commands import encode_close
from acra_twisted.wire.mysql.frames import PART_MAX, packets
from acra_twisted.wire.mysql.handshake import decode_greeting
from acra_twisted.wire.mysql.parameters import decode_query
from acra_twisted.wire.postgres import backend
from tests.support.mysqllogins import MARIADB, MYSQL, OK, response, written
from tests.unit.connector.test_connection import Connected, pieces

GREETING = packets(MARIADB, 0)
RESPONSE = packets(response().encode(), 1)
CONTEXT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
_COMMENT = re.compile(rb" /\*traceparent='00-([0-9a-f]{32})-([0-9a-f]{16})-01'\*/")


def command(code, payload=b"", number=0):
    return packets(bytes((code,)) + payload, number)


def query(text):
    return command(commands.QUERY, text)


class MysqlConnected(Connected):
    scope = "request"

    def configured(self, settings):
        return settings.but(mysql_enable=True)

    def logged_in(self, last=None, asked=0, greeting=MARIADB):
        """A connection whose session has begun; ``last`` is the payload of the server's OK."""
        application, link = self.linked()
        link.dataReceived(packets(greeting, 0))
        application.dataReceived(packets(response(asked).encode(), 1))
        link.dataReceived(packets(announced(OK) if last is None else last, 2))
        link.transport.clear()
        application.transport.clear()
        return application, link


class Followed(MysqlConnected):
    def test_the_greeting_comes_from_the_server(self):
        application, link = self.linked()
        mark = tracecontext.DECIDES | tracecontext.FOLLOWS | tracecontext.AWAITS
        begun = link.transport.value()
        self.assertEqual(tracecontext.mark_of(begun[4:]), mark)
        self.assertEqual(application.transport.value(), b"")
        link.dataReceived(GREETING)
        ((number, shown),) = written(application.transport.value())
        self.assertEqual((number, decode_greeting(shown).version), (0, _version(MARIADB)))
        self.assertEqual(link.transport.value(), begun)
        application.dataReceived(RESPONSE)
        ((number, _),) = written(link.transport.value()[len(begun) :])
        self.assertEqual(number, 1)
        link.dataReceived(packets(announced(OK), 2))
        self.assertEqual(written(application.transport.value())[1], (2, OK))
        self.assertEqual(application.session.system, "mariadb")

    def test_a_text_takes_its_context_along(self):
        for text, before, behind in (
            (b"SELECT 1", b"SELECT 1", b""),
            (b"SELECT 1;", b"SELECT 1", b";"),
            (b"SELECT 1 ; ", b"SELECT 1 ", b"; "),
        ):
            for code in (commands.QUERY, commands.PREPARE):
                application, link = self.logged_in()
                application.dataReceived(command(code, text))
                ((number, payload),) = written(link.transport.value())
                self.assertEqual((number, payload[0]), (0, code))
                found = _COMMENT.search(payload)
                self.assertEqual(payload[1 : found.start()], before)
                self.assertEqual(payload[found.end() :], behind)
                application.connectionLost(Failure(ConnectionDone()))
                self.connector.context.observers.catch_up()
                ids = {(span.trace_id, span.span_id) for span in self.spans}
                self.assertIn((found[1].decode(), found[2].decode()), ids)

    def test_an_application_s_own_context_is_the_parent(self):
        application, link = self.logged_in()
        application.dataReceived(query(f"SELECT 1 /*traceparent='{CONTEXT}'*/".encode()))
        ((_, payload),) = written(link.transport.value())
        trace_id, span_id = _COMMENT.search(payload).groups()
        self.assertEqual(payload.count(b"traceparent"), 1)
        self.assertEqual(trace_id.decode(), CONTEXT[3:35])
        self.assertNotEqual(span_id.decode(), CONTEXT[36:52])

    def test_a_command_without_text_follows_its_context(self):
        application, link = self.logged_in()
        application.dataReceived(command(commands.PING))
        (zero, carrier), (number, payload) = written(link.transport.value())
        closes = encode_close(commands.NOBODYS, b"traceparent=00-")
        self.assertTrue(carrier.startswith(closes), carrier)
        self.assertEqual((zero, number, payload), (0, 0, bytes((commands.PING,))))
        link.dataReceived(packets(OK, 1))
        self.assertEqual(written(application.transport.value()), [(1, OK)])

    def test_attributes_carry_it_where_both_sides_have_them(self):
        application, link = self.logged_in(asked=bits.QUERY_ATTRIBUTES, greeting=MYSQL)
        application.dataReceived(query(b"\0\1SELECT 1"))
        application.dataReceived(command(commands.PING))
        (_, payload), (_, carrier), (_, ping) = written(link.transport.value())
        asked = decode_query(payload, True)
        self.assertEqual(asked.text, b"SELECT 1")
        ((name, value),) = [(one.name, one.value) for one in asked.attributes]
        self.assertEqual(name, b"traceparent")
        self.assertIsNotNone(tracecontext.plain_at(value, 0))
        # A command without attributes follows its own.
        closes = encode_close(commands.NOBODYS, b"traceparent=00-")
        self.assertTrue(carrier.startswith(closes), carrier)
        self.assertEqual(ping, bytes((commands.PING,)))

    def test_a_text_that_needs_one_part_more_for_its_context(self):
        """The numbers of its reply are still those that the application expects."""
        text = b"SELECT '" + b"x" * (PART_MAX - 11) + b"'"
        self.assertEqual(len(text), PART_MAX - 2)
        application, link = self.logged_in()
        application.dataReceived(query(text))
        first, second = written(link.transport.value())
        self.assertEqual((first[0], len(first[1]), second[0]), (0, PART_MAX, 1))
        whole = first[1] + second[1]
        self.assertEqual(_COMMENT.sub(b"", whole), b"\x03" + text)
        link.dataReceived(packets(OK, 2))
        self.assertEqual(written(application.transport.value()), [(1, OK)])

    def test_pipelined_commands_keep_their_places(self):
        application, link = self.logged_in()
        application.dataReceived(query(b"SELECT 1") + command(commands.PING) + query(b"DO 2"))
        sent = [payload[:1] for _, payload in written(link.transport.value())]
        self.assertEqual(sent, [b"\x03", b"\x19", b"\x0e", b"\x03"])
        error = b"\xff\x28\x04#42000no"
        link.dataReceived(packets(error, 1) + packets(OK, 1) + packets(OK, 1))
        self.assertEqual(written(application.transport.value()), [(1, error), (1, OK), (1, OK)])

    def test_it_is_never_asked_for_more_than_the_server_offers(self):
        application, link = self.logged_in()
        application.dataReceived(command(commands.BULK_EXECUTE))
        number, payload = written(application.transport.value())[0]
        self.assertEqual((number, payload[:1]), (1, b"\xff"))
        self.assertEqual(link.transport.value(), b"")

    def test_what_came_before_the_greeting_waits_for_it(self):
        application = self.accept()
        application.dataReceived(RESPONSE[:9])
        link = self.link_up()
        begun = link.transport.value()
        self.assertTrue(begun)
        application.dataReceived(RESPONSE[9:])
        self.assertEqual(link.transport.value(), begun)
        link.dataReceived(GREETING)
        self.assertEqual(len(written(link.transport.value()[len(begun) :])), 1)


class Ends(MysqlConnected):
    def setUp(self):
        super().setUp()
        self.told = []
        self.patch(
            self.connector.context,
            "event",
            lambda code, text, **fields: self.told.append((code, fields.get("error"))),
        )

    def test_no_server(self):
        application = self.accept()
        self.attempts.pop()[1].errback(ConnectionRefusedError())
        ((number, payload),) = written(application.transport.value())
        self.assertEqual((number, payload[:3]), (0, b"\xff\x51\x04"))
        self.assertIn(b"AcraConnector could not connect to AcraServer", payload)
        self.assertTrue(application.transport.disconnecting)

    def test_a_server_that_takes_no_connection(self):
        error = b"\xff\x10\x04Too many connections"
        application, link = self.linked()
        link.dataReceived(packets(error, 0))
        self.assertEqual(written(application.transport.value()), [(0, error)])
        self.assertTrue(application.transport.disconnecting)

    def test_another_protocol_in_its_place(self):
        application, link = self.linked()
        link.dataReceived(b"HTTP/1.1 400 Bad Request\r\n")
        ((number, payload),) = written(application.transport.value())
        self.assertEqual((number, payload[:3]), (0, b"\xff\x51\x04"))
        self.assertIn(b"another protocol", payload)

    def test_a_server_of_another_database(self):
        application, link = self.linked()
        link.dataReceived(backend.encode_error(b"FATAL", b"28000", "this listener serves it not"))
        ((number, payload),) = written(application.transport.value())
        self.assertEqual((number, payload[:3]), (0, b"\xff\x51\x04"))
        self.assertIn(b"to AcraServer: it speaks the PostgreSQL protocol", payload)
        ((code, error),) = self.told
        self.assertEqual(code, events.WRAP_CONNECTION)
        self.assertIn("AcraServer at 127.0.0.1:1 speaks the PostgreSQL protocol; that", error)
        self.assertIn("set mysql_enable = false here", error)

    def test_one_that_is_lost_before_its_greeting(self):
        for greeting, remedy in ((b"", True), (GREETING, False)):
            self.told.clear()
            application, link = self.linked()
            if greeting:
                link.dataReceived(greeting)
            link.connectionLost(Failure(ConnectionDone()))
            ((_, error),) = self.told
            self.assertEqual("mysql_enable = true there" in error, remedy)
            application.connectionLost(Failure(ConnectionDone()))

    def test_a_link_that_is_lost(self):
        """The application gets an error with the number that it waits for."""
        for told, said, expected in (
            (b"", b"", 0),
            (GREETING, b"", 2),
            (GREETING, RESPONSE, 2),
        ):
            application, link = self.linked()
            if told:
                link.dataReceived(told)
            if said:
                application.dataReceived(said)
            application.transport.clear()
            link.connectionLost(Failure(ConnectionLost()))
            errors = written(application.transport.value())
            numbers = [number for number, payload in errors if payload[:1] == b"\xff"]
            self.assertEqual(numbers, [expected])
            self.assertTrue(application.transport.disconnecting)
            application.connectionLost(Failure(ConnectionDone()))

    def test_either_side_in_the_middle_of_a_reply(self):
        application, link = self.logged_in()
        application.dataReceived(query(b"SELECT 1"))
        link.connectionLost(Failure(ConnectionLost()))
        self.assertTrue(application.transport.disconnecting)
        application, link = self.logged_in()
        application.dataReceived(query(b"SELECT 1"))
        application.connectionLost(Failure(ConnectionDone()))
        self.assertTrue(link.transport.disconnecting)

    def test_shutdown_waits_for_the_reply(self):
        application, link = self.logged_in()
        application.dataReceived(command(commands.PING))
        application.drain()
        self.assertFalse(application.transport.disconnecting)
        link.dataReceived(packets(OK, 1))
        first, last = written(application.transport.value())
        self.assertEqual((first, last[1][:3]), ((1, OK), b"\xff\x1d\x04"))
        self.assertTrue(application.transport.disconnecting)

    def test_a_response_that_is_none(self):
        application, link = self.linked()
        link.dataReceived(GREETING)
        begun = link.transport.value()
        application.dataReceived(packets(b"x" * 31, 1))
        (_, (number, payload)) = written(application.transport.value())
        self.assertEqual((number, payload[:3]), (2, b"\xff\x13\x04"))
        self.assertEqual(link.transport.value(), begun)
        self.assertTrue(link.transport.disconnecting)

    def test_getting_ready_is_limited_in_time(self):
        application, link = self.linked()
        link.dataReceived(GREETING)
        self.reactor.advance(self.connector.context.handshake_timeout + 1)
        self.connector.connections.check()
        self.assertTrue(application.transport.disconnected)


class Unread(MysqlConnected):
    tls = "pass"

    def row(self):
        (row,) = sessions.describe(self.connector.sessions(), 0)
        return row

    def test_tls_goes_through(self):
        greeting = decode_greeting(MARIADB)
        offers = greeting.showing(greeting.capabilities | bits.SSL, greeting.extended)
        application, link = self.linked()
        link.dataReceived(packets(offers, 0))
        link.transport.clear()
        application.transport.clear()
        asked = packets(response(bits.SSL).head(), 1)
        application.dataReceived(asked + b"\x16\x03\x01 hello")
        self.assertEqual(link.transport.value(), asked + b"\x16\x03\x01 hello")
        link.dataReceived(b"\x16\x03\x03 an answer")
        self.assertEqual(application.transport.value(), b"\x16\x03\x03 an answer")
        self.assertEqual(self.row()["state"], "unread")
        self.assertEqual(application.span.attributes["acra.unread"], "encrypted")
        self.assertIn(b'reason="encrypted"} 1.0', generate_latest(self.connector.metrics.registry))

    def test_a_server_that_does_not_make_itself_known(self):
        """Nothing is added to what is said."""
        application, link = self.logged_in(last=OK)
        application.dataReceived(query(b"SELECT 1") + b"anything")
        link.dataReceived(b"whatever")
        self.assertEqual(link.transport.value(), query(b"SELECT 1") + b"anything")
        self.assertEqual(application.transport.value(), b"whatever")
        self.assertEqual(self.row()["state"], "unread")
        self.assertEqual(application.span.attributes["acra.unread"], "foreign")

    @given(
        st.binary(max_size=60),
        st.binary(max_size=60),
        st.lists(st.integers(1, 40), min_size=1, max_size=8),
    )
    def test_byte_for_byte_in_any_pieces(self, said, answered, sizes):
        application, link = self.linked()
        for chunk in pieces(GREETING, sizes):
            link.dataReceived(chunk)
        for chunk in pieces(RESPONSE, sizes):
            application.dataReceived(chunk)
        for chunk in pieces(packets(OK, 2), sizes):
            link.dataReceived(chunk)
        link.transport.clear()
        application.transport.clear()
        for chunk in pieces(said, sizes):
            application.dataReceived(chunk)
        for chunk in pieces(answered, sizes):
            link.dataReceived(chunk)
        self.assertEqual(link.transport.value(), said)
        self.assertEqual(application.transport.value(), answered)
        application.connectionLost(Failure(ConnectionDone()))


class Copied(MysqlConnected):
    """With tracing_scope = connection nothing is looked at."""

    scope = "connection"
    tls = "pass"

    def test_everything(self):
        application, link = self.linked()
        link.transport.clear()
        link.dataReceived(GREETING)
        application.dataReceived(b"anything")
        link.dataReceived(b"whatever")
        self.assertEqual(application.transport.value(), GREETING + b"whatever")
        self.assertEqual(link.transport.value(), b"anything")
        self.assertIsNone(application.session)


class Declining(Copied):
    """But who answers a request for TLS looks at the login."""

    tls = "refuse"

    def test_everything(self):
        application, link = self.linked()
        link.transport.clear()
        link.dataReceived(GREETING)
        ((_, shown),) = written(application.transport.value())
        self.assertFalse(decode_greeting(shown).capabilities & bits.SSL)
        application.dataReceived(RESPONSE)
        self.assertEqual(len(written(link.transport.value())), 1)
        link.dataReceived(packets(OK, 2))
        link.transport.clear()
        application.transport.clear()
        application.dataReceived(b"anything")
        link.dataReceived(b"whatever")
        self.assertEqual(application.transport.value(), b"whatever")
        self.assertEqual(link.transport.value(), b"anything")
        self.assertIsNone(application.session)


def _version(greeting):
    return decode_greeting(greeting).version
