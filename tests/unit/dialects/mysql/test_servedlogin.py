"""A client's login to AcraServer, for a database that speaks first."""

from hypothesis import given
from hypothesis import strategies as st

from acra_twisted.dialects.mysql.announcing import unannounced
from acra_twisted.dialects.mysql.authentication import LegsPolicy
from acra_twisted.dialects.mysql.servedlogin import ServedLogin, ServePolicy
from acra_twisted.dialects.mysql.sessions import Sessions
from acra_twisted.endreason import EndReason
from acra_twisted.loginactions import (
    CLIENT,
    DATABASE,
    Admitted,
    Close,
    Connect,
    Proven,
    Ready,
    StartTLS,
    Write,
)
from acra_twisted.wire.mysql import capabilities as bits
from acra_twisted.wire.mysql.frames import packets
from acra_twisted.wire.mysql.handshake import FIXED, decode_greeting, decode_response
from tests.support.logins import LoginCase
from tests.support.mysqllogins import (
    DENIED,
    MARIADB,
    MYSQL,
    NATIVE,
    OK,
    SCRAMBLED,
    TLS_ASKED,
    MysqlPlay,
    response,
    written,
)
from tests.support.mysqlvectors import CLIENT as SAID_BY_CLIENT
from tests.support.mysqlvectors import SERVER, conversations


class Case(LoginCase):
    def refused(self, play, reason, **more):
        """The login fails for this reason; return what its client is told: number, payload."""
        fail = self.assert_fails(play)
        self.assertIs(fail.error.reason, reason)
        before = len(play.to_client)
        play.perform(play.login.refuse(reason, str(fail.error)))
        ((number, payload),) = written(play.to_client[before:])
        self.assertIsInstance(play.actions[-1], Close)
        return number, payload


class Greeting(Case):
    def test_nothing_is_said_before_the_database_has_greeted(self):
        play = MysqlPlay()
        self.assertEqual(play.taken(), ["Connect"])
        self.assertEqual((play.to_client, play.to_database), (b"", b""))

    def test_ms4_what_the_client_is_shown(self):
        for raw in (MARIADB, MYSQL):
            play = MysqlPlay()
            ((number, payload),) = written(play.greet(raw))
            own, shown = decode_greeting(raw), decode_greeting(payload)
            self.assertEqual(number, 0)
            hidden = bits.REFUSED | bits.SSL | bits.LOCAL_FILES
            self.assertEqual(shown.capabilities, own.capabilities & ~hidden)
            self.assertEqual(shown.extended, own.extended & 0x1C)
            kept = ("version", "thread", "scramble", "plugin", "collation", "status")
            for name in kept:
                self.assertEqual(getattr(shown, name), getattr(own, name))
            self.assertEqual(play.to_database, b"")

    def test_tls_is_what_this_server_offers(self):
        without = decode_greeting(MARIADB)
        without = without.showing(without.capabilities & ~bits.SSL, without.extended)
        for raw in (MARIADB, without):
            for tls, offered in (("disable", 0), ("allow", bits.SSL), ("require", bits.SSL)):
                ((_, payload),) = written(MysqlPlay(tls=tls).greet(raw))
                self.assertEqual(decode_greeting(payload).capabilities & bits.SSL, offered)

    def test_local_files_where_they_are_allowed(self):
        ((_, payload),) = written(MysqlPlay(local_files=True).greet(MARIADB))
        self.assertTrue(decode_greeting(payload).capabilities & bits.LOCAL_FILES)

    def test_an_error_in_its_place_reaches_the_client(self):
        error = b"\xff\x10\x04Too many connections"
        play = MysqlPlay()
        play.greet(error)
        self.assertEqual(self.refused(play, EndReason.DATABASE), (0, error))

    def test_an_error_that_anyone_can_have_sent_does_not(self):
        """Its TLS has not begun, and must."""
        play = MysqlPlay(database_tls="on")
        play.greet(b"\xff\x10\x04Too many connections")
        number, payload = self.refused(play, EndReason.DATABASE)
        self.assertEqual((number, payload[:3]), (0, b"\xff\x51\x04"))
        self.assertTrue(payload.endswith(b"error 1040"), payload)

    def test_a_database_that_lacks_something(self):
        for bit in (bits.PROTOCOL_41, bits.SECURE_CONNECTION, bits.PLUGIN_AUTH):
            play = MysqlPlay()
            greeting = decode_greeting(MYSQL)
            play.greet(greeting.showing(greeting.capabilities & ~bit, 0))
            self.assertEqual(self.assert_fails(play).error.side, "database")

    def test_one_that_can_not_be_reached(self):
        """The error takes the place of the greeting, and has no SQLSTATE there."""
        play = MysqlPlay()
        play.perform(play.login.refuse(EndReason.DATABASE, "could not connect"))
        self.assertEqual(written(play.to_client), [(0, b"\xff\x51\x04could not connect")])

    def test_sent_away(self):
        login = ServedLogin(Sessions(), ServePolicy(), (EndReason.LOGIN, "not here"))
        told = packets(b"\xff\x15\x04not here", 0)
        self.assertEqual(login.begin(), [Write(CLIENT, told), Close(CLIENT)])
        self.assertEqual(login.feed(CLIENT, b"whatever"), [])


