"""An application's login, followed by a connector."""

from hypothesis import given
from hypothesis import strategies as st

from acra_twisted.dialects.mysql.announcing import announced
from acra_twisted.endreason import EndReason
from acra_twisted.loginactions import (
    CLIENT,
    DATABASE,
    DECLINE,
    ENCRYPTED,
    OFFER,
    PASS,
    REFUSE,
    REQUIRE,
    UNKNOWN_SERVER,
    Carry,
    Close,
    Copy,
    Fail,
    Ready,
)
from acra_twisted.wire.mysql import capabilities as bits
from acra_twisted.wire.mysql.frames import packets
from acra_twisted.wire.mysql.handshake import decode_greeting, decode_response
from tests.support.logins import LoginCase
from tests.support.mysqllogins import (
    DENIED,
    MARIADB,
    MYSQL,
    OK,
    SCRAMBLED,
    TLS_ASKED,
    FollowedPlay,
    response,
    written,
)

KNOWN = announced(OK)
SWITCH = b"\xfeclient_ed25519\0nonce"


class Followed(LoginCase):
    def test_a_session(self):
        play = FollowedPlay()
        self.assertTrue(play.login.unanswered)
        play.greet()
        self.assertIsNone(play.login.said)
        self.assertTrue(play.login.unanswered)
        ((number, payload),) = written(play.client(packets(response().encode(), 1)))
        self.assertEqual(number, 1)
        sent = decode_response(payload)
        self.assertEqual((sent.user, sent.answer), (b"ann", SCRAMBLED))
        self.assertTrue(play.login.unanswered)
        self.assertEqual(play.database(packets(KNOWN, 2) + b"more"), packets(OK, 2))
        self.assertEqual(play.actions, [Ready(("requests", "replies"), b"", b"more")])
        session, in_force, status, collation, changes, pipeline, legs = play.agreed
        self.assertEqual((session.system, session.ready), ("mariadb", True))
        self.assertEqual(list(session.outstanding), [])
        self.assertTrue(in_force.mariadb)
        self.assertEqual((status, collation, tuple(changes), pipeline), (2, 45, (), None))
        self.assertIsNotNone(legs, "AcraServer decides who may become another user")

    def test_no_more_is_in_force_than_both_have_and_nothing_is_asked_for(self):
        asked = bits.COMPRESS | bits.DEPRECATE_EOF | bits.LOCAL_FILES | bits.QUERY_ATTRIBUTES
        play = FollowedPlay()
        shown = play.greet()
        self.assertFalse(shown.capabilities & bits.REFUSED)
        self.assertTrue(shown.capabilities & bits.LOCAL_FILES)
        ((_, payload),) = written(play.client(packets(response(asked).encode(), 1)))
        towards = decode_response(payload).capabilities
        self.assertFalse(towards & (bits.COMPRESS | bits.QUERY_ATTRIBUTES | bits.SESSION_TRACK))
        self.assertTrue(towards & bits.DEPRECATE_EOF and towards & bits.LOCAL_FILES)
        play.database(packets(KNOWN, 2))
        self.assertEqual(play.agreed[1].capabilities, towards)
        self.assertFalse(play.agreed[1].tracks)

    def test_a_password_that_is_encrypted_with_the_server_s_key(self):
        play = FollowedPlay()
        play.greet(MYSQL)
        play.client(packets(response(plugin=b"caching_sha2_password").encode(), 1))
        for number, (question, answer) in enumerate(
            ((b"\1\4", b"\2"), (b"\1-----BEGIN PUBLIC KEY-----", b"e" * 256))
        ):
            asked, said = packets(question, 2 + 2 * number), packets(answer, 3 + 2 * number)
            self.assertEqual(play.database(asked), asked)
            self.assertEqual(play.client(said), said)
        play.database(packets(KNOWN, 6))
        self.assertIsInstance(play.actions[-1], Ready)

    def test_what_the_application_tracks_it_gets(self):
        told = b"\0\0\0\2\x40\0\0\0\x04\x01\x02\x01d"
        play = FollowedPlay()
        play.greet()
        play.client(packets(response(bits.SESSION_TRACK).encode(), 1))
        self.assertEqual(play.database(packets(announced(told), 2)), packets(told, 2))
        self.assertEqual(play.agreed[4], [(b"", b"d")])

    def test_answers_of_either_side_pass(self):
        play = FollowedPlay()
        play.greet()
        play.client(packets(response().encode(), 1))
        self.assertEqual(play.database(packets(SWITCH, 2)), packets(SWITCH, 2))
        self.assertEqual(play.client(packets(b"p" * 64, 3)), packets(b"p" * 64, 3))
        self.assertEqual(play.database(packets(KNOWN, 4)), packets(OK, 4))
        self.assertEqual(play.taken(), ["Ready"])

    def test_a_password_passes_for_the_server_decides(self):
        for plugin in (b"mysql_clear_password", b"caching_sha2_password"):
            play = FollowedPlay()
            play.greet(MYSQL)
            said = packets(response(plugin=plugin, answer=b"pw\0").encode(), 1)
            self.assertTrue(play.client(said))
            if plugin == b"caching_sha2_password":
                play.database(packets(b"\x01\x04", 2))
                self.assertEqual(play.client(packets(b"pw\0", 3)), packets(b"pw\0", 3))
            self.assertEqual(play.actions, [])

    def behind_tls(self, **policy):
        play = FollowedPlay(OFFER, **policy)
        play.greet(MYSQL)
        play.begin_tls()
        return play

    def refused(self, play):
        (fail,) = [action for action in play.actions if isinstance(action, Fail)]
        self.assertIs(fail.error.reason, EndReason.LOGIN)
        self.assertIn("the link to AcraServer is not encrypted", str(fail.error))
        self.assertNotIn(b"hunter2", play.to_database)

    def test_no_password_of_a_client_with_tls_goes_over_an_open_link(self):
        for reads in (False, True):
            for exposed in (False, True):
                play = self.behind_tls(reads=reads, exposed=exposed)
                client = response(bits.SSL, plugin=b"caching_sha2_password", answer=b"d" * 32)
                play.client(packets(client.encode(), 2))
                play.database(packets(b"\x01\x04", 2))
                play.client(packets(b"hunter2\0", 4))
                if exposed:
                    self.refused(play)
                else:
                    self.assertIn(b"hunter2", play.to_database)
            for plugin in (b"sha256_password", b"mysql_clear_password"):
                play = self.behind_tls(reads=reads, exposed=True)
                client = response(bits.SSL, plugin=plugin, answer=b"hunter2\0")
                play.client(packets(client.encode(), 2))
                self.refused(play)
                play = self.behind_tls(reads=reads, exposed=True)
                play.client(packets(response(bits.SSL).encode(), 2))
                asked = b"\xfe" + plugin + b"\0" + b"n" * 20 + b"\0"
                play.database(packets(asked, 2))
                play.client(packets(b"hunter2\0", 4))
                self.refused(play)

    def test_what_is_no_password_goes_over_an_open_link(self):
        for reads in (False, True):
            play = self.behind_tls(reads=reads, exposed=True)
            client = response(bits.SSL, plugin=b"caching_sha2_password", answer=b"d" * 32)
            play.client(packets(client.encode(), 2))
            self.assertIn(b"d" * 32, play.to_database)
            play.database(packets(b"\x01\x04", 2))
            for number, (answer, asked) in enumerate(
                ((b"\x02", b"\x01-----BEGIN PUBLIC KEY-----"), (b"e" * 256, KNOWN))
            ):
                play.client(packets(answer, 4 + 2 * number))
                self.assertIn(answer, play.to_database[-260:])
                play.database(packets(asked, 4 + 2 * number))
            self.assertFalse([action for action in play.actions if isinstance(action, Fail)])

    def test_whoever_becomes_another_user_there_sends_no_password_either(self):
        play = self.behind_tls(exposed=True)
        play.client(packets(response(bits.SSL).encode(), 2))
        play.database(packets(KNOWN, 2))
        legs = play.agreed[-1]
        self.assertTrue(legs.exposed)
        self.assertFalse(legs.decides)

    def test_commands_that_come_too_early_wait(self):
        play = FollowedPlay()
        play.greet()
        early = packets(b"\x0e", 0)
        play.client(packets(response().encode(), 1) + early)
        self.assertTrue(play.login.holding)
        play.database(packets(KNOWN, 2))
        self.assertEqual(play.actions[-1].from_client, early)

    def test_a_login_that_is_refused(self):
        play = FollowedPlay()
        play.greet()
        play.client(packets(response().encode(), 1))
        self.assertEqual(play.database(packets(DENIED, 2)), packets(DENIED, 2))
        self.assertEqual(play.taken(), ["Close"])
        (exchange,) = play.session.observer.closed
        self.assertEqual((exchange.outcome, exchange.status_code), ("error", "1045"))
        # AcraServer has told of it.
        self.assertEqual(play.session.observer.events, [])
        self.assertFalse(play.login.unanswered)

    def test_an_error_in_place_of_the_greeting(self):
        error = packets(b"\xff\x10\x04Too many connections", 0)
        play = FollowedPlay()
        self.assertEqual(play.database(error), error)
        self.assertEqual(play.taken(), ["Close"])

    def test_the_span_of_the_startup_is_the_one_that_the_server_was_told(self):
        parent = b"00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01"
        for attributes, expected in (((b"traceparent", parent), "c" * 16), ((b"a", b"b"), None)):
            play = FollowedPlay(startup_span="c" * 16)
            play.greet()
            client = response(bits.CONNECT_ATTRS, attributes=(attributes,))
            play.client(packets(client.encode(), 1))
            (exchange,) = play.session.observer.opened
            context = exchange.context
            self.assertEqual(context and context.span_id, expected)

    def test_a_server_that_gives_up_waiting_for_an_answer(self):
        """Its error has the number that is listened to behind the answer."""
        told = b"\xff\x87\x04#08S01too slow"
        for tls, said in ((False, None), (True, None), (True, "tls"), (False, "response")):
            play = FollowedPlay(OFFER if tls else DECLINE)
            play.greet()
            due, number = 2, 2
            if said == "response":
                play.client(packets(response().encode(), 1))
                play.database(packets(SWITCH, 2))
                due = number = 4
            elif tls:
                number = 3
                play.client(TLS_ASKED)
                if said == "tls":
                    play.perform(play.login.tls_started(CLIENT, None))
            shown = play.database(packets(told, due))
            self.assertEqual(shown, packets(told, number), (tls, said))
            self.assertIsInstance(play.actions[-1], Close)
            self.assertFalse(play.login.unanswered)
            if said == "response":
                (exchange,) = play.session.observer.closed
                self.assertEqual((exchange.outcome, exchange.status_code), ("error", "1159"))

    def test_a_server_that_gives_up_right_behind_its_question(self):
        """The client is told the same if both come at once."""
        told = b"\xff\x87\x04#08S01too slow"
        for said in (
            [packets(SWITCH, 2), packets(told, 4)],
            [packets(SWITCH, 2) + packets(told, 4)],
        ):
            play = FollowedPlay(DECLINE)
            play.greet()
            play.client(packets(response().encode(), 1))
            shown = b"".join(map(play.database, said))
            self.assertEqual(shown, packets(SWITCH, 2) + packets(told, 4))
            self.assertIsInstance(play.actions[-1], Close)

    def test_a_server_that_says_anything_else_then(self):
        for payload in (OK, SWITCH, b"\xfe", b""):
            play = FollowedPlay()
            play.greet()
            play.database(packets(payload, 1))
            self.assertEqual(self.assert_fails(play).error.side, "database")

    def test_refused_before_the_greeting_and_behind_the_response(self):
        play = FollowedPlay()
        play.perform(play.login.refuse(EndReason.DATABASE, "gone"))
        self.assertEqual(play.to_client, packets(b"\xff\x51\x04gone", 0))
        self.assertIsInstance(play.actions[-1], Close)


