"""The parts of a login that a client of AcraServer and an application of a connector share."""

from acra_twisted.endreason import EndReason
from acra_twisted.loginactions import CLIENT, DATABASE
from acra_twisted.wire.mysql.frames import packets
from tests.support.logins import LoginCase
from tests.support.mysqllogins import (
    DENIED,
    MARIADB,
    OK,
    FollowedPlay,
    MysqlPlay,
    response,
    written,
)


class Both(LoginCase):
    def plays(self):
        return MysqlPlay(), FollowedPlay()

    def test_byte_by_byte(self):
        for play in self.plays():
            for byte in packets(MARIADB, 0):
                play.database(bytes((byte,)))
            for byte in packets(response().encode(), 1):
                play.client(bytes((byte,)))
            for byte in packets(OK, 2):
                play.database(bytes((byte,)))
            self.assertEqual([number for number, _ in written(play.to_client)], [0, 2])
            self.assertEqual([number for number, _ in written(play.to_database)], [1])
            self.assertTrue(play.session.ready)

    def test_bytes_of_a_session_are_counted(self):
        for play in self.plays():
            play.greet()
            play.client(packets(response().encode(), 1))
            play.database(packets(DENIED, 2))
            traffic = play.session.traffic
            self.assertEqual(traffic.to_database, len(play.to_database))
            self.assertEqual(traffic.to_client, len(packets(DENIED, 2)))

    def test_nothing_behind_the_greeting_is_read(self):
        for play in self.plays():
            play.database(packets(MARIADB, 0) + packets(OK, 2))
            self.assertEqual(self.assert_fails(play).error.side, "database")

    def test_errors_are_numbered_as_the_client_expects(self):
        for play in self.plays():
            play.greet()
            play.client(packets(response().encode(), 1))
            self.assertEqual(play.login.due, 2)
            play.perform(play.login.refuse(EndReason.SHUTDOWN, "bye"))
            ((number, _), (due, payload)) = written(play.to_client)
            self.assertEqual((number, due, payload[:9]), (0, 2, b"\xff\x1d\x04#08S01"))
            for leg in (CLIENT, DATABASE):
                self.assertEqual(play.login.feed(leg, b"more"), [])

    def test_facts_that_nobody_asked_for(self):
        for play in self.plays():
            for tell in (play.login.looked_up, play.login.derived, play.login.answered):
                self.assertEqual(tell(None), [])