class Answers(Case):
    def test_one_that_the_database_has_no_room_for(self):
        greeting = decode_greeting(MARIADB)
        without = greeting.capabilities & ~bits.PLUGIN_AUTH_LENENC
        for size in (255, 256):
            long = response()
            capabilities = long.capabilities | bits.PLUGIN_AUTH_LENENC
            long = long._replace(capabilities=capabilities, answer=b"x" * size, plugin=b"dialog")
            play = MysqlPlay()
            play.greet(greeting.showing(without, greeting.extended))
            sent = play.client(packets(long.encode(), 1))
            if size == 255:
                ((_, payload),) = written(sent)
                self.assertEqual(decode_response(payload).answer, long.answer)
            else:
                self.refused(play, EndReason.HANDSHAKE)
            self.assertEqual(bool(play.to_database), size == 255)


class Session(Case):
    def test_plain_on_both_legs(self):
        play = MysqlPlay(pipeline="stages")
        play.greet()
        sent = play.client(packets(response().encode(), 1))
        ((number, payload),) = written(sent)
        self.assertEqual(number, 1)
        towards = decode_response(payload)
        self.assertEqual((towards.user, towards.answer), (b"ann", SCRAMBLED))
        self.assertEqual(play.database(packets(OK, 2) + b"more"), packets(OK, 2))
        *_, proven, ready = play.actions
        self.assertEqual(proven, Proven(b"ann", "database", False, b""))
        self.assertEqual(ready, Ready(("requests", "replies"), b"", b"more"))
        session, in_force, status, collation, changes, pipeline, legs, follows = play.agreed
        self.assertIs(session, play.session)
        self.assertTrue(in_force.mariadb)
        self.assertEqual((status, collation, changes, pipeline), (2, 45, [], "stages"))
        self.assertEqual((legs, follows), (LegsPolicy(False, False, True, False), False))
        self.assertTrue(session.ready)
        self.assertEqual((session.system, session.language), ("mariadb", "mysql"))
        self.assertEqual(list(session.outstanding), [])

    def test_a_client_that_may_not_become_another_user(self):
        play = MysqlPlay(changes_user=False)
        play.greet()
        play.client(packets(response().encode(), 1))
        play.database(packets(OK, 2))
        self.assertIsNone(play.agreed[6])

    def test_a_connector_follows_what_it_can_read(self):
        """It gets the word that AcraServer is here, and its contexts are its decisions."""
        for with_tls in (False, True):
            play = MysqlPlay(tls="allow")
            play.login.follows()
            play.greet()
            if with_tls:
                play.client(TLS_ASKED)
                play.perform(play.login.tls_started(CLIENT, None))
            play.client(packets(response(bits.SSL * with_tls).encode(), 1 + with_tls))
            told = play.database(packets(OK, 2))
            ((_, payload),) = written(told)
            self.assertEqual(unannounced(payload), (OK, not with_tls))
            self.assertIs(play.agreed[7], not with_tls)

    def test_a_client_without_password(self):
        play = MysqlPlay()
        play.greet(MYSQL)
        play.client(packets(response(answer=b"").encode(), 1))
        play.database(packets(OK, 2))
        self.assertEqual(play.actions[-2], Admitted(b""))
        self.assertEqual(play.session.system, "mysql")

    def test_nothing_reaches_the_database_before_the_client_is_admitted(self):
        play = MysqlPlay(admits=False)
        play.greet()
        play.client(packets(response().encode(), 1))
        self.assertEqual(play.to_database, b"")
        wanted = play.actions[-1]
        self.assertIsInstance(wanted, Connect)
        self.assertEqual(wanted.request.user, b"ann")

    def test_what_is_in_force(self):
        """Both have set it, and it may pass."""
        asked = bits.COMPRESS | bits.DEPRECATE_EOF | bits.QUERY_ATTRIBUTES | bits.LOCAL_FILES
        play = MysqlPlay()
        play.greet(MARIADB)
        client = response(asked)
        client = client._replace(
            capabilities=client.capabilities & ~bits.LONG_PASSWORD, extended=0xFFFFFFFF
        )
        ((_, payload),) = written(play.client(packets(client.encode(), 1)))
        play.database(packets(OK, 2))
        towards, in_force = decode_response(payload), play.agreed[1]
        self.assertEqual(in_force.capabilities, towards.capabilities & ~bits.SESSION_TRACK)
        self.assertEqual(in_force.extended, towards.extended)
        self.assertEqual(towards.extended, 0x1C & decode_greeting(MARIADB).extended)
        self.assertTrue(in_force.deprecate_eof)
        self.assertFalse(in_force.query_attributes, "MariaDB has none")
        self.assertFalse(towards.capabilities & (bits.COMPRESS | bits.LOCAL_FILES))

    def test_texts_of_several_statements_where_they_may_be(self):
        """Nobody is offered what may not be, and nobody who says so all the same has it."""
        for allowed in (True, False):
            play = MysqlPlay(multi_statements=allowed)
            ((_, payload),) = written(play.greet(MARIADB))
            offered = decode_greeting(payload).capabilities & bits.MULTI_STATEMENTS
            self.assertEqual(bool(offered), allowed)
            asked = packets(response(bits.MULTI_STATEMENTS).encode(), 1)
            ((_, payload),) = written(play.client(asked))
            has = decode_response(payload).capabilities & bits.MULTI_STATEMENTS
            self.assertEqual(bool(has), allowed)
            play.database(packets(OK, 2))
            self.assertIs(play.agreed[1].may_have_several, allowed)

    def test_the_session_is_tracked_for_a_client_that_did_not_ask(self):
        told = b"\0\0\0\2\x40\0\0\0\x04\x01\x02\x01d"
        for asks in (0, bits.SESSION_TRACK):
            play = MysqlPlay()
            play.greet(MARIADB)
            ((_, payload),) = written(play.client(packets(response(asks).encode(), 1)))
            self.assertTrue(decode_response(payload).capabilities & bits.SESSION_TRACK)
            shown = play.database(packets(told, 2))
            self.assertEqual(shown, packets(told if asks else OK, 2))
            in_force, changes = play.agreed[1], play.agreed[4]
            self.assertEqual(in_force.tracked_for_us, not asks)
            self.assertEqual(bool(in_force.capabilities & bits.SESSION_TRACK), bool(asks))
            self.assertTrue(in_force.tracks)
            self.assertEqual([value for _, value in changes], [b"d"])

    def test_a_server_that_cannot_track(self):
        greeting = decode_greeting(MARIADB)
        without = greeting.capabilities & ~bits.SESSION_TRACK
        play = MysqlPlay()
        play.greet(greeting.showing(without, greeting.extended))
        ((_, payload),) = written(play.client(packets(response().encode(), 1)))
        self.assertFalse(decode_response(payload).capabilities & bits.SESSION_TRACK)
        play.database(packets(OK, 2))
        self.assertFalse(play.agreed[1].tracked_for_us)

    def test_the_field_of_a_capability_that_is_taken_off_goes_with_it(self):
        greeting = decode_greeting(MARIADB)
        shown = greeting.showing(greeting.capabilities & ~bits.CONNECT_ATTRS, 0)
        play = MysqlPlay()
        play.greet(shown)
        client = response(bits.CONNECT_ATTRS, attributes=((b"a", b"b"),))
        ((_, payload),) = written(play.client(packets(client.encode(), 1)))
        self.assertEqual(decode_response(payload).attributes, ())
        self.assertTrue(payload.endswith(NATIVE + b"\0"))

    def test_a_trace_context_of_the_client(self):
        parent = b"00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01"
        play = MysqlPlay()
        play.greet()
        client = response(bits.CONNECT_ATTRS, attributes=((b"traceparent", parent),))
        play.client(packets(client.encode(), 1))
        self.assertEqual(play.session.context.trace_id, "a" * 32)
        (exchange,) = play.session.observer.opened
        self.assertEqual(exchange.remote.span_id, "b" * 16)

    def test_refused_by_the_database(self):
        play = MysqlPlay()
        play.greet()
        play.client(packets(response().encode(), 1))
        self.assertEqual(play.database(packets(DENIED, 2)), packets(DENIED, 2))
        self.assertEqual(play.actions[-1], Close(CLIENT))
        self.assertTrue(play.session.refused)
        (exchange,) = play.session.observer.closed
        self.assertEqual((exchange.outcome, exchange.status_code), ("error", "1045"))
        self.assertEqual(len(play.session.observer.events), 1)

    def test_an_error_that_refuses_nobody(self):
        play = MysqlPlay()
        play.greet()
        play.client(packets(response().encode(), 1))
        play.database(packets(b"\xff\x1d\x04#08S01shutdown", 2))
        self.assertFalse(play.session.refused)
        self.assertEqual(play.session.observer.events, [])

    def test_what_a_client_says_too_early_waits(self):
        play = MysqlPlay()
        play.greet()
        early = packets(b"\x0e", 0)
        play.client(packets(response().encode(), 1) + early)
        self.assertTrue(play.login.holding)
        play.database(packets(OK, 2))
        self.assertEqual(play.actions[-1].from_client, early)


