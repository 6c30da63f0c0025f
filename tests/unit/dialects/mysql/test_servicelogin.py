"""Logins of the service's own, by every plugin; tests/integration/test_mysql_service.py has real
servers."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.mysql.servicelogin import Account
from acra_twisted.dialects.mysql.visit import VISITOR
from acra_twisted.errors import HandshakeError, WireError
from acra_twisted.queryactions import LoggedIn
from acra_twisted.wire.mysql import capabilities as bits
from acra_twisted.wire.mysql.edwards import sign
from acra_twisted.wire.mysql.frames import packets
from acra_twisted.wire.mysql.handshake import FIXED, decode_greeting, decode_response
from tests.support.mysqlaccounts import NATIVE, SHA2, SHA256, Accounts
from tests.support.mysqllogins import DENIED, OK
from tests.support.mysqlservice import GREETING, PLAIN, TLS_GREETING, Played

SCRAMBLE = bytes(range(40, 60))
ACCOUNT = Account(b"u", b"pw")
FAST, FULL = b"\x01\x03", b"\x01\x04"


def switch(plugin, data=SCRAMBLE + b"\0"):
    return b"\xfe" + plugin.encode() + b"\0" + data


def named(plugin, raw=GREETING):
    """A greeting that names a plugin."""
    own = decode_greeting(raw).plugin
    return raw.replace(own + b"\0", plugin.encode() + b"\0")


class Logins(SynchronousTestCase):
    def setUp(self):
        self.accounts = Accounts()

    def played(self, greeting=GREETING, **changes):
        played = Played(ACCOUNT._replace(**changes))
        played.hear(greeting, 0)
        return played

    def refused(self, played, *said):
        """The text of the error that the last of some packets makes."""
        *before, last = said
        for payload in before:
            played.hear(payload, played.said[-1][0] + 1)
        raising = (HandshakeError, WireError)
        return str(self.assertRaises(raising, played.hear, last, played.said[-1][0] + 1))

    def left(self, played, *said):
        """The text of the error once a server has decided that gets no proof for some packets."""
        for payload in said:
            self.assertEqual(played.query.problem, "")
            before = len(played.said)
            played.hear(payload, played.said[-1][0] + 1)
            self.assertEqual(len(played.said), before + 1, "it is not answered")
        self.assertTrue(played.query.problem)
        self.assertEqual(self.refused(played, DENIED), played.query.problem)
        return played.query.problem

    def assert_proves(self, answer, plugin, scramble=SCRAMBLE):
        self.accounts.add("u", "pw", plugin)
        self.assertTrue(self.accounts.agrees("u", answer, scramble, plugin))

    def assert_admitted(self, played):
        played.admit()
        self.assertEqual(played.done, [LoggedIn()])

    def test_the_plugin_of_the_greeting(self):
        for plugin in (NATIVE, SHA2):
            played = self.played(named(plugin), database=b"shop")
            [(number, payload)] = played.said
            response = decode_response(payload)
            self.assertEqual((number, response.user, response.database), (1, b"u", b"shop"))
            self.assertEqual(response.plugin, plugin.encode())
            self.assert_proves(response.answer, plugin, PLAIN.scramble)
            self.assert_admitted(played)

    def test_another_plugin_of_the_user(self):
        for plugin in (NATIVE, SHA2):
            played = self.played()
            played.hear(switch(plugin), 2)
            self.assert_proves(played.said[-1][1], plugin)
            self.assert_admitted(played)

    def test_ed25519(self):
        nonce = bytes(range(32))
        played = self.played()
        played.hear(switch("client_ed25519", nonce), 2)
        self.assertEqual(played.said[-1], (3, sign(b"pw", nonce)))
        self.assert_admitted(played)

    def test_a_digest_that_the_server_has(self):
        played = self.played(named(SHA2))
        played.hear(FAST, 2)
        self.assertEqual(len(played.said), 1)
        played.hear(OK, 3)
        played.hear(OK, 1)
        self.assertEqual(played.done, [LoggedIn()])

    def test_tls_comes_before_the_user(self):
        played = self.played(named(SHA2, TLS_GREETING), tls="on")
        (first, request), (second, payload) = played.said
        self.assertEqual((first, len(request), second, played.tls), (1, FIXED, 2, 1))
        self.assertTrue(decode_response(payload).capabilities & bits.SSL)
        played.hear(FULL, 3)
        self.assertEqual(played.said[-1], (4, b"pw\0"))
        self.assert_admitted(played)

    def test_the_password_as_it_is_where_nobody_reads_it(self):
        for plugin in (SHA256, "mysql_clear_password", "dialog"):
            played = self.played(TLS_GREETING, tls="if offered")
            played.hear(switch(plugin), 3)
            self.assertEqual(played.said[-1], (4, b"pw\0"))
        played = self.played(named(SHA2), by_socket=True)
        played.hear(FULL, 2)
        self.assertEqual(played.said[-1], (3, b"pw\0"))

    def test_the_password_for_the_servers_key_where_nobody_is_between(self):
        for plugin, wish in ((SHA2, b"\2"), (SHA256, b"\1")):
            played = self.played(exposed=False)
            played.hear(switch(plugin), 2)
            if plugin == SHA2:
                played.hear(FULL, 4)
            self.assertEqual(played.said[-1][1], wish)
            played.hear(b"\1" + self.accounts.pem, played.said[-1][0] + 1)
            self.assertEqual(self.accounts.opened(played.said[-1][1], SCRAMBLE), b"pw\0")
            self.assert_admitted(played)

    def test_it_stays_where_others_may_read_it(self):
        for plugin, *more in (
            (SHA2, FULL),
            (SHA256,),
            ("mysql_clear_password",),
            ("dialog",),
        ):
            played = self.played()
            self.assertIn("db_tls = require", self.left(played, switch(plugin), *more))
            self.assertNotIn(b"pw", b"".join(payload for _, payload in played.said))

    def test_tls_that_is_required_and_not_there(self):
        played = self.played(GREETING, tls="on")
        [(_, payload)] = played.said
        self.assertEqual(decode_response(payload).user, VISITOR)
        self.assertIn("db_tls requires it", self.refused(played, DENIED))

    def test_a_server_that_goes_on_asking_is_answered_until_it_decides(self):
        played = self.played()
        played.hear(switch("parsec"), 2)
        played.hear(switch("client_ed25519"), played.said[-1][0] + 1)
        self.assertEqual(len(played.said[-1][1]), 64)
        self.assertIn("that is spoken here", self.refused(played, OK))
        played = self.played()
        played.hear(switch("parsec"), 2)
        self.assertIn("that is spoken here", self.refused(played, b""))

    def test_the_first_statement_is_refused(self):
        played = self.played()
        played.hear(OK, played.said[-1][0] + 1)
        error = self.assertRaises(HandshakeError, played.hear, b"\xff\x76\x04#42000x", 1)
        self.assertIn("error 1142", str(error))

    def test_a_user_without_a_password(self):
        played = self.played(password=b"")
        self.assertEqual(decode_response(played.said[0][1]).answer, b"")
        for plugin, said in ((NATIVE, b""), (SHA2, b"\0"), (SHA256, b"\0")):
            played = self.played(password=b"")
            played.hear(switch(plugin), 2)
            self.assertEqual(played.said[-1], (3, said))

    def test_errors_have_a_number_and_a_remedy_and_no_text_of_the_servers(self):
        said = self.refused(self.played(), DENIED)
        self.assertIn("error 1045: the password is not the user's", said)
        self.assertNotIn("denied", said)
        self.assertIn("error 9999", self.refused(self.played(), b"\xff\x0f\x27#28000x"))
        played = Played(ACCOUNT)
        error = self.assertRaises(HandshakeError, played.hear, b"\xff\x10\x04Too many", 0)
        self.assertIn("max_connections", str(error))

    def test_what_cannot_be_gone_on_with(self):
        for text, *said in (
            ("does not send", b"\1what"),
            ("unknown packet", b"\x07"),
            ("empty packet", b""),
            ("more than 32 packets", *([switch(NATIVE)] * 32)),
        ):
            self.assertIn(text, self.refused(self.played(), *said))
        for text, asked in (
            ("old password", b"\xfe"),
            ("second proof", b"\2dialog\0"),
            ("plugin of authentication that is spoken", switch("parsec")),
        ):
            self.assertIn(text, self.left(self.played(), asked))
        played = self.played()
        self.assertRaises(WireError, played.feed, packets(OK, 2) + packets(OK, 3))
        self.assertRaises(WireError, Played(ACCOUNT).hear, b"\x09old", 0)
        self.assertRaises(WireError, self.played().hear, OK, 7)
        self.assertRaises(WireError, Played(ACCOUNT).query.tls_started)

    @given(st.lists(st.binary(max_size=80), max_size=6), st.integers(1, 20))
    def test_any_packets(self, said, pieces):
        played = self.played(exposed=False)
        try:
            for number, payload in enumerate(said):
                played.hear(payload, (2 * number + 2) & 0xFF, pieces)
        except (WireError, HandshakeError):
            return

    @given(st.integers(1, 30))
    def test_in_any_pieces(self, pieces):
        played = Played(ACCOUNT).log_in(pieces=pieces)
        self.assertEqual(played.done, [LoggedIn()])
