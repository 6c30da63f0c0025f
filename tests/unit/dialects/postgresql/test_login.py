"""A login that cannot be: its client is told so in its own protocol."""

from hypothesis import given
from hypothesis import strategies as st

from acra_twisted.dialects.postgresql.followedlogin import FollowedLogin
from acra_twisted.dialects.postgresql.sessions import Sessions
from acra_twisted.dialects.propagation import Propagation
from acra_twisted.endreason import EndReason
from acra_twisted.loginactions import (
    CLIENT,
    OFFER,
    PASS,
    StartTLS,
)
from acra_twisted.wire.postgres.backend import encode_error
from acra_twisted.wire.postgres.frames import (
    SSL_REQUEST_PACKET,
    StartupPacket,
)
from tests.support.logins import CANCELS, HELLO, STARTUP, LoginCase, LoginPlay
from tests.support.sessions import query, types

FOLLOWING = Propagation(to_acra=True)


def followed(tls=PASS, reads=True):
    return LoginPlay(FollowedLogin(Sessions(propagation=FOLLOWING), tls, reads))


class GivenUp(LoginCase):
    """A client that cannot have a session is told so in its own protocol."""

    def give_up(self, *said, tls=PASS):
        play = followed(tls)
        for data in said:
            play.client(data)
        play.perform(play.login.refuse(EndReason.DATABASE, "no server"))
        return play

    def assert_told(self, play):
        self.assertTrue(play.to_client.endswith(encode_error(b"FATAL", b"08006", "no server")))
        self.assertEqual(play.taken()[-1], "Close")

    @given(st.integers(0, len(STARTUP)))
    def test_whenever_its_startup_packet_is_whole(self, cut):
        play = self.give_up(*filter(None, (STARTUP[:cut],)))
        if cut < len(STARTUP):
            self.assertEqual(play.to_client, b"")
            play.client(STARTUP[cut:])
        self.assert_told(play)

    def test_any_parameters_will_do(self):
        play = self.give_up()
        play.client(StartupPacket(0, {b"user": b"ann", b"anything": b"x"}).encode())
        self.assert_told(play)

    def test_a_request_for_encryption_that_was_passed_on_is_answered(self):
        play = self.give_up(SSL_REQUEST_PACKET)
        self.assertEqual(play.to_client, b"N")
        play.client(STARTUP)
        self.assert_told(play)

    def test_anything_else_gets_a_clean_close(self):
        for data in (b"GET / HTTP/1.0\r\n\r\n", HELLO, CANCELS):
            play = self.give_up()
            play.client(data)
            self.assertEqual((play.to_client, play.taken()), (b"", ["Close"]))

    def test_within_tls(self):
        for said, reply, hello in ((SSL_REQUEST_PACKET, b"S", b""), (HELLO, b"", HELLO)):
            play = self.give_up(tls=OFFER)
            play.client(said)
            self.assertEqual((play.to_client, play.actions), (reply, [StartTLS(CLIENT, hello)]))
            play.perform(play.login.tls_started(CLIENT, b"postgresql"))
            play.client(STARTUP)
            self.assert_told(play)

    def test_tls_that_has_begun_goes_on(self):
        play = self.give_up(SSL_REQUEST_PACKET, tls=OFFER)
        play.perform(play.login.tls_started(CLIENT, None))
        play.client(STARTUP)
        self.assertEqual(play.to_client[:1], b"S")
        self.assert_told(play)

    def test_what_the_server_says_then_is_nothing(self):
        play = self.give_up()
        self.assertEqual(play.database(b"R"), b"")
        self.assertEqual(play.actions, [])

    def test_a_session_that_gets_ready_is_ended_at_once(self):
        play = followed()
        play.client(STARTUP)
        play.perform(play.login.refuse(EndReason.SHUTDOWN, "bye"))
        self.assertEqual(types(play.to_client), "E")
        self.assertEqual(play.taken(), ["Close"])
        self.assertEqual(play.client(query(b"a")), b"")