class Legs(Case):
    def logged_in(self, client_tls, database_tls):
        """Log in by a switch of plugins; return the numbers of all packets of both legs."""
        play = MysqlPlay(
            tls="allow" if client_tls else "disable", database_tls="on" if database_tls else "off"
        )
        greeting = decode_greeting(MARIADB)
        play.greet(greeting.showing(greeting.capabilities | bits.SSL, greeting.extended))
        number = 1
        if client_tls:
            wanted = response(bits.SSL)
            play.client(packets(wanted.head(), 1) + b"\x16hello")
            self.assertIn(StartTLS(CLIENT, b"\x16hello"), play.actions)
            self.assertEqual(play.to_database, b"")
            play.perform(play.login.tls_started(CLIENT, None))
            number = 2
        play.client(packets(response(bits.SSL if client_tls else 0).encode(), number))
        theirs = [at for at, _ in written(play.to_database)]
        due = theirs[-1] + 1
        play.database(packets(b"\xfeclient_ed25519\0nonce", due))
        play.client(packets(b"s" * 64, number + 2))
        play.database(packets(OK, due + 2))
        self.assertIsInstance(play.actions[-1], Ready)
        self.assertEqual(play.login.encrypted, client_tls)
        to_client = [at for at, _ in written(play.to_client)]
        return play, to_client, [at for at, _ in written(play.to_database)]

    def test_each_has_its_own_numbers(self):
        for client_tls, database_tls, to_client, to_database in (
            (False, False, [0, 2, 4], [1, 3]),
            (True, True, [0, 3, 5], [1, 2, 4]),
            (True, False, [0, 3, 5], [1, 3]),
            (False, True, [0, 2, 4], [1, 2, 4]),
        ):
            _, client, database = self.logged_in(client_tls, database_tls)
            self.assertEqual((client, database), (to_client, to_database))

    def test_the_request_for_tls_is_how_the_response_begins(self):
        play, _, _ = self.logged_in(False, True)
        (_, asked), (_, sent), _ = written(play.to_database)
        self.assertEqual(asked, sent[:32])
        self.assertEqual(len(asked), 32)
        self.assertTrue(decode_response(sent).capabilities & bits.SSL)
        play, _, _ = self.logged_in(True, False)
        (_, sent), _ = written(play.to_database)
        self.assertFalse(decode_response(sent).capabilities & bits.SSL)

    def test_ms3_a_database_without_tls(self):
        greeting = decode_greeting(MARIADB)
        plain = greeting.showing(greeting.capabilities & ~bits.SSL, greeting.extended)
        play = MysqlPlay(database_tls="on")
        play.greet(plain)
        number, payload = self.refused(play, EndReason.DATABASE)
        self.assertEqual((number, payload[:3]), (0, b"\xff\x51\x04"))
        self.assertEqual(play.to_database, b"")
        play = MysqlPlay(database_tls="if offered")
        play.greet(plain)
        self.assertEqual(len(written(play.client(packets(response().encode(), 1)))), 1)

    def test_ms2_a_client_without_tls_where_it_must_have_it(self):
        play = MysqlPlay(tls="require")
        play.greet()
        play.client(packets(response().encode(), 1))
        number, payload = self.refused(play, EndReason.TLS_REQUIRED)
        self.assertEqual((number, payload[:9]), (2, b"\xff\x57\x0c#HY000"))
        self.assertEqual(play.to_database, b"")

    def test_ms1_bytes_behind_the_request_for_tls_are_the_handshake_s(self):
        """A response in clear is not read as one."""
        in_clear = packets(response().encode(), 2)
        play = MysqlPlay(tls="allow")
        play.greet()
        play.client(packets(response(bits.SSL).head(), 1) + in_clear)
        self.assertEqual(play.actions[-1], StartTLS(CLIENT, in_clear))
        play.perform(play.login.tls_started(CLIENT, None))
        self.assertEqual(play.to_database, b"")
        self.assertIsInstance(play.actions[-1], StartTLS)

    def test_a_request_for_tls_that_nobody_offered(self):
        play = MysqlPlay()
        play.greet()
        play.client(packets(response(bits.SSL).head(), 1))
        number, payload = self.refused(play, EndReason.HANDSHAKE)
        self.assertEqual((number, payload[:9]), (2, b"\xff\x13\x04#08S01"))

    def test_a_password_that_may_not_pass(self):
        play = MysqlPlay(password_without_tls=False)
        play.greet()
        play.client(packets(response(plugin=b"mysql_clear_password", answer=b"pw\0").encode(), 1))
        number, payload = self.refused(play, EndReason.LOGIN)
        self.assertIn(b"db_tls", payload)
        self.assertEqual((number, play.to_database), (2, b""))

    def test_a_question_that_may_not_pass(self):
        play = MysqlPlay(password_without_tls=False)
        play.greet()
        play.client(packets(response().encode(), 1))
        before = play.to_client
        play.database(packets(b"\xfedialog\0", 2))
        self.assert_fails(play)
        self.assertEqual(play.to_client, before)
        self.assertEqual(play.login.due, 2)


