"""The dialect as a daemon sees it."""

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from acra_twisted.dialectinterfaces import IDatabaseDialect, IFollowedLogin, ILogin
from acra_twisted.dialects.postgresql.dialect import PostgresqlDialect
from acra_twisted.dialects.postgresql.servedlogin import ServePolicy
from acra_twisted.dialects.propagation import Propagation
from acra_twisted.endreason import EndReason
from acra_twisted.wire.postgres.frames import SSL_REQUEST_PACKET, StartupPacket
from tests.support.logins import LoginPlay
from tests.support.sessions import types

STARTUP = StartupPacket(0, {b"user": b"ann"}).encode()


class Dialect(SynchronousTestCase):
    def test_it_and_its_logins_keep_their_contracts(self):
        dialect = PostgresqlDialect()
        verifyObject(IDatabaseDialect, dialect)
        verifyObject(ILogin, dialect.serve(ServePolicy()))
        verifyObject(ILogin, dialect.send_away(EndReason.LOGIN, "no"))
        verifyObject(IFollowedLogin, dialect.follow())

    def test_fatal(self):
        data = PostgresqlDialect().encode_farewell(EndReason.SHUTDOWN, "bye")
        self.assertIn(b"SFATAL\0VFATAL\0C57P01\0Mbye\0", data)
        hint = b"Htrace_id " + b"a" * 32
        for errors in (False, True):
            dialect = PostgresqlDialect(propagation=Propagation(errors=errors))
            farewell = dialect.encode_farewell(EndReason.SHUTDOWN, "bye", "a" * 32)
            self.assertEqual(hint in farewell, errors)
            self.assertNotIn(b"Htrace_id", dialect.encode_farewell(EndReason.SHUTDOWN, "bye"))

    def test_who_is_sent_away_is_told_when_its_startup_packet_is_there(self):
        play = LoginPlay(PostgresqlDialect().send_away(EndReason.LOGIN, "another port"))
        play.client(SSL_REQUEST_PACKET)
        self.assertEqual(play.to_client, b"N")
        play.client(STARTUP)
        self.assertEqual(types(play.to_client[1:]), "E")
        self.assertIn(b"C28000\0Manother port\0", play.to_client)
        self.assertEqual(play.taken(), ["Close"])
