"""From the startup packet to the first ReadyForQuery."""

import weakref

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events
from acra_twisted.dialects.postgresql import replies
from acra_twisted.dialects.postgresql.authentication import AuthenticationPolicy, PassThrough
from acra_twisted.dialects.postgresql.challenge import ChallengePolicy, Proof
from acra_twisted.dialects.postgresql.keylogin import KeyLogin
from acra_twisted.dialects.postgresql.untilready import UntilReady
from acra_twisted.endreason import EndReason
from acra_twisted.errors import FrameTooLarge, WireError
from acra_twisted.exchange import MESSAGES, Exchange
from acra_twisted.loginactions import (
    CLIENT,
    DATABASE,
    UNKNOWN_SERVER,
    Admitted,
    Ask,
    Cancellable,
    Fail,
    Proven,
    Write,
)
from acra_twisted.outstanding import FORWARD
from acra_twisted.verdicts import PASS, Deny
from acra_twisted.wire.postgres import backend, frames
from acra_twisted.wire.postgres.frames import message
from acra_twisted.wire.scram import PLAIN, PLUS, keys_of, salted, verifier_of
from tests.support.logins import LoginPlay
from tests.support.sessions import (
    SYNC,
    TERMINATE,
    bind,
    messages,
    parse,
    query,
    ready,
    types,
)

NOTICE = message(b"N", b"SNOTICE\0\0")
STATUS = message(b"S", b"standard_conforming_strings\0off\0")
WELCOME = message(b"R", bytes(4))
KEY = message(b"K", b"\0\0\0\7" + b"k" * 32)
PASSWORD = message(b"p", b"secret\0")
ANNOUNCED = message(b"S", b"acra_twisted\x001\0")
FLOWS = object(), object()
ANSWERS = st.lists(st.binary(max_size=12).map(lambda body: message(b"p", body)), max_size=3)
REQUESTS = st.lists(
    st.sampled_from((query(b"SELECT 1"), parse(b"", b"x"), bind(b"", b""), SYNC, TERMINATE)),
    max_size=4,
)


class Getting(LoginPlay):
    """Plays the part of a login behind its startup packet."""

    def __init__(self, judge=lambda work: PASS, **options):
        self.options = options
        super().__init__(self, judge)

    def begin(self):
        return []

    def start(self):
        exchange = self.exchange = Exchange(self.session, "startup", None, 1)
        self.session.observer.opened.append(exchange)
        self.session.outstanding.append((FORWARD, replies.STARTUP, exchange, None))
        self.until = self.login = UntilReady(self.session, lambda: FLOWS, **self.options)
        return self


def start(judge=lambda work: PASS, **options):
    return Getting(judge, **options).start()


class Case(SynchronousTestCase):
    def assert_fails(self, play, kind=WireError):
        (fail,) = play.actions
        self.assertIsInstance(fail, Fail)
        self.assertIsInstance(fail.error, kind)
        # Nothing is read behind it.
        self.assertEqual(play.database(WELCOME) + play.client(PASSWORD), b"")
        self.assertEqual(play.actions, [fail])
        return fail.error


class Mediating:
    """Passes everything on; a weak reference can name it."""

    def __init__(self):
        through = PassThrough(AuthenticationPolicy())
        self.from_database, self.admitted = through.from_database, through.admitted


