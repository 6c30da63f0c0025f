"""A client's login to AcraServer."""

import gc
import sys
from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from acra_twisted.dialects.postgresql import hashchallenge
from acra_twisted.dialects.postgresql.challenge import ChallengePolicy
from acra_twisted.dialects.postgresql.servedlogin import ServedLogin, ServePolicy
from acra_twisted.dialects.postgresql.sessions import Sessions
from acra_twisted.dialects.postgresql.startup import ALLOWED_PARAMETERS, StartupPolicy
from acra_twisted.endreason import EndReason
from acra_twisted.errors import HandshakeError, WireError
from acra_twisted.loginactions import (
    CLIENT,
    ERRAND,
    SESSION,
    Derive,
    LookUp,
    Proven,
    Ready,
    StartTLS,
    Unproven,
)
from acra_twisted.lookup import Found
from acra_twisted.wire.postgres.backend import encode_authentication, encode_error
from acra_twisted.wire.postgres.frames import (
    SPANS_OFFERED_PACKET,
    SSL_REQUEST_PACKET,
    CancelRequest,
    StartupPacket,
    message,
)
from acra_twisted.wire.scram import (
    BINDS,
    CANNOT,
    PLUS,
    Choice,
    ClientConversation,
    Keys,
    ServerConversation,
    keys_of,
    read_verifier,
    salted,
)
from acra_twisted.wire.scram import (
    PLAIN as SCRAM,
)
from acra_twisted.wire.scramkeys import encode_keys
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
from tests.support.loginvectors import group
from tests.support.sessions import messages, query, ready, types

PIPELINE = SimpleNamespace(
    inspects=frozenset(), results=None, loads=None, looks_at=None, judges=None
)
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
        self.assertFalse(play.session.proven)
        self.assertEqual(play.taken(), ["Connect", "Admitted", "Cancellable", "Ready"])
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

    def test_a_database_that_is_reached_too_late_is_told_nothing(self):
        for said in (STARTUP, CANCELS):
            play = served()
            play.client(said)
            play.perform(play.login.refuse(EndReason.SHUTDOWN, "going"))
            self.assertEqual(types(play.to_client), "E")
            self.assertEqual(play.login.connected(False), [])

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
            play = served(PLAIN._replace(tls="allow"))
            play.login.follows()
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


SECRET = group("conversations")["verifier"].encode()
VERIFIER = read_verifier(SECRET)
KEYS = keys_of(salted(b"secret", VERIFIER.salt, VERIFIER.iterations))
OURS, DATABASES = b"the hash of our certificate", b"the hash of the database's"
KEY = message(b"K", b"\0\0\0\1key!")
ALLOWED = PLAIN._replace(tls="allow")


class EndedCase(LoginCase):
    """Plays clients that are asked here who they are."""

    def begin(self, startup=STARTUP, end_point=OURS, found=None, **policy):
        challenge = ChallengePolicy(bytes(32), lambda: b"nonce", **policy)
        play = self.play = served(ALLOWED, challenge=challenge)
        if end_point is not None:
            play.client(SSL_REQUEST_PACKET)
            play.perform(play.login.tls_started(CLIENT, None, end_point))
            play.got[CLIENT] = b""
        play.actions.clear()
        play.client(startup)
        return play

    def asked(self, **options):
        play = self.begin(**options)
        play.actions.clear()
        play.perform(play.login.looked_up(Found(SECRET, "file")))
        return play

    def prove(self, play, keys=KEYS, choice=None):
        """Play a client that has keys."""
        client = ClientConversation(choice or Choice(PLUS, BINDS, OURS), b"client")
        first = client.first
        mechanism = client._choice.mechanism
        said = play.client_is_told(
            message(b"p", mechanism + b"\0" + len(first).to_bytes(4, "big") + first)
        )
        client.challenged(messages(said)[-1][1][4:])
        play.client(message(b"p", client.answer(keys)))
        return client

    def connect(self, play, encrypted=True):
        """The database is there; returned is its side of the conversation, which has begun."""
        play.perform(play.login.connected(encrypted, False, DATABASES if encrypted else None))
        offered = [PLUS, SCRAM] if encrypted else [SCRAM]
        names = b"".join(name + b"\0" for name in offered) + b"\0"
        said = play.database_is_told(encode_authentication(10, names))
        mechanism, _, rest = messages(said)[-1][1].partition(b"\0")
        database = ServerConversation(
            VERIFIER, b"database", offered, DATABASES if encrypted else None
        )
        answer = database.begin(mechanism, rest[4:])
        said = play.database_is_told(encode_authentication(11, answer))
        self.assertEqual(database.finish(messages(said)[-1][1]), KEYS.client)
        return database