class Servers(LoginCase):
    def test_of_one_that_does_not_make_itself_known_sessions_are_carried_unread(self):
        play = FollowedPlay()
        play.greet()
        play.client(packets(response().encode(), 1) + b"early")
        self.assertEqual(play.database(packets(OK, 2) + b"more"), packets(OK, 2))
        self.assertEqual(play.actions, [Carry(UNKNOWN_SERVER), Copy(b"early", b"more")])
        self.assertTrue(play.session.ready)

    def test_one_that_is_too_old(self):
        for bit in (bits.PROTOCOL_41, bits.SECURE_CONNECTION, bits.PLUGIN_AUTH):
            play = FollowedPlay()
            greeting = decode_greeting(MYSQL)
            play.database(packets(greeting.showing(greeting.capabilities & ~bit, 0), 0))
            self.assertEqual(self.assert_fails(play).error.side, "database")


class WithTLS(LoginCase):
    def test_what_the_application_is_offered(self):
        for tls, offered, expected in (
            (PASS, True, True),
            (PASS, False, False),
            (DECLINE, True, False),
            (REFUSE, True, False),
            (OFFER, False, True),
            (REQUIRE, False, True),
        ):
            for reads in (True, False):
                if tls != PASS or reads:
                    shown = FollowedPlay(tls, reads).greet(tls=offered).capabilities & bits.SSL
                    self.assertEqual(bool(shown), expected, (tls, offered))

    def test_through_the_link_it_is_carried_unread(self):
        play = FollowedPlay()
        play.greet(tls=True)
        self.assertEqual(play.client(TLS_ASKED + b"\x16hello"), TLS_ASKED)
        self.assertEqual(play.actions, [Carry(ENCRYPTED), Copy(b"\x16hello", b"")])
        self.assertEqual(play.client(b"more"), b"")

    def test_that_ends_here_each_leg_has_its_own_numbers(self):
        for reads in (True, False):
            for tls in (OFFER, REQUIRE):
                play = FollowedPlay(tls, reads)
                play.greet(tls=False)
                play.begin_tls()
                self.assertTrue(play.login.encrypted)
                said = packets(response(bits.SSL).encode(), 2)
                ((number, payload),) = written(play.client(said))
                self.assertEqual(number, 1)
                self.assertFalse(decode_response(payload).capabilities & bits.SSL)
                self.assertEqual(play.database(packets(SWITCH, 2)), packets(SWITCH, 3))
                self.assertEqual(play.client(packets(b"p" * 64, 4)), packets(b"p" * 64, 3))
                last = KNOWN if reads else OK
                self.assertEqual(play.database(packets(last, 4)), packets(OK, 5))
                self.assertEqual(play.taken(), ["Ready"] if reads else ["Carry", "Copy"])

    def test_that_must_be_and_is_not(self):
        for reads in (True, False):
            play = FollowedPlay(REQUIRE, reads)
            play.greet()
            play.client(packets(response().encode(), 1))
            self.assertIs(self.assert_fails(play).error.reason, EndReason.TLS_REQUIRED)
            self.assertEqual(play.to_database, b"")

    def test_that_nobody_offered(self):
        for tls in (PASS, DECLINE):
            play = FollowedPlay(tls)
            play.greet(tls=False)
            play.client(TLS_ASKED)
            self.assertIs(self.assert_fails(play).error.reason, EndReason.HANDSHAKE)

    def test_nothing_that_came_in_clear_is_read_behind_it(self):
        play = FollowedPlay(OFFER)
        play.greet()
        play.client(TLS_ASKED)
        play.client(packets(response().encode(), 2))
        play.perform(play.login.tls_started(CLIENT, None))
        self.assertEqual(self.assert_fails(play).error.side, "client")
        self.assertEqual(play.to_database, b"")