class Database(Case):
    @given(st.integers(1, 60))
    def test_authentication_keys_and_parameters_in_any_pieces(self, size):
        play = start(mediator=PassThrough(AuthenticationPolicy()))
        data = WELCOME + STATUS + NOTICE + KEY + ready()
        for at in range(0, len(data), size):
            play.database(data[at : at + size])
        self.assertEqual(play.to_client, data)
        self.assertEqual(play.actions[:2], [Admitted(b""), Cancellable((7, b"k" * 32))])
        self.assertEqual(play.actions[2:], [(FLOWS, b"", b"")])
        session = play.session
        self.assertTrue(session.idle)
        self.assertEqual(session.observer.outcomes, [("startup", "ok")])
        self.assertFalse(session.conforming)
        self.assertEqual(session.traffic.from_database, len(data))
        self.assertEqual(session.traffic.to_client, len(data))

    def test_what_comes_behind_ready_is_left_to_the_flows(self):
        play = start()
        play.client(query(b"a"))
        self.assertEqual(play.database(WELCOME + ready() + NOTICE), WELCOME + ready())
        self.assertEqual(play.actions, [(FLOWS, query(b"a"), NOTICE)])
        traffic = play.session.traffic
        self.assertEqual(traffic.from_client, 0)
        self.assertEqual(traffic.from_database, len(WELCOME + ready()))

    def test_the_key_of_another_s_login_passes(self):
        play = start()
        self.assertEqual(play.database(WELCOME + KEY), WELCOME + KEY)
        self.assertEqual(play.actions, [])

    def test_st10_negotiation_is_added_where_the_database_says_nothing(self):
        play = start(unknown=[b"_pq_.x"], minor=9999)
        got = messages(play.database(WELCOME))
        self.assertEqual([kind for kind, _ in got], ["v", "R"])
        self.assertEqual(frames.decode_negotiation(got[0][1]), (2, [b"_pq_.x"]))
        self.assertEqual(types(play.database(ready())), "Z")

    def test_st10_negotiation_is_merged_with_the_databases_own(self):
        play = start(unknown=[b"_pq_.x"])
        said = frames.encode_negotiation(0, [b"_pq_.y"])
        got = messages(play.database(said + WELCOME))
        self.assertEqual([kind for kind, _ in got], ["v", "R"])
        self.assertEqual(frames.decode_negotiation(got[0][1]), (0, [b"_pq_.x", b"_pq_.y"]))

    def test_a_refusal_is_no_answer_to_a_negotiation(self):
        play = start(unknown=[b"_pq_.x"])
        error = backend.encode_error(b"FATAL", b"28P01", "no")
        self.assertEqual(play.database(error), error)

    def test_a_negotiation_of_the_databases_own_passes(self):
        play = start()
        said = frames.encode_negotiation(0, [])
        self.assertEqual(play.database(said), said)

    def test_rl10_what_a_database_may_say_only_once(self):
        key = message(b"K", b"\0\0\0\7key!")
        for before, after in ((b"", b""), (b"", key[:3]), (STATUS, NOTICE)):
            play = start(mediator=PassThrough(AuthenticationPolicy()))
            play.database(WELCOME + key + before)
            self.assertEqual(play.taken(), ["Admitted", "Cancellable"])
            play.database(message(b"K", b"\0\0\0\x08" + b"k" * 256) + after)
            self.assert_fails(play)

    def test_rl10_what_it_says_before_it_is_ready_is_short(self):
        for kind in (b"R", b"S", b"N", b"v", b"E", b"K"):
            play = start()
            play.database(kind + (frames.AUTHENTICATION_LIMIT + 1).to_bytes(4, "big"))
            self.assert_fails(play, FrameTooLarge)

    def test_rl10_of_parameters_only_what_is_followed_is_kept(self):
        play = start()
        for number in range(100):
            play.database(message(b"S", b"p%d\0value\0" % number))
        self.assertEqual(play.session.parameters, {})
        for name in (b"client_encoding", b"search_path", b"server_encoding") * 2:
            for letter in (b"x", b"y"):
                play.database(message(b"S", name + b"\0" + letter * 60_000 + b"\0"))
        kept = play.session.parameters
        self.assertEqual(len(kept), 3)
        self.assertEqual([len(value) for value in kept.values()], [32] * 3)

    def test_replies_come_later(self):
        for kind in b"T", b"D", b"C", b"1", b"G", b"!":
            play = start()
            play.database(message(kind, b"\0\0"))
            self.assertEqual(self.assert_fails(play).side, "database")

    def test_a_refused_login_is_told_of_by_the_one_who_serves_it(self):
        error = backend.encode_error(b"FATAL", b"28P01", "no")
        for mediator, codes in (
            (PassThrough(AuthenticationPolicy()), [events.LOGIN_REFUSED]),
            (None, []),
        ):
            play = start(mediator=mediator)
            self.assertTrue(play.until.unanswered)
            self.assertEqual(play.database(error), error)
            self.assertFalse(play.until.unanswered)
            self.assertEqual([code for code, _ in play.session.observer.events], codes)
            self.assertEqual((play.exchange.outcome, play.exchange.status_code), ("error", "28P01"))
            self.assertEqual(play.session.refused, bool(codes))

    def test_a_login_that_cannot_pass_is_refused(self):
        play = start(mediator=PassThrough(AuthenticationPolicy(password_without_tls=False)))
        self.assertEqual(play.database(message(b"R", b"\0\0\0\3")), b"")
        self.assertEqual(self.assert_fails(play).reason, EndReason.LOGIN)

    def test_authentication_may_be_changed(self):
        play = start(mediator=PassThrough(AuthenticationPolicy(database_tls=True)))
        offered = backend.encode_sasl([backend.SCRAM_PLUS, b"SCRAM-SHA-256"])
        self.assertEqual(play.database(offered), backend.encode_sasl([b"SCRAM-SHA-256"]))


