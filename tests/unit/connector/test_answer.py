"""The first answer of a server."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.connector.answer import greets, judge
from acra_twisted.dialects.mysql.dialect import MysqlDialect
from acra_twisted.dialects.postgresql.dialect import PostgresqlDialect
from acra_twisted.transport import spoken
from acra_twisted.wire.mysql.frames import packets
from acra_twisted.wire.postgres import backend
from acra_twisted.wire.postgres.frames import SSL_REQUEST_PACKET, StartupPacket
from tests.support.mysqllogins import MARIADB

STARTUP = StartupPacket(0, {b"user": b"ann"}).encode()
ALERT = b"\x15\x03\x01\x00\x02\x02\x46"


class Answers(SynchronousTestCase):
    def test_other_protocols(self):
        for data, protocol in (
            (ALERT, spoken.TLS),
            (b"HTTP/1.1 400 Bad Request\r\n", spoken.HTTP),
            (b"SSH-2.0-x\r\n", spoken.SSH),
            (b"\x4a\0\0\0\x0a8.0.36\0", spoken.MYSQL),
        ):
            for said in (STARTUP, SSL_REQUEST_PACKET):
                wrong, refusal = judge(data, said, PostgresqlDialect)
                self.assertEqual((wrong.protocol, refusal), (protocol, ""))

    def test_what_is_carried_unread_may_be_answered_by_anything(self):
        for said in (b"", b"\x16\x03\x01\x02\0", b"GET / HTTP/1.1\r\n"):
            for data in (b"\x16\x03\x03\x02\0", b"HTTP/1.1 200", b"\x4a\0\0\0\x0a8.0.36\0"):
                self.assertEqual(judge(data, said, PostgresqlDialect), (None, ""))
        self.assertEqual(judge(ALERT, b"\x16\x03\x01\x02\0", PostgresqlDialect), (None, ""))
        self.assertEqual(judge(ALERT, b"", PostgresqlDialect)[0].protocol, spoken.TLS)

    def test_a_greeting_is_a_servers_own_beginning(self):
        mysql, ssh = packets(MARIADB, 0), b"SSH-2.0-OpenSSH_9.2\r\n"
        for data in (mysql, ssh):
            self.assertTrue(greets(data, PostgresqlDialect))
            self.assertFalse(greets(data, MysqlDialect))
        for data in (ALERT, b"HTTP/1.1 400 Bad", b"R\0\0\0\x08\0\0\0\0", b"S", b""):
            self.assertFalse(greets(data, PostgresqlDialect))

    def test_a_session_that_begins(self):
        for data in (b"R\0\0\0\x08\0\0\0\0", b"N", b"S"):
            self.assertEqual(judge(data, STARTUP, PostgresqlDialect), (None, ""))

    def test_errors_about_connections_are_told(self):
        for sqlstate, text in ((b"08006", "could not"), (b"28000", "pg_hba"), (b"53300", "many")):
            data = backend.encode_error(b"FATAL", sqlstate, text)
            self.assertEqual(
                judge(data, STARTUP, PostgresqlDialect), (None, f"{text} ({sqlstate.decode()})")
            )
        data = backend.encode_error(b"FATAL", b"57P03", "starting\nup \x1b[1m" + "x" * 999)
        _, refusal = judge(data, STARTUP, PostgresqlDialect)
        self.assertTrue(refusal.startswith("starting up  [1mxxx"))
        self.assertLess(len(refusal), 220)

    def test_other_errors_may_repeat_what_was_sent(self):
        data = backend.encode_error(b"FATAL", b"22023", 'invalid value "secret"')
        self.assertEqual(judge(data, STARTUP, PostgresqlDialect), (None, "SQLSTATE 22023"))

    def test_a_server_that_greets(self):
        self.assertEqual(judge(packets(MARIADB, 0), b"", MysqlDialect), (None, ""))
        refused = packets(b"\xff\x10\x04Too many connections", 0)
        self.assertEqual(judge(refused, b"", MysqlDialect), (None, "Too many connections (1040)"))
        for data, protocol in (
            (ALERT, spoken.TLS),
            (b"HTTP/1.1 400 Bad Request\r\n", spoken.HTTP),
            (backend.encode_error(b"FATAL", b"0A000", "no"), spoken.POSTGRESQL),
        ):
            wrong, refusal = judge(data, b"", MysqlDialect)
            self.assertEqual((wrong.protocol, refusal), (protocol, ""))

    @given(st.binary(max_size=64), st.sampled_from((STARTUP, SSL_REQUEST_PACKET, b"")))
    def test_anything(self, data, said):
        for answer in (data, b"E" + data, packets(b"\xff" + data, 0)):
            for dialect in (PostgresqlDialect, MysqlDialect):
                wrong, refusal = judge(answer, said, dialect)
                self.assertTrue(wrong is None or not refusal)
                self.assertTrue(refusal.isprintable() or not refusal)
