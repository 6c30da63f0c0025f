"""MySQL as a dialect."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.mysql.dialect import MysqlDialect
from acra_twisted.dialects.mysql.servedlogin import ServePolicy
from acra_twisted.endreason import EndReason
from acra_twisted.loginactions import CLIENT, GREETING, PASS, Carry, Close, Connect, Write
from acra_twisted.wire.mysql.frames import packets
from tests.support.mysqllogins import DENIED, MARIADB


class Dialect(SynchronousTestCase):
    def setUp(self):
        self.dialect = MysqlDialect()

    def test_farewells_are_numbered(self):
        told = self.dialect.encode_farewell(EndReason.SHUTDOWN, "bye", number=9)
        self.assertEqual(told, packets(b"\xff\x1d\x04#08S01bye", 9))

    def test_logins(self):
        served = self.dialect.serve(ServePolicy())
        self.assertEqual(served.begin(), [Connect(GREETING, None, b"")])
        away = self.dialect.send_away(EndReason.LOGIN, "no")
        told = packets(b"\xff\x15\x04no", 0)
        self.assertEqual(away.begin(), [Write(CLIENT, told), Close(CLIENT)])

    def test_an_application_is_followed(self):
        followed = self.dialect.follow(PASS, reads=False)
        self.assertEqual(followed.begin(), [Carry("")])
        self.assertTrue(self.dialect.follow().reads)

    def test_errors_of_a_server(self):
        self.assertTrue(self.dialect.is_error(packets(DENIED, 0)))
        self.assertFalse(self.dialect.is_error(packets(MARIADB, 0)))
        self.assertFalse(self.dialect.offers_binding(packets(MARIADB, 0)))
        self.assertIn("1045", self.dialect.read_refusal(packets(DENIED, 0)))
