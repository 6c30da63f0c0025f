"""The rest of a login that nobody answers any more."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from acra_twisted.dialectinterfaces import IVisit
from acra_twisted.dialects.mysql.legs import Leg
from acra_twisted.dialects.mysql.rest import Rest
from acra_twisted.errors import WireError
from acra_twisted.loginactions import DATABASE, Close, Leave, Write
from acra_twisted.wire.mysql import capabilities as bits
from acra_twisted.wire.mysql.frames import packets
from acra_twisted.wire.mysql.handshake import decode_greeting, decode_response
from tests.support.mysqllogins import DENIED, MARIADB, OK, MysqlPlay, response, written

SHA2, ED25519, PARSEC = b"caching_sha2_password", b"client_ed25519", b"parsec"


def switch(plugin, kind=b"\xfe"):
    return kind + plugin + b"\0" + b"n" * 20 + b"\0"


def answers(plugin, *questions):
    """The answers to a server's packets, the first of which has come before."""
    leg = Leg(DATABASE)
    leg.due = 4
    rest = Rest(leg, plugin, asked=questions[0])
    actions = rest.feed(b"")
    for question in questions[1:]:
        actions += rest.feed(packets(question, leg.due))
    return [payload for action in actions for _, payload in written(action.data)]


class Answers(SynchronousTestCase):
    def test_what_each_plugin_is_answered(self):
        self.assertEqual(answers(b"", switch(b"mysql_native_password")), [b""])
        self.assertEqual(answers(b"", switch(b"mysql_old_password")), [b""])
        self.assertEqual(answers(b"", b"\xfe"), [b""])
        self.assertEqual(answers(b"", switch(b"dialog")), [b""])
        self.assertEqual([len(one) for one in answers(b"", switch(ED25519))], [64])
        self.assertEqual([len(one) for one in answers(b"", switch(ED25519, b"\2"))], [64])
        salted = answers(b"", switch(PARSEC), b"\1salt")
        self.assertEqual([len(one) for one in salted], [0, 96])
        self.assertEqual(answers(b"", switch(SHA2), b"\1\4"), [b"\0", b"\0"])
        self.assertEqual(answers(SHA2, b"\1\3"), [])

    def test_questions_without_end(self):
        self.assertRaises(WireError, answers, b"", *[switch(b"dialog")] * 20)

    @given(st.binary(max_size=200), st.one_of(st.none(), st.binary(max_size=40)))
    def test_whatever_it_says(self, data, asked):
        rest = Rest(Leg(DATABASE), SHA2, asked=asked)
        verifyObject(IVisit, rest)
        try:
            rest.feed(data)
        except WireError as error:
            self.assertEqual(error.side, "database")


class Served(SynchronousTestCase):
    """A login of AcraServer's that is left."""

    def rest(self, play):
        (action,) = play.login.leave()
        self.assertIsInstance(action, Leave)
        return action.visit

    def test_before_the_response_and_behind_the_decision(self):
        play = MysqlPlay()
        play.greet()
        self.assertEqual(play.login.leave(), [Close(DATABASE)])
        play = MysqlPlay()
        play.greet()
        play.client(packets(response().encode(), 1))
        play.database(packets(DENIED, 2))
        self.assertEqual(play.login.leave(), [Close(DATABASE)])

    def test_the_rest_of_a_packet(self):
        play = MysqlPlay()
        play.greet()
        play.client(packets(response().encode(), 1))
        denied = packets(DENIED, 2)
        play.database(denied[:7])
        rest = self.rest(play)
        self.assertEqual(rest.feed(b""), [])
        self.assertEqual(rest.feed(denied[7:]), [Close(DATABASE)])
        self.assertTrue(rest.over)

    def test_a_login_goes_no_further(self):
        play = MysqlPlay()
        play.greet()
        play.client(packets(response().encode(), 1))
        self.rest(play)
        self.assertEqual(play.login.feed(DATABASE, packets(OK, 2)), [])

    def test_while_tls_with_the_database_begins(self):
        """Nobody's name is sent in its place."""
        play = MysqlPlay(database_tls="on", admits=False)
        greeting = decode_greeting(MARIADB)
        play.greet(greeting.showing(greeting.capabilities | bits.SSL, greeting.extended))
        play.client(packets(response().encode(), 1))
        play.login.connected(False)
        rest = self.rest(play)
        self.assertEqual(rest.feed(b""), [])
        (write,) = rest.tls_started()
        self.assertIsInstance(write, Write)
        ((number, payload),) = written(write.data)
        told = decode_response(payload)
        self.assertEqual((number, told.user, told.answer), (2, b"acra_visitor", b""))
        self.assertEqual(rest.tls_started(), [])
        self.assertEqual(rest.feed(packets(DENIED, 3)), [Close(DATABASE)])