class Ended(EndedCase):
    def test_a_session(self):
        for encrypted in (True, False):
            play = self.begin()
            self.assertEqual(play.actions, [LookUp(b"ann", b"ann")])
            play.actions.clear()
            play.perform(play.login.looked_up(Found(SECRET, "file")))
            client = self.prove(play)
            proven, connect = play.actions
            self.assertEqual(proven, Proven(b"ann", "scram", True))
            self.assertEqual(connect, (SESSION, StartupPacket(0, {b"user": b"ann"}), STARTUP))
            told = len(play.to_client)
            database = self.connect(play, encrypted)
            self.assertEqual(database.bound, encrypted)
            play.database(encode_authentication(12, database.last))
            self.assertEqual(len(play.to_client), told)
            play.database(WELCOME + KEY + ready())
            (last, *others) = messages(play.to_client[told:])
            self.assertTrue(client.accepted(last[1][4:]))
            self.assertEqual([kind for kind, _ in others], ["R", "K", "Z"])

    def test_ten_thousand_leave_nothing_behind(self):
        """Right and wrong ones; the right ones become sessions, which go."""

        def many(count):
            for number in range(count):
                play = self.asked()
                self.prove(play, KEYS if number % 5 else Keys(bytes(32), KEYS.server))
                if number % 5:
                    database = self.connect(play)
                    play.database(encode_authentication(12, database.last))
                    play.database(WELCOME + KEY + ready())
                    self.assertIs(type(play.actions[-1]), Ready)
            self.play = None
            gc.collect()
            return sys.getallocatedblocks()

        # The first ones fill bounded tables.
        before = many(2_000)
        self.assertLess(many(10_000) - before, 200)

    def test_the_key_is_dropped(self):
        play = self.asked()
        self.prove(play)
        self.assertEqual(play.login._proof.client_key, KEYS.client)
        self.connect(play)
        self.assertIsNone(play.login._proof)
        self.assertIsNone(play.login._challenge)
        self.assertIsNone(play.login._until._mediator._proof)

    def test_versions_are_settled_before_the_question(self):
        startup = StartupPacket(9999, {b"user": b"ann", b"_pq_.x": b"1"})
        play = self.asked(startup=startup.encode())
        self.assertEqual(types(play.to_client), "vR")
        self.prove(play)
        play.perform(play.login.connected(False))
        play.database(message(b"v", bytes(8)) + WELCOME + KEY + ready())
        self.assertEqual(types(play.to_client), "vRRRRKZ")

    def test_nobody_is_connected_who_has_not_proven_it(self):
        for keys in (Keys(bytes(32), VERIFIER.server_key), keys_of(bytes(32))):
            play = self.asked()
            self.prove(play, keys)
            (failed,) = play.actions
            self.assertEqual(failed.result, "password")
            self.assertIn(b"C28P01", failed.error)
            self.assertEqual(play.client(PASSWORD), b"")
            self.assertEqual(play.actions, [failed])

    def test_no_tls_no_binding(self):
        play = self.asked(end_point=None)
        self.assertEqual(messages(play.to_client), [("R", b"\0\0\0\nSCRAM-SHA-256\0\0")])
        self.prove(play, choice=Choice(SCRAM, CANNOT))
        self.assertEqual(play.actions[0], Proven(b"ann", "scram", False))

    def test_binding_may_be_required(self):
        play = self.begin(end_point=None, requires_binding=True)
        fail = self.assert_fails(play, WireError)
        self.assertEqual(fail.error.reason, EndReason.LOGIN)
        play = self.asked(requires_binding=True)
        self.assertNotIn(b"SCRAM-SHA-256\0", play.to_client)
        self.prove(play)
        self.assertEqual(play.actions[0], Proven(b"ann", "scram", True))

    def test_requests_behind_the_startup_packet_are_no_answer(self):
        play = self.begin(startup=STARTUP + query(b"SELECT 1"))
        self.assertEqual(play.actions, [LookUp(b"ann", b"ann")])
        play.perform(play.login.looked_up(Found(SECRET)))
        failed = play.actions[-1]
        self.assertIsInstance(failed, Unproven)
        self.assertIn(b"expected SASL response, got message type 81", failed.error)

    def test_requests_behind_the_proof_wait_for_the_session(self):
        play = self.asked()
        self.prove(play)
        play.client(query(b"SELECT 1"))
        database = self.connect(play)
        self.assertNotIn(b"SELECT", play.to_database)
        play.database(encode_authentication(12, database.last) + WELCOME + KEY + ready())
        self.assertEqual(play.actions[-1].from_client, query(b"SELECT 1"))

    def test_there_is_a_limit_before_the_database_is_there(self):
        play = self.begin(startup=STARTUP + bytes(17_000))
        self.assert_fails(play)
        play = self.asked()
        self.prove(play)
        play.actions.clear()
        play.client(query(b"x" * 17_000))
        self.assert_fails(play)

    def test_the_databases_refusal_is_the_clients(self):
        play = self.asked()
        self.prove(play)
        self.connect(play)
        told = play.database(encode_error(b"FATAL", b"28P01", "no"))
        self.assertEqual(told, encode_error(b"FATAL", b"28P01", "no"))
        self.assertEqual(play.taken()[-1], "Stale")

    def test_a_client_that_is_given_up_meanwhile(self):
        play = self.begin()
        play.perform(play.login.refuse(EndReason.SHUTDOWN, "bye"))
        self.assertIn(b"C57P01", play.to_client)
        self.assertEqual(play.login.looked_up(Found(SECRET)), [])

    @given(CHUNKS, st.booleans())
    def test_whatever_comes(self, said, known):
        play = self.begin(startup=b"")
        play.actions.clear()
        play.perform(play.login.looked_up(Found(SECRET)))
        for leg, data in said:
            play.perform(play.login.feed(leg, data))
            if type(play.actions[-1:][0] if play.actions else None) is LookUp:
                play.actions.clear()
                play.perform(play.login.looked_up(Found(SECRET if known else None)))
        self.assertNotIn("Proven", play.taken())
        self.assertNotIn("Ready", play.taken())