class Client(Case):
    @given(ANSWERS, REQUESTS, st.integers(1, 30))
    def test_answers_go_on_and_what_is_behind_a_request_waits_in_any_pieces(
        self, answers, requests, size
    ):
        # One that goes says so at once, unless something stands before it.
        while requests and requests[0] == TERMINATE:
            requests.pop(0)
        data = b"".join(answers) + b"".join(requests)
        play = start()
        for at in range(0, len(data), size):
            play.client(data[at : at + size])
        self.assertEqual(play.to_database, b"".join(answers))
        self.assertEqual(play.until.holding, bool(requests))
        self.assertEqual(play.session.traffic.to_database, len(b"".join(answers)))
        play.database(WELCOME + ready())
        self.assertEqual(play.actions, [(FLOWS, b"".join(requests), b"")])

    @given(st.lists(st.binary(max_size=20)))
    def test_nothing_is_lost_or_turned_round(self, chunks):
        play = start()
        for chunk in chunks:
            play.client(chunk)
        if not play.actions:
            play.database(WELCOME + ready())
            (done,) = play.actions
            if not play.until.terminated:
                self.assertEqual(play.to_database + done.from_client, b"".join(chunks))

    def test_only_passwords_before_the_session_is_ready(self):
        play = start()
        self.assertEqual(play.client(PASSWORD), PASSWORD)
        play.client(b"p" + (70_000).to_bytes(4, "big"))
        self.assert_fails(play, FrameTooLarge)
        for kind in (b"d", b"c", b"f", b"z", b"\0"):
            play = start()
            play.client(message(kind, b"x"))
            self.assertEqual(self.assert_fails(play).side, "client")

    def test_one_that_goes_is_not_read_any_more(self):
        play = start()
        self.assertEqual(play.client(TERMINATE + PASSWORD), TERMINATE)
        self.assertTrue(play.until.terminated)
        self.assertEqual(play.client(query(b"a")), b"")

    def test_what_it_asks_for_is_checked(self):
        play = start(mediator=PassThrough(AuthenticationPolicy(True, True)))
        play.database(backend.encode_sasl([backend.SCRAM_PLUS, b"SCRAM-SHA-256"]))
        play.client(message(b"p", backend.SCRAM_PLUS + b"\0\0\0\0\x18p=tls-server-end-point,,x"))
        self.assertIn("channel_binding=disable", str(self.assert_fails(play)))


class Announcing(Case):
    def test_a_server_makes_itself_known_before_it_is_ready(self):
        play = start(announces=True)
        self.assertEqual(play.database(WELCOME + ready()), WELCOME + ANNOUNCED + ready())

    def test_a_connector_takes_that_off(self):
        play = start(must_announce=True)
        self.assertEqual(play.database(WELCOME + ANNOUNCED + ready()), WELCOME + ready())
        self.assertEqual(play.taken(), ["Ready"])

    def test_to_a_server_that_does_not_its_session_is_carried_unread(self):
        play = start(must_announce=True)
        play.client(query(b"a"))
        self.assertEqual(play.database(WELCOME + ready() + NOTICE), WELCOME + ready())
        self.assertEqual(play.actions, [(UNKNOWN_SERVER,), (query(b"a"), NOTICE)])
        self.assertEqual(play.taken(), ["Carry", "Copy"])

    def test_nobody_else_takes_it_off(self):
        self.assertEqual(start().database(ANNOUNCED), ANNOUNCED)


