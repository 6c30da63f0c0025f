"""The service's own connection: its login, its question, and databases that misbehave."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyClass

from acra_twisted.dialectinterfaces import IServiceQuery
from acra_twisted.dialects.postgresql import servicequery
from acra_twisted.dialects.postgresql.servicequery import Account, ServiceQuery
from acra_twisted.errors import HandshakeError, WireError
from acra_twisted.queryactions import Answered, Derive, LoggedIn, Names, Refused, Send
from acra_twisted.wire import scram
from acra_twisted.wire.postgres import backend
from acra_twisted.wire.postgres.frames import message
from tests.support.serviceserver import (
    OK,
    WELCOME,
    Server,
    answer,
    description,
    end,
    refusal,
    row,
    verifier,
)

STATEMENT = b"select rolname, secret from acra_auth.lookup($1)"
ACCOUNT = Account(b"acra_service", STATEMENT, b"secret")


class Base(SynchronousTestCase):
    account = ACCOUNT

    def setUp(self):
        self.query = ServiceQuery(self.account, b"our-nonce")
        self.done = []

    def run_with(self, server, actions, pieces=None):
        """Carry actions out against a server until there are no more; others are noted."""
        waiting = list(actions)
        while waiting:
            action = waiting.pop(0)
            if isinstance(action, Send):
                reply = server.reply(action.data)
                size = pieces or len(reply)
                for at in range(0, len(reply), size):
                    waiting += self.query.feed(reply[at : at + size])
            elif isinstance(action, Derive):
                waiting += self.query.derived(scram.salted(*action))
            else:
                self.done.append(action)

    def log_in(self, server=None, encrypted=False, end_point=None, pieces=None):
        server = server or Server()
        self.run_with(server, self.query.begin(encrypted, end_point), pieces)
        return server

    def refused(self, data):
        """Return the text of the error that the machine raises for bytes."""
        error = self.assertRaises((HandshakeError, WireError), self.query.feed, data)
        return str(error)


class Logins(Base):
    def test_the_contract(self):
        verifyClass(IServiceQuery, ServiceQuery)

    def test_nothing_but_what_the_connection_needs_is_said(self):
        server = self.log_in()
        self.assertEqual(self.done, [LoggedIn()])
        self.assertEqual(
            server.startup,
            {
                b"user": b"acra_service",
                b"application_name": b"acra-auth",
                b"search_path": b"",
                b"statement_timeout": b"2000",
            },
        )
        self.query = ServiceQuery(ACCOUNT._replace(database=b"shop", timeout=0.5), b"our-nonce")
        startup = self.log_in().startup
        self.assertEqual((startup[b"database"], startup[b"statement_timeout"]), (b"shop", b"500"))

    def test_with_tls_the_login_is_bound(self):
        server = self.log_in(Server(end_point=b"hash"), True, b"hash")
        self.assertEqual((self.done, server.mechanism), ([LoggedIn()], scram.PLUS))
        self.assertTrue(server.conversation.bound)

    def test_somebody_between_with_another_certificate_is_noticed(self):
        login = (Server(end_point=b"hash"), True, b"another hash")
        self.assertRaises(scram.ScramError, self.log_in, *login)

    def test_a_role_that_a_certificate_proves_needs_no_password(self):
        self.query = ServiceQuery(ACCOUNT._replace(password=b""), b"our-nonce")
        self.query.begin(True, b"hash")
        self.assertEqual(self.query.feed(WELCOME), [LoggedIn()])

    def test_a_wrong_password(self):
        error = self.assertRaises(HandshakeError, self.log_in, Server(password=b"other"))
        self.assertIn("auth_query_password_file", str(error))

    @given(st.integers(1, 40))
    def test_messages_in_any_pieces(self, pieces):
        self.setUp()
        server = self.log_in(Server(users={b"alice": b"x"}), pieces=pieces)
        self.run_with(server, self.query.ask(b"alice"), pieces)
        self.assertEqual(self.done, [LoggedIn(), Answered(((b"alice", b"x"),))])


class Hostile(Base):
    """Databases that want to learn something, or to keep this side busy."""

    def begin(self, account=ACCOUNT, encrypted=False):
        self.query = ServiceQuery(account, b"our-nonce")
        self.query.begin(encrypted, b"hash" if encrypted else None)

    def challenge(self, text):
        self.begin()
        self.query.feed(backend.encode_sasl([scram.PLAIN]))
        return message(b"R", b"\0\0\0\x0b" + text)

    def test_other_kinds_of_password_are_not_given(self):
        for kind in (3, 5, 7, 9, 11, 12):
            self.begin()
            self.assertIn(
                "scram-sha-256", self.refused(message(b"R", bytes((0, 0, 0, kind)) + b"salt"))
            )

    def test_nothing_is_given_where_there_is_no_password(self):
        self.begin(ACCOUNT._replace(password=b""))
        self.assertIn("auth_query_password_file", self.refused(backend.encode_sasl([scram.PLAIN])))

    def test_binding_is_not_given_up(self):
        required = ACCOUNT._replace(binding="require")
        for account, encrypted, said in (
            (required, True, backend.encode_sasl([scram.PLAIN])),
            (required, True, OK),
            (required, False, backend.encode_sasl([scram.PLAIN])),
            (ACCOUNT, False, backend.encode_sasl([scram.PLUS])),
            (ACCOUNT, True, backend.encode_sasl([b"SCRAM-SHA-1"])),
        ):
            self.begin(account, encrypted)
            self.assertTrue(self.refused(said))

    def test_another_nonce_or_a_challenge_that_is_none(self):
        for text in (b"r=other,s=c2FsdA==,i=1", b"r=our-nonce,s=c2FsdA==,i=1", b"", b"e=no"):
            self.assertTrue(self.refused(self.challenge(text)))

    def test_iterations_have_a_limit(self):
        for count, accepted in ((1_000_000, True), (1_000_001, False), (2**31, False)):
            said = self.challenge(b"r=our-nonceX,s=c2FsdA==,i=%d" % count)
            if accepted:
                [derive] = self.query.feed(said)
                self.assertEqual(derive, Derive(b"secret", b"salt", count))
                # It may ask once.
                self.assertTrue(self.refused(said))
            else:
                self.assertTrue(self.refused(said))

    def test_a_database_that_does_not_know_the_password(self):
        for proof in (b"v=" + b"A" * 43 + b"=", None):
            said = self.challenge(b"r=our-nonceX,s=c2FsdA==,i=1")
            self.query.feed(said)
            self.query.derived(scram.salted(b"secret", b"salt", 1))
            said = b"" if proof is None else message(b"R", b"\0\0\0\x0c" + proof)
            self.assertIn("has not proven", self.refused(said + OK))

    def test_nothing_is_proven_before_the_answer_is_sent(self):
        proof = message(b"R", b"\0\0\0\x0cv=")
        for iterations in (4096, 25_000):
            challenge = b"r=our-nonceX,s=AAAA,i=%d" % iterations
            said = self.challenge(challenge)
            self.assertTrue(self.refused(said + proof + WELCOME))
            # Nor in pieces, while the key is derived.
            for early in (proof, OK):
                said = self.challenge(challenge)
                self.query.feed(said)
                self.assertTrue(self.refused(early))

    def test_messages_have_a_limit(self):
        size = servicequery.LIMIT + 1
        self.begin()
        for kind in b"RENS":
            self.assertIn("limit", self.refused(bytes([kind]) + size.to_bytes(4, "big")))
            self.begin()

    def test_an_error_is_told_by_its_code_alone(self):
        for code, part in (
            (b"28P01", "28P01"),
            (b"53300", "no connection left"),
            (b"oh no", "an error"),
        ):
            self.begin()
            said = self.refused(backend.encode_error(b"FATAL", code, "hunter2"))
            self.assertIn(part, said)
            self.assertNotIn("hunter2", said)

    def test_other_logins_are_named_as_their_settings_are(self):
        names = Names("--user", "--password_file", "--database", "the question", "30 seconds", "")
        account = ACCOUNT._replace(names=names)
        for code, part in ((b"28P01", "--password_file"), (b"28000", "--user"),
                           (b"3D000", "--database"), (b"42501", "the question"),
                           (b"57014", "30 seconds"), (b"53300", "--user")):  # fmt: skip
            self.begin(account)
            said = self.refused(backend.encode_error(b"FATAL", code, "hunter2"))
            self.assertIn(part, said)
            self.assertNotIn("auth", said)
        for kind, asked in ((5, account), (10, account._replace(password=b""))):
            self.begin(asked)
            said = backend.encode_sasl([scram.PLAIN]) if kind == 10 else b""
            said = said or message(b"R", bytes((0, 0, 0, kind)) + b"salt")
            self.assertNotIn("auth_query", self.refused(said))

    @given(
        st.lists(
            st.one_of(
                st.tuples(st.sampled_from(list(b"REKZSNATDC12vW")), st.binary(max_size=30)),
                st.sampled_from([OK, WELCOME, answer((b"alice", b"x")), refusal(b"42501")]),
            ),
            max_size=8,
        ),
        st.booleans(),
    )
    def test_anything_is_read_or_refused(self, said, asks):
        self.begin()
        for each in said:
            data = each if isinstance(each, bytes) else message(bytes([each[0]]), each[1])
            try:
                actions = self.query.feed(data)
            except (HandshakeError, WireError):
                return
            if LoggedIn() in actions and asks:
                self.query.ask(b"alice")


class Questions(Base):
    def setUp(self):
        super().setUp()
        self.server = self.log_in()
        self.done.clear()

    def ask(self, reply, user=b"alice"):
        """Return what comes of a question that is answered so."""
        self.query.ask(user)
        [action] = self.query.feed(reply)
        return action

    def test_the_name_is_a_parameter_as_it_is(self):
        self.run_with(self.server, self.query.ask(b"a'; drop table x; --\xff"))
        self.assertEqual(self.done, [Answered(())])
        [sent] = self.server.asked
        self.assertEqual(sent[5:].split(b"\0")[1], STATEMENT)

    def test_answers(self):
        for rows in ((), ((b"alice", b"x"),), ((b"alice", None),), ((None, None),)):
            self.assertEqual(self.ask(answer(*rows)), Answered(rows))

    def test_notices_and_reports_stand_anywhere(self):
        aside = backend.encode_notice("hm") + backend.encode_parameter_status(b"a", b"b")
        self.assertEqual(self.query.feed(aside), [])
        whole = answer((b"alice", b"x"))
        split = whole.index(b"D")
        self.assertEqual(
            self.ask(aside + whole[:split] + aside + whole[split:]), Answered(((b"alice", b"x"),))
        )

    def test_two_rows_are_no_answer(self):
        refused = self.ask(answer((b"alice", b"x"), (b"alice", b"y")))
        self.assertIn("more than one row", refused.reason)

    def test_more_rows_where_they_are_wanted(self):
        self.query = ServiceQuery(ACCOUNT._replace(rows=3), b"our-nonce")
        self.log_in()
        rows = ((b"a", b"x"), (b"b", b"y"), (b"c", b"z"))
        self.assertEqual(self.ask(answer(*rows)), Answered(rows))
        self.assertIsInstance(self.ask(answer(*rows, (b"d", b"x"))), Refused)

    def test_other_columns(self):
        begin = message(b"1", b"") + message(b"2", b"")
        for names in ((b"secret",), (b"a", b"b", b"c")):
            reply = begin + description(*names) + row(*names) + end(b"SELECT 1")
            self.assertIn(f"{len(names)} columns", self.ask(reply).reason)

    def test_errors_have_a_remedy_and_no_text(self):
        for code, part in (
            (b"42501", "acra-auth sql"),
            (b"42883", "does not exist"),
            (b"XX000", "log"),
        ):
            refused = self.ask(refusal(code))
            self.assertIn(part, refused.reason)
            self.assertIn(code.decode(), refused.reason)
            self.assertNotIn("hunter2", refused.reason)
        self.assertEqual(self.ask(answer()), Answered(()))

    def test_a_name_that_the_database_cannot_have(self):
        for code in (b"22021", b"22P05"):
            self.assertEqual(self.ask(refusal(code)), Answered(()))

    def test_an_answer_out_of_order_ends_the_connection(self):
        ready = backend.encode_ready(b"I")
        for reply in (
            ready,
            row(b"alice", b"x"),
            message(b"1", b"") + description(b"a", b"b"),
            message(b"1", b"") + message(b"2", b"") + message(b"n", b""),
            answer()[:-6] + row(b"alice", b"x"),
            message(b"1", b"") + message(b"2", b"") + description(b"a", b"b") + ready,
        ):
            self.setUp()
            self.query.ask(b"alice")
            self.assertTrue(self.refused(reply))

    def test_rows_that_cannot_be_read(self):
        begin = message(b"1", b"") + message(b"2", b"") + description(b"a", b"b")
        for body in (b"", b"\0\1\0\0\0\0", b"\0\2", b"\0\2\0\0\0\5abc", row(b"a", b"b")[5:] + b"x"):
            self.setUp()
            self.query.ask(b"alice")
            self.assertTrue(self.refused(begin + message(b"D", body)))

    def test_the_database_says_goodbye(self):
        self.assertIn("57P01", self.refused(backend.encode_error(b"FATAL", b"57P01", "shutdown")))

    def test_an_answer_that_nobody_asked_for(self):
        self.assertTrue(self.refused(answer((b"alice", b"x"))))


class Verifiers(SynchronousTestCase):
    def test_the_password_is_prepared_as_the_database_prepares_it(self):
        query = ServiceQuery(ACCOUNT._replace(password="pass\u00a0word".encode()), b"our-nonce")
        query.begin(False, None)
        query.feed(backend.encode_sasl([scram.PLAIN]))
        [derive] = query.feed(message(b"R", b"\0\0\0\x0br=our-nonceX,s=c2FsdHk=,i=1"))
        self.assertEqual(
            scram.verifier_of(scram.keys_of(scram.salted(*derive)), b"salty", 1),
            verifier(b"pass word"),
        )