class Malformed(Case):
    def test_another_number(self):
        for number in (0, 2, 255):
            play = MysqlPlay()
            play.greet()
            play.client(packets(response().encode(), number))
            told, payload = self.refused(play, EndReason.SEQUENCE)
            self.assertEqual((told, payload[:3]), (2, b"\xff\x84\x04"))
            self.assertEqual(play.to_database, b"")

    def test_a_database_that_goes_on_talking(self):
        play = MysqlPlay()
        play.greet()
        play.database(b"more")
        self.assertEqual(self.assert_fails(play).error.side, "database")

    def test_ms1_nothing_behind_the_greeting_becomes_an_answer(self):
        """Anyone on the way may have written it, whether TLS comes or not."""
        for database_tls in ("off", "if offered", "on"):
            for behind in (packets(OK, 2), packets(OK, 3), packets(b"\xfedialog\0", 3), b"\7"):
                play = MysqlPlay(database_tls=database_tls)
                greeting = decode_greeting(MARIADB)
                greeting = greeting.showing(greeting.capabilities | bits.SSL, greeting.extended)
                self.assertEqual(play.database(packets(greeting, 0) + behind), b"")
                self.assertEqual(self.assert_fails(play).error.side, "database")

    def test_ms1_nothing_that_came_in_clear_is_read_behind_tls(self):
        """Nor what the client says before its TLS has begun."""
        play = MysqlPlay(tls="allow")
        play.greet()
        play.client(packets(response(bits.SSL).head(), 1))
        play.client(packets(response().encode(), 2))
        play.perform(play.login.tls_started(CLIENT, None))
        self.assertEqual(self.assert_fails(play).error.side, "client")
        self.assertEqual(play.to_database, b"")

    def test_ms5_a_response_that_is_none(self):
        for payload in (b"", b"x" * 31, b"\xff" * 40):
            play = MysqlPlay()
            play.greet()
            play.client(packets(payload, 1))
            number, told = self.refused(play, EndReason.HANDSHAKE)
            self.assertEqual((number, told[:3]), (2, b"\xff\x13\x04"))

    @given(
        st.lists(
            st.tuples(
                st.sampled_from((CLIENT, DATABASE)),
                st.sampled_from(
                    (
                        packets(MARIADB, 0),
                        packets(response().encode(), 1),
                        packets(OK, 2),
                        packets(DENIED, 2),
                        packets(b"\xfedialog\0", 2),
                        packets(b"pw", 3),
                    )
                )
                | st.binary(min_size=1, max_size=30),
            ),
            max_size=8,
        )
    )
    def test_any_bytes_in_any_order(self, said):
        self.whatever(MysqlPlay(), said)