class Unread(LoginCase):
    def test_everything(self):
        play = FollowedPlay(reads=False)
        self.assertEqual(play.actions, [Carry("")])
        self.assertTrue(play.login.unanswered)
        self.assertEqual(play.client(b"early"), b"early")
        self.assertEqual(play.database(b"whatever"), b"whatever")
        self.assertEqual(play.taken(), ["Carry", "Copy"])
        self.assertFalse(play.login.unanswered)

    def test_from_the_login_s_end_where_tls_is_answered_here(self):
        play = FollowedPlay(DECLINE, False)
        play.greet()
        self.assertTrue(play.client(packets(response().encode(), 1)))
        self.assertEqual(play.taken(), ["Carry"])
        self.assertTrue(play.login.unanswered)
        self.assertEqual(play.database(packets(OK, 2) + b"more"), packets(OK, 2))
        self.assertEqual(play.actions, [Copy(b"", b"more")])

    def test_and_refused(self):
        play = FollowedPlay(DECLINE, False)
        play.greet()
        play.client(packets(response().encode(), 1))
        self.assertEqual(play.database(packets(DENIED, 2)), packets(DENIED, 2))
        self.assertEqual(play.taken(), ["Carry", "Close"])


class Malformed(LoginCase):
    def test_a_response_that_is_none(self):
        for payload in (b"", b"x" * 31, b"\xff" * 40):
            play = FollowedPlay()
            play.greet()
            play.client(packets(payload, 1))
            self.assertIs(self.assert_fails(play).error.reason, EndReason.HANDSHAKE)
            self.assertEqual(play.to_database, b"")

    @given(
        st.lists(
            st.tuples(
                st.sampled_from((CLIENT, DATABASE)),
                st.sampled_from(
                    (
                        packets(MARIADB, 0),
                        packets(response().encode(), 1),
                        packets(KNOWN, 2),
                        packets(OK, 2),
                        packets(DENIED, 2),
                        packets(SWITCH, 2),
                        TLS_ASKED,
                    )
                )
                | st.binary(min_size=1, max_size=30),
            ),
            max_size=8,
        ),
        st.sampled_from((PASS, DECLINE, OFFER, REQUIRE)),
        st.booleans(),
    )
    def test_whatever_comes(self, said, tls, reads):
        self.whatever(FollowedPlay(tls, reads), said)
