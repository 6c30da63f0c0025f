"""A client's login to AcraServer."""

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from acra_twisted.dialects.postgresql.servedlogin import ServedLogin, ServePolicy
from acra_twisted.dialects.postgresql.sessions import Sessions
from acra_twisted.dialects.postgresql.startup import ALLOWED_PARAMETERS, StartupPolicy
from acra_twisted.endreason import EndReason
from acra_twisted.errors import HandshakeError
from acra_twisted.loginactions import (
    CLIENT,
    ERRAND,
    SESSION,
    StartTLS,
)
from acra_twisted.wire.postgres.frames import (
    SPANS_OFFERED_PACKET,
    SSL_REQUEST_PACKET,
    CancelRequest,
    StartupPacket,
    message,
)
from tests.support.logins import (
    ANNOUNCED,
    CANCELS,
    CHUNKS,
    HELLO,
    PASSWORD,
    STARTUP,
    WELCOME,
    LoginCase,
    LoginPlay,
)
from tests.support.sessions import ready, types

PIPELINE = SimpleNamespace(inspects=frozenset(), results=None, loads=None)
PLAIN = StartupPolicy("disable", frozenset(ALLOWED_PARAMETERS))


def served(startup=PLAIN, **options):
    return LoginPlay(ServedLogin(Sessions(), ServePolicy(startup, PIPELINE, **options)))


class Served(LoginCase):
    def test_a_session(self):
        startup = StartupPacket(9999, {b"user": b"ann", b"_pq_.x": b"1"})
        play = served()
        play.client(startup.encode())
        (connect,) = play.actions
        first = StartupPacket(2, {b"user": b"ann"}).encode()
        self.assertEqual(connect, (SESSION, startup, first))
        self.assertEqual(play.to_database, b"")
        play.perform(play.login.connected(False))
        self.assertEqual(play.to_database, first)
        play.database(WELCOME + message(b"K", b"\0\0\0\1key!") + ready())
        self.assertEqual(types(play.to_client), "vRKZ")
        self.assertEqual(play.taken(), ["Connect", "Cancellable", "Ready"])
        self.assertTrue(play.session.idle)

    @given(st.integers(1, 40))
    def test_in_any_pieces(self, size):
        play = served()
        data = SSL_REQUEST_PACKET
        for at in range(0, len(data), size):
            play.client(data[at : at + size])
        for at in range(0, len(STARTUP), size):
            play.client(STARTUP[at : at + size])
        self.assertEqual((play.to_client, play.taken()), (b"N", ["Connect"]))

    def test_what_the_client_says_meanwhile_waits_and_is_bounded(self):
        for first, then in ((STARTUP, PASSWORD), (STARTUP + PASSWORD, b"")):
            play = served()
            play.client(first)
            play.client(then)
            play.perform(play.login.connected(False))
            self.assertEqual(play.to_database, STARTUP + PASSWORD)
        for first, then in ((STARTUP, b"x" * 20_000), (STARTUP + b"x" * 20_000, b"")):
            play = served()
            play.client(first)
            play.client(then)
            fail = self.assert_fails(play)
            self.assertTrue(fail.at_once)
            self.assertEqual(fail.error.reason, None)

    def test_a_database_that_has_the_first_bytes_already(self):
        play = served()
        play.client(STARTUP)
        play.perform(play.login.connected(True, sent=True))
        self.assertEqual(play.to_database, b"")
        self.assertEqual(play.database(WELCOME + ready()), WELCOME + ready())

    def test_a_cancel_request(self):
        play = served()
        play.client(CANCELS)
        self.assertEqual(play.actions, [(ERRAND, CancelRequest(7, b"key!"), CANCELS)])
        play.perform(play.login.connected(False))
        self.assertEqual(play.to_database, CANCELS)
        play.client(b"ignored")
        play.database(b"ignored")
        self.assertEqual((play.to_client, play.to_database), (b"", CANCELS))

    def test_spans_of_a_connector(self):
        play = served()
        play.client(SPANS_OFFERED_PACKET)
        self.assertEqual(play.taken(), ["Serve"])

    def test_tls(self):
        play = served(PLAIN._replace(tls="allow"))
        play.client(SSL_REQUEST_PACKET)
        self.assertEqual((play.to_client, play.actions), (b"S", [StartTLS(CLIENT)]))
        self.assertFalse(play.login.encrypted)
        # Nothing was begun directly: no protocol need be agreed on.
        play.perform(play.login.tls_started(CLIENT, None))
        self.assertTrue(play.login.encrypted)
        play.client(STARTUP)
        self.assertEqual(play.taken(), ["StartTLS", "Connect"])

    def test_direct_tls_needs_its_protocol(self):
        for protocol in (None, b"h2", b"postgresql"):
            play = served(PLAIN._replace(tls="require"))
            play.client(HELLO)
            self.assertEqual(play.actions, [StartTLS(CLIENT, HELLO)])
            play.perform(play.login.tls_started(CLIENT, protocol))
            if protocol == b"postgresql":
                play.client(STARTUP)
                self.assertEqual(play.taken(), ["StartTLS", "Connect"])
            else:
                self.assertTrue(self.assert_fails(play, HandshakeError).at_once)

    def test_who_is_encrypted_in_the_link_is_no_connector_that_reads(self):
        for encrypted in (False, True):
            play = served(PLAIN._replace(tls="allow"), announces=True)
            if encrypted:
                play.client(SSL_REQUEST_PACKET)
                play.perform(play.login.tls_started(CLIENT, None))
            play.client(STARTUP)
            play.perform(play.login.connected(False))
            self.assertEqual(ANNOUNCED in play.database(WELCOME + ready()), not encrypted)

    def test_a_client_that_may_not(self):
        play = served()
        play.client(StartupPacket(0, {b"user": b"ann", b"evil": b"1"}).encode())
        self.assertEqual(self.assert_fails(play).error.reason, EndReason.LOGIN)
        play.perform(play.login.refuse(EndReason.LOGIN, "no"))
        self.assertIn(b"C28000\0Mno\0", play.to_client)
        self.assertEqual(play.taken(), ["Fail", "Close"])

    def test_one_that_is_refused_for_want_of_a_database(self):
        play = served()
        play.client(STARTUP)
        play.perform(play.login.refuse(EndReason.DATABASE, "gone"))
        self.assertIn(b"C08006\0Mgone\0", play.to_client)
        self.assertEqual(play.taken(), ["Connect", "Close"])
        self.assertEqual(play.client(PASSWORD), b"")

    def test_declined(self):
        play = served()
        self.assertFalse(play.login.declined)
        play.client(SSL_REQUEST_PACKET)
        self.assertTrue(play.login.declined)
        play.client(STARTUP[:4])
        self.assertFalse(play.login.declined)

    @given(CHUNKS)
    def test_any_bytes_of_either_side(self, said):
        for tls in ("disable", "allow", "require"):
            self.whatever(served(PLAIN._replace(tls=tls)), said)