class Recorded(Case):
    """Logins of real clients, cut anywhere."""

    def play(self, one, cut):
        """Feed packets up to the first command; ``cut`` is the size of a piece."""
        with_tls = len(one.packets[1].payload) == FIXED or len(one.packets[2].payload) == FIXED
        play = MysqlPlay(tls="allow", database_tls="on" if with_tls else "off")
        for packet in one.packets:
            if packet.sequence == 0 and packet.leg == SAID_BY_CLIENT:
                break
            feed = play.client if packet.leg == SAID_BY_CLIENT else play.database
            size = cut or len(packet.encoded)
            for at in range(0, len(packet.encoded), size):
                feed(packet.encoded[at : at + size])
            if StartTLS(CLIENT, b"") in play.actions:
                play.actions.clear()
                play.perform(play.login.tls_started(CLIENT, None))
        return play

    def test_they_get_in_or_do_not(self):
        found = 0
        for one in conversations().values():
            if not (one.has_login and one.of_one_leg and len(one.packets) > 1):
                continue
            decided = next(
                packet.payload[0]
                for packet in one.packets[1:]
                if packet.leg == SERVER and packet.payload[0] in (0x00, 0xFF)
            )
            outcomes = set()
            for cut in (0, 1, 7):
                play = self.play(one, cut)
                outcomes.add((type(play.actions[-1]).__name__, play.to_client, play.to_database))
            ((outcome, _, _),) = outcomes
            self.assertEqual(outcome, "Close" if decided else "Ready", one.name)
            found += 1
        self.assertGreater(found, 15)