class LettingIn(Case):
    """The database lets a client in; the host decides before the client is told (AU-7)."""

    def begin(self):
        play = start(mediator=PassThrough(AuthenticationPolicy(database_tls=True)))
        play.session.user, play.session.database = b"ann", b"shop"
        return play

    def ours(self, binding):
        """A login of a client that has proven itself before."""
        play = Getting()
        keys = keys_of(salted(b"secret", b"salt", 1))
        proof = Proof(b"ann", keys.client, verifier_of(keys, b"salt", 1), b"v=ours")
        policy = ChallengePolicy(bytes(32), lambda: b"nonce", database_binding=binding)
        play.options["mediator"] = KeyLogin(play.session, policy, proof, True, True, b"hash")
        return play.start()

    def asks(self, kind):
        rest = {5: b"salt", 10: b"SCRAM-SHA-256\0\0"}.get(kind, b"")
        return message(b"R", kind.to_bytes(4, "big") + rest)

    def test_a_database_that_has_asked_has_a_proof(self):
        for kind in (3, 5, 7, 9, 10):
            play = self.begin()
            play.database(self.asks(kind))
            play.client(PASSWORD)
            self.assertEqual(play.actions, [])
            proven, write = play.until.feed(DATABASE, WELCOME)
            self.assertEqual(proven, Proven(b"ann", "database", False, b"shop"), kind)
            self.assertEqual(write, Write(CLIENT, WELCOME))

    def test_a_database_that_trusts_its_clients_has_none(self):
        admitted, write = self.begin().until.feed(DATABASE, WELCOME)
        self.assertEqual((admitted, write), (Admitted(b"shop"), Write(CLIENT, WELCOME)))

    def test_what_continues_a_proof_begins_none(self):
        play = self.begin()
        for kind in (8, 11, 12):
            play.database(message(b"R", kind.to_bytes(4, "big")))
        self.assertEqual(play.until.feed(DATABASE, WELCOME)[0], Admitted(b"shop"))

    def test_it_is_said_once_and_before_anything_else_of_a_step(self):
        play = self.begin()
        actions = play.until.feed(DATABASE, self.asks(3) + WELCOME + STATUS + KEY)
        self.assertEqual([type(action) for action in actions], [Proven, Write, Cancellable])

    def test_behind_it_there_is_no_authentication(self):
        for message_ in (WELCOME, self.asks(10)):
            play = self.begin()
            self.assertEqual(play.database(WELCOME + STATUS + message_), WELCOME + STATUS)
            self.assertEqual(play.actions.pop(0), Admitted(b"shop"))
            self.assertEqual(self.assert_fails(play).side, "database")

    def test_nothing_of_a_session_comes_before_it(self):
        for asked in (b"", self.asks(10)):
            for early in (ready(), STATUS, KEY, NOTICE):
                play = self.begin()
                self.assertEqual(play.database(asked + early + WELCOME), asked)
                self.assertEqual(self.assert_fails(play).side, "database")
                self.assertEqual(play.session.parameters, {})

    def test_a_database_that_has_not_let_a_proven_client_in_makes_no_session(self):
        for asked in (b"", backend.encode_sasl([PLUS, PLAIN])):
            play = self.ours("require")
            self.assertEqual(play.database(asked + STATUS + ready()), b"")
            self.assertEqual(self.assert_fails(play).side, "database")
            self.assertFalse(play.session.ready)

    def test_a_login_of_ours_that_fails_is_told_of_once(self):
        for sqlstate, told in (
            (b"28000", [events.BINDING_REFUSED]),
            (b"28P01", [events.LOGIN_REFUSED]),
        ):
            play = self.ours("prefer")
            play.database(backend.encode_sasl([PLUS, PLAIN]))
            challenge = b"r=nonce+,s=c2FsdA==,i=1"
            play.database(backend.encode_authentication(backend.AUTH_SASL_CONTINUE, challenge))
            play.database(backend.encode_error(b"FATAL", sqlstate, "no"))
            self.assertEqual([code for code, _ in play.session.observer.events], told)
            self.assertTrue(play.session.refused)

    def test_a_ready_session_has_no_memory_of_it(self):
        mediator = Mediating()
        play = start(mediator=mediator)
        known = weakref.ref(mediator)
        play.options.clear()
        del mediator
        play.database(WELCOME)
        self.assertIsNotNone(known())
        play.database(ready())
        self.assertIsNone(known())

    def test_nobody_is_let_in_by_an_error(self):
        play = self.begin()
        play.database(self.asks(3) + backend.encode_error(b"FATAL", b"28P01", "no"))
        self.assertEqual(play.actions, [])


