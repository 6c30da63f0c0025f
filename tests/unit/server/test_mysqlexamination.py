"""Results of a visit to MySQL or MariaDB; whole conversations are in tests/integration."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import ensureDeferred, succeed
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config.server import SERVER_SECTIONS
from acra_twisted.dialects.mysql.visit import Visit
from acra_twisted.doctor.result import FAIL, OK, WARN
from acra_twisted.optionkinds import Address
from acra_twisted.options import defaults
from acra_twisted.server.database import Database, DatabaseChannel
from acra_twisted.server.mysqlexamination import results, visited
from acra_twisted.transport import peers
from acra_twisted.transport.failures import Party
from acra_twisted.wire.mysql.frames import packets
from tests.support.mysqllogins import DENIED, MARIADB, MYSQL
from tests.support.mysqllogins import OK as WELCOME

SETTINGS = defaults(SERVER_SECTIONS).but(mysql_enable=True, client_tls="disable")
PARTY = Party(peers.DATABASE, "127.0.0.1:3306")


class Results(SynchronousTestCase):
    def told(self, *said, settings=SETTINGS):
        visit = Visit(b"nobody")
        for number, payload in said:
            visit.feed(packets(payload, number))
        return list(results(visit, None, settings, PARTY))

    def test_as_it_should_be(self):
        reached, known = self.told((0, MARIADB), (2, DENIED))
        self.assertEqual((reached.state, known.state), (OK, OK))
        self.assertIn("MariaDB 10.11", known.text)

    def test_it_takes_no_connection(self):
        for number, text, remedy in (
            (1040, b"Too many connections", "max_connections"),
            (1129, b"Host '10.0.0.1' is blocked", "FLUSH HOSTS"),
            (1130, b"Host '10.0.0.1' is not allowed", "AcraServer's address"),
        ):
            (found,) = self.told((0, b"\xff" + number.to_bytes(2, "little") + text))
            self.assertEqual(found.state, FAIL)
            self.assertIn(text.decode(), found.text)
            self.assertIn(remedy, found.remedy)

    def test_it_lets_everybody_in(self):
        *_, found = self.told((0, MARIADB), (2, WELCOME))
        self.assertEqual(found.state, WARN)
        self.assertIn("mysql.user", found.remedy)

    def test_another_error(self):
        *_, found = self.told((0, MARIADB), (2, b"\xff\x1d\x04#08S01shut\x1bdown"))
        self.assertEqual(found.state, WARN)
        self.assertIn("(1053)", found.text)
        self.assertTrue(found.text.isprintable())

    def test_a_plugin_that_needs_tls_on_both_sides(self):
        said = (0, MYSQL), (2, DENIED)
        self.assertEqual([found.state for found in self.told(*said)], [OK, OK])
        *_, found = self.told(*said, settings=SETTINGS.but(client_tls="require"))
        self.assertEqual(found.state, WARN)
        self.assertIn("caching_sha2_password, and only the applications' side has TLS", found.text)


class Visits(SynchronousTestCase):
    def visit(self, *said, at_once=True, seconds=0.0, refused=False):
        """The results of a visit to a database that says this."""
        clock = Clock()
        channel = DatabaseChannel(None, None)
        channel.makeConnection(StringTransport())
        reached = Database(clock, Address("127.0.0.1", 3306), None, 5.0)

        def connect(plain=False):
            if refused:
                raise ConnectionRefusedError
            return succeed(channel)

        reached.connect = connect
        found = []

        async def collect():
            async for result in visited(clock, reached, SETTINGS, PARTY, b"nobody"):
                found.append(result)

        done = ensureDeferred(collect())
        for data in said:
            channel.dataReceived(data)
        clock.advance(seconds)
        self.successResultOf(done)
        self.assertTrue(refused or channel.transport.disconnected or channel.transport.aborting)
        return found

    def test_as_it_should_be(self):
        found = self.visit(packets(MARIADB, 0), packets(DENIED, 2))
        self.assertEqual([one.state for one in found], [OK, OK])

    def test_it_cannot_be_reached(self):
        (found,) = self.visit(refused=True)
        self.assertEqual(found.state, FAIL)

    def test_it_says_nothing(self):
        (found,) = self.visit(seconds=11)
        self.assertEqual(found.state, FAIL)
        self.assertIn("mysql_enable = false", found.remedy)

    def test_it_does_not_answer(self):
        (found,) = self.visit(packets(MARIADB, 0), seconds=11)
        self.assertIn("does not answer", found.text)

    def test_it_is_another_program(self):
        (found,) = self.visit(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        self.assertEqual((found.state, found.text[-10:]), (FAIL, "speaks HTTP"[-10:]))

    @given(st.lists(st.binary(max_size=100), max_size=4))
    def test_whatever_it_says(self, said):
        for found in self.visit(*said, seconds=11):
            self.assertTrue(found.text.isprintable())