class OtherWays(EndedCase):
    """Clients whose proof is another than SCRAM."""

    def found(self, secret, end_point=OURS, **policy):
        """Play a client up to the answer to its LookUp; returned is what it is told."""
        play = self.begin(end_point=end_point, **policy)
        play.actions.clear()
        before = len(play.to_client)
        play.perform(play.login.looked_up(Found(secret, "file")))
        return play, play.to_client[before:]

    def test_a_certificate_proves_it_and_its_keys_log_in(self):
        for keys, encrypted in ((b"", True), (encode_keys(KEYS, b"salt", 4096), True)):
            play, said = self.found(keys, by_certificate=True)
            self.assertEqual(said, b"")
            proven, connect = play.actions
            self.assertEqual(proven, Proven(b"ann", "certificate", True))
            self.assertEqual(connect[0], SESSION)
            play.perform(play.login.connected(encrypted, False, DATABASES))
            if keys:
                offer = encode_authentication(10, SCRAM + b"\0\0")
                self.assertEqual(types(play.database_is_told(offer)), "p")
            else:
                self.assertEqual(play.database(WELCOME), WELCOME)
                self.assertEqual(types(play.database(ready())), "Z")
            self.assertTrue(play.session.proven)

    def test_a_login_that_nothing_can_bind_is_refused_where_it_must_be_bound(self):
        play, _ = self.found(b"", by_certificate=True, database_binding="require")
        play.perform(play.login.connected(True, False, DATABASES))
        self.assertEqual(play.database(WELCOME), b"")
        self.assertIn("channel binding", str(self.assert_fails(play).error))

    def test_a_client_without_tls_shows_no_certificate(self):
        play = self.begin(end_point=None, by_certificate=True)
        self.assertIn("certificate", str(self.assert_fails(play).error))

    def test_a_certificate_that_proves_another_user(self):
        play, said = self.found(None, by_certificate=True)
        (failed,) = play.actions
        self.assertEqual((failed.result, failed.method), ("unknown", "certificate"))
        self.assertEqual((said, play.client(query(b"select 1"))), (b"", b""))

    def test_a_hash_is_used_only_where_that_is_switched_on(self):
        secret = b"md5" + b"0" * 32
        play, said = self.found(secret)
        self.assertEqual(messages(said)[0][1][:4], (10).to_bytes(4, "big"))
        play, said = self.found(secret, with_hashes=True, salt=lambda: b"salt")
        self.assertEqual(said, encode_authentication(5, b"salt"))
        answer = message(b"p", hashchallenge.answer(secret, b"salt") + b"\0")
        play.client(answer)
        self.assertEqual(play.actions[0], Proven(b"ann", "md5", False))
        play.perform(play.login.connected(True, False, DATABASES))
        self.assertTrue(play.session.proven)
        asked = play.database_is_told(encode_authentication(5, b"else"))
        self.assertEqual(asked, message(b"p", hashchallenge.answer(secret, b"else") + b"\0"))
        self.assertEqual(play.database(WELCOME), WELCOME)

    def test_a_wrong_hash_is_a_wrong_password(self):
        play, _ = self.found(b"md5" + b"0" * 32, with_hashes=True)
        play.client(message(b"p", b"md5" + b"1" * 32 + b"\0"))
        (failed,) = play.actions
        self.assertEqual((failed.result, failed.method), ("password", "md5"))
        self.assertIn(b"28P01", failed.error)

    def test_a_password_in_clear_is_derived_and_logs_in_by_scram(self):
        play, said = self.found(SECRET, in_clear=frozenset((b"ann",)))
        self.assertEqual(said, encode_authentication(3))
        play.client(message(b"p", b"secret\0"))
        (wanted,) = play.actions
        self.assertEqual(wanted, Derive(b"secret", VERIFIER.salt, VERIFIER.iterations))
        play.actions.clear()
        play.perform(play.login.derived(salted(*wanted)))
        self.assertEqual(play.actions[0], Proven(b"ann", "cleartext", False))
        database = self.connect(play)
        play.database(encode_authentication(12, database.last))
        self.assertEqual(play.database(WELCOME), WELCOME)

    def test_a_wrong_password_in_clear(self):
        play, _ = self.found(SECRET, in_clear=frozenset((b"ann",)))
        play.client(message(b"p", b"wrong\0"))
        play.actions.clear()
        play.perform(play.login.derived(bytes(32)))
        (failed,) = play.actions
        self.assertEqual((failed.result, failed.method), ("password", "cleartext"))
        self.assertEqual(play.login.derived(bytes(32)), [])

    def test_au5_nobody_is_asked_for_a_password_in_clear_where_others_may_read_it(self):
        for policy, kind in (({}, 10), ({"exposed": False}, 3)):
            _, said = self.found(SECRET, None, in_clear=frozenset((b"ann",)), **policy)
            self.assertEqual(messages(said)[0][1][:4], kind.to_bytes(4, "big"))
        _, said = self.found(SECRET, in_clear=frozenset((b"bob",)))
        self.assertEqual(messages(said)[0][1][:4], (10).to_bytes(4, "big"))

    def test_a_user_without_a_secret_is_asked_by_the_database_where_that_is_switched_on(self):
        play, said = self.found(None, passes_unknown=True)
        self.assertEqual((said, play.taken()), (b"", ["Connect"]))
        play.perform(play.login.connected(False))
        question = encode_authentication(3)
        self.assertEqual(play.database(question), question)
        self.assertEqual(play.client(PASSWORD), PASSWORD)

    def test_a_user_as_whom_nobody_may_come_in_is_asked_in_vain(self):
        play = self.begin(passes_unknown=True)
        play.actions.clear()
        play.perform(play.login.looked_up(Found(None, barred=True)))
        self.assertEqual((play.taken(), types(play.to_client)), ([], "R"))
        self.prove(play)
        self.assertEqual(play.actions[0].result, "unknown")

    def test_where_binding_is_required_nobody_is_asked_without(self):
        hashed = b"md5" + b"0" * 32
        for secret, policy in (
            (SECRET, {"in_clear": frozenset((b"ann",))}),
            (hashed, {"with_hashes": True}),
            (None, {"passes_unknown": True}),
        ):
            play, said = self.found(secret, requires_binding=True, **policy)
            self.assertEqual(said, encode_authentication(10, PLUS + b"\0\0"))
            self.assertEqual(play.taken(), [])

    def test_a_source_that_is_away_is_no_reason_to_ask_the_database(self):
        play = self.begin(passes_unknown=True)
        play.actions.clear()
        play.perform(play.login.looked_up(Found(None, away=True)))
        self.assertEqual(play.taken(), [])
        self.assertEqual(types(play.to_client), "R")

    def test_au5_a_token_passes_over_tls_alone(self):
        offer = encode_authentication(10, b"OAUTHBEARER\0\0")
        for tls, expected in ((False, b""), (True, offer)):
            play = served(ALLOWED, exposed=True)
            if tls:
                play.client(SSL_REQUEST_PACKET)
                play.perform(play.login.tls_started(CLIENT, None, OURS))
            play.client(STARTUP)
            play.perform(play.login.connected(True, False, DATABASES))
            play.got[CLIENT] = b""
            self.assertEqual(play.database(offer), expected)

    def test_nobody_is_derived_who_was_not_asked(self):
        self.assertEqual(self.asked().login.derived(bytes(32)), [])
        self.assertEqual(served().login.derived(bytes(32)), [])