class Stages(Case):
    def test_texts_are_judged_and_what_is_no_text_is_not(self):
        seen = []

        def judge(work):
            self.assertEqual((work.kind, work.exchange.kind), (MESSAGES, "startup"))
            seen.append(bytes(work.item.cells(0)[0]))
            return PASS

        play = start(judge, judges=True)
        error = backend.encode_error(b"FATAL", b"53300", "full")
        data = WELCOME + STATUS + NOTICE + KEY + error
        self.assertEqual(play.database(data), data)
        self.assertEqual(seen, [STATUS[5:], NOTICE[5:], error[5:]])

    def test_a_text_that_is_refused_is_left_out_and_its_meaning_holds(self):
        play = start(lambda work: Deny(text="no"), judges=True)
        self.assertEqual(play.database(WELCOME + STATUS + NOTICE), WELCOME)
        self.assertFalse(play.session.conforming)
        said = play.database(backend.encode_error(b"FATAL", b"28P01", "secret"))
        self.assertEqual(types(said), "E")
        self.assertNotIn(b"secret", said)
        self.assertEqual(play.exchange.status_code, "28P01")

    def test_behind_one_that_is_being_judged_everything_waits(self):
        until = start(judges=True).until
        (ask,) = until.feed(DATABASE, NOTICE + WELCOME)
        self.assertIsInstance(ask, Ask)
        self.assertEqual(until.feed(DATABASE, NOTICE), [])
        self.assertEqual(until.feed(CLIENT, PASSWORD), [Write(DATABASE, PASSWORD)])
        write, ask = until.answered(PASS)
        self.assertEqual(write, Write(CLIENT, NOTICE + WELCOME))
        self.assertEqual(until.answered(PASS), [Write(CLIENT, NOTICE)])


class Hostile(Case):
    @given(st.lists(st.tuples(st.sampled_from((CLIENT, DATABASE)), st.binary(max_size=60))))
    def test_any_bytes_of_either_side_fail_in_one_way(self, said):
        for judges in (False, True):
            play = start(
                judges=judges,
                mediator=PassThrough(AuthenticationPolicy(True, True)),
                unknown=[b"_pq_.x"],
            )
            for leg, data in said:
                (play.client if leg == CLIENT else play.database)(data)
            for action in play.actions:
                if isinstance(action, Fail):
                    self.assertIsInstance(action.error, WireError)

    @given(st.data(), st.integers(1, 40))
    def test_fr5_any_split_of_a_login_gives_the_same(self, data, size):
        parts = st.sampled_from((WELCOME, STATUS, NOTICE, KEY, ready(), b"R\0", ANNOUNCED))
        said = b"".join(data.draw(st.lists(parts, max_size=6)))
        whole, split = start(), start()
        whole.database(said)
        for at in range(0, len(said), size):
            split.database(said[at : at + size])
        self.assertEqual(split.to_client, whole.to_client)
        self.assertEqual(split.taken()[-1:], whole.taken()[-1:])
