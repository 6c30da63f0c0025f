"""Visits to a server: whatever it says, they come to an end, and nothing is sent but a name."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from acra_twisted.dialectinterfaces import IVisit
from acra_twisted.dialects.mysql.visit import Visit
from acra_twisted.errors import HandshakeError, WireError
from acra_twisted.loginactions import DATABASE, Close, StartTLS, Write
from acra_twisted.wire.mysql import capabilities as bits
from acra_twisted.wire.mysql.frames import packets
from acra_twisted.wire.mysql.handshake import decode_greeting, decode_response
from tests.support.mysqllogins import DENIED, MARIADB, MYSQL, OK

GREETING = packets(MARIADB, 0)
SWITCH = b"\xfemysql_native_password\0" + b"s" * 20 + b"\0"


def without_tls(payload):
    greeting = decode_greeting(payload)
    return greeting.showing(greeting.capabilities & ~bits.SSL, greeting.extended)


def with_tls(payload):
    greeting = decode_greeting(payload)
    return greeting.showing(greeting.capabilities | bits.SSL, greeting.extended)


class Visiting(SynchronousTestCase):
    def sent(self, actions):
        """The numbers and payloads of what is written."""
        return [(a.data[3], a.data[4:]) for a in actions if isinstance(a, Write)]

    def test_a_user_whom_it_does_not_know(self):
        for greeting, system in ((MARIADB, "MariaDB 10.11"), (MYSQL, "MySQL 8")):
            visit = Visit(b"nobody")
            verifyObject(IVisit, visit)
            ((number, payload),) = self.sent(visit.feed(packets(greeting, 0)))
            self.assertEqual(number, 1)
            response = decode_response(payload)
            self.assertEqual((response.user, response.answer), (b"nobody", b""))
            self.assertEqual(response.plugin, visit.greeting.plugin)
            self.assertFalse(visit.over)
            self.assertEqual(self.sent(visit.feed(packets(SWITCH, 2))), [(3, b"")])
            self.assertEqual(visit.feed(packets(DENIED, 4)), [Close(DATABASE)])
            self.assertTrue(visit.over)
            self.assertFalse(visit.admitted)
            self.assertEqual((visit.error.number, visit.problem), (1045, ""))
            self.assertTrue(visit.system.startswith(system), visit.system)

    def test_byte_by_byte(self):
        visit = Visit(b"nobody")
        actions = [action for byte in GREETING for action in visit.feed(bytes((byte,)))]
        self.assertEqual(len(self.sent(actions)), 1)

    def test_a_server_that_lets_everybody_in(self):
        visit = Visit(b"nobody")
        visit.feed(GREETING)
        self.assertEqual(self.sent(visit.feed(packets(OK, 2))), [(0, b"\x01")])
        self.assertEqual((visit.over, visit.admitted, visit.problem), (True, True, ""))

    def test_a_server_that_takes_no_connection(self):
        visit = Visit(b"nobody")
        actions = visit.feed(packets(b"\xff\x10\x04Too many connections", 0))
        self.assertEqual(actions, [Close(DATABASE)])
        self.assertIsNone(visit.greeting)
        self.assertEqual(visit.problem, "takes no connections (error 1040)")

    def test_tls(self):
        offered, plain = packets(with_tls(MARIADB), 0), packets(without_tls(MARIADB), 0)
        for tls in ("if offered", "on"):
            visit = Visit(b"nobody", tls)
            head, begin = visit.feed(offered)
            self.assertEqual((head.data[3], len(head.data)), (1, 4 + 32))
            self.assertEqual(begin, StartTLS(DATABASE))
            ((number, payload),) = self.sent(visit.tls_started())
            self.assertEqual((number, decode_response(payload).user), (2, b"nobody"))
            self.assertEqual(visit.feed(packets(DENIED, 3)), [Close(DATABASE)])
        self.assertEqual(len(self.sent(Visit(b"nobody", "if offered").feed(plain))), 1)
        self.assertEqual(len(self.sent(Visit(b"nobody", "off").feed(offered))), 1)
        self.assertRaises(HandshakeError, Visit(b"nobody", "on").feed, plain)

    def test_bytes_before_tls_are_nobodys(self):
        visit = Visit(b"nobody", "on")
        visit.feed(packets(with_tls(MARIADB), 0) + packets(OK, 2))
        self.assertFalse(visit.over)
        self.assertRaises(WireError, visit.tls_started)

    def test_questions_without_end(self):
        visit = Visit(b"nobody")
        visit.feed(GREETING)
        number = 2
        with self.assertRaises(WireError):
            for _ in range(20):
                visit.feed(packets(SWITCH, number))
                number += 2

    def test_a_version_that_is_no_text(self):
        visit = Visit(b"nobody")
        visit.feed(packets(MARIADB.replace(b"5.5.5-10", b"5.5.5-\x1b\xff"), 0))
        self.assertTrue(visit.system.isprintable())

    @given(st.binary(max_size=300), st.sampled_from(("off", "if offered", "on")), st.booleans())
    def test_whatever_it_says(self, data, tls, greets):
        visit = Visit(b"nobody", tls)
        try:
            if greets:
                visit.feed(GREETING)
            visit.feed(data)
        except (WireError, HandshakeError):
            return
        self.assertIsInstance(visit.problem, str)
