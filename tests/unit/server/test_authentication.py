"""Actions of a login that asks who its client is, over a client's leg in memory."""

from types import SimpleNamespace

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.logger import Logger
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events
from acra_twisted.authentication.clientidmap import YES, ClientIdMap, LoginFacts
from acra_twisted.authentication.limits import LoginLimits
from acra_twisted.endreason import EndReason
from acra_twisted.loginactions import Admitted, Derive, LookUp, Proven, Stale, Unproven
from acra_twisted.lookup import Found
from acra_twisted.server.authentication import Authentication
from tests.support.sessions import FakeChannel, make_session

FOUND = Found(b"a secret", "file")


class Credentials:
    """Answers as it is told to, and remembers what it was asked."""

    def __init__(self, answer):
        self.answer = answer
        self.asked, self.forgotten, self.doubted = [], [], []

    def look_up(self, user):
        self.asked.append(user)
        return self.answer

    def wrong(self, user):
        self.doubted.append(user)

    def stale(self, user):
        self.forgotten.append(user)


class Client(FakeChannel):
    """A client's leg that keeps events and farewells, and what is known of it."""

    address, span, session = "192.0.2.1", None, None
    certificate = b"a certificate"
    facts = LoginFacts(address="10.1.2.3", link="conn_1", tls=YES, protocol="postgresql")

    def __init__(self):
        super().__init__()
        self.events, self.farewells, self.refused = [], [], []
        self.turn_away = self.refused.append
        self.client_id, self.line, self.secret_of = "an application", 0, b""

    def identified(self, client_id, line=0):
        self.client_id, self.line = client_id, line

    def event(self, code, text, **fields):
        self.events.append(code)

    def farewell(self, reason, text):
        self.farewells.append(reason)


class Case(SynchronousTestCase):
    def setUp(self):
        self.clock = Clock()

    def in_thread(self, function, *arguments):
        self.thread, self.result = (function, arguments), Deferred()
        return self.result

    def make(self, answer=FOUND, full=False, rules=None):
        self.credentials = Credentials(answer)
        server = self.server = SimpleNamespace(
            credentials=self.credentials,
            log=Logger(),
            client_ids=None if rules is None else ClientIdMap.read(rules, "map"),
            connections=SimpleNamespace(is_full=full),
            reactor=self.clock,
            handshake_timeout=10.0,
            login_limits=LoginLimits(self.clock.seconds, lambda: 0.5, of_all=1),
            counts=SimpleNamespace(login=lambda *labels: None),
            certificates=None,
            in_thread=self.in_thread,
        )
        self.client, self.found = Client(), []
        self.refused = self.client.refused
        self.derived = []
        login = SimpleNamespace(looked_up=self.found.append, derived=self.derived.append)
        self.authentication = Authentication(server, self.client, lambda: login)
        return self.authentication

    def perform(self, action):
        self.authentication.actions[type(action)](action)


class Logins(Case):
    def test_an_answer_at_once(self):
        self.make()
        self.perform(LookUp(b"ann"))
        self.assertEqual((self.credentials.asked, self.found), ([b"ann"], [FOUND]))

    def test_an_answer_that_takes_its_time(self):
        answer = Deferred()
        self.make(answer)
        self.perform(LookUp(b"ann"))
        self.assertEqual(self.found, [])
        answer.callback(FOUND)
        self.assertEqual(self.found, [FOUND])

    def test_nobody_waits_for_a_client_that_is_gone(self):
        told = []
        self.make(Deferred(told.append))
        self.perform(LookUp(b"ann"))
        self.authentication.stop()
        self.assertEqual((len(told), self.found, self.client.state), (1, [], "open"))
        self.assertEqual(self.flushLoggedErrors(CancelledError), [])
        self.authentication.stop()
        self.assertEqual(len(told), 1)

    def test_a_client_whose_answer_may_not_wait_is_turned_away(self):
        self.make()
        for _ in range(20):
            self.server.login_limits.failed("192.0.2.1", b"ann")
        self.perform(LookUp(b"ann"))
        for _ in range(16):
            self.server.login_limits.waits("192.0.2.1", b"ann")
        self.perform(Unproven("password", b"an error", "scram", False))
        self.assertEqual(self.client.farewells, [EndReason.TOO_MANY])
        self.clock.advance(10)
        self.assertEqual(self.client.data, b"")

    def test_a_password_is_salted_in_a_thread(self):
        self.make()
        self.perform(Derive(b"a password", b"salt", 4096))
        function, arguments = self.thread
        self.assertEqual(arguments, (b"a password", b"salt", 4096))
        self.assertEqual(self.derived, [])
        self.result.callback(function(b"a password", b"salt", 1))
        self.assertEqual([len(found) for found in self.derived], [32])

    def test_a_password_of_a_client_that_is_gone_is_nobodys(self):
        self.make()
        self.perform(Derive(b"a password", b"salt", 4096))
        self.authentication.stop()
        self.assertEqual(self.derived, [])

    def test_certificates_are_looked_at_where_they_prove_users(self):
        self.make()
        asked = []

        def look_up(user, certificate):
            asked.append((user, certificate))
            return FOUND

        self.server.certificates = SimpleNamespace(look_up=look_up)
        self.perform(LookUp(b"ann"))
        self.assertEqual((asked, self.found), ([(b"ann", b"a certificate")], [FOUND]))
        self.assertEqual(self.credentials.asked, [])
        self.perform(Stale(b"ann"))
        self.assertEqual(self.client.events, [events.SECRET_OUTDATED])

    def test_a_source_that_fails_lets_nobody_in(self):
        answer = Deferred()
        self.make(answer)
        self.perform(LookUp(b"ann"))
        answer.errback(ZeroDivisionError())
        self.assertEqual((self.found, self.client.state), ([], "aborted"))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_an_answer_that_cannot_be_used_lets_nobody_in(self):
        answer = Deferred()
        self.make(answer)
        self.perform(LookUp(b"ann"))
        answer.callback("no answer that is known")
        self.assertEqual((self.found, self.client.state), ([], "aborted"))
        self.assertEqual(len(self.flushLoggedErrors(AttributeError, TypeError)), 1)

    def test_who_has_failed_is_told_and_gone(self):
        self.make()
        self.perform(Unproven("password", b"an error"))
        self.assertEqual((self.client.data, self.client.state), (b"an error", "closed"))
        self.client.receiver(b"more")

    def test_an_answer_that_waits_is_not_sent_before(self):
        self.make()
        for _ in range(5):
            self.client.state = "open"
            self.client.writes.clear()
            self.perform(LookUp(b"ann"))
            self.perform(Unproven("password", b"an error"))
        self.assertEqual((self.client.writes, self.client.state), ([], "open"))
        self.assertTrue(self.authentication.in_progress)
        self.client.receiver(b"more")
        self.clock.advance(0.3)
        self.assertEqual((self.client.data, self.client.state), (b"an error", "closed"))

    def test_a_wrong_password_has_the_source_asked_again_whoever_it_was(self):
        wrong = [b"ann"]
        for result, doubted in (("password", wrong), ("unknown", wrong), ("binding", [])):
            self.make()
            self.perform(LookUp(b"ann"))
            self.perform(Unproven(result, b"an error"))
            self.assertEqual(self.credentials.doubted, doubted)

    def test_one_login_too_many_is_told_so_and_nothing_is_looked_up(self):
        self.make()
        self.perform(LookUp(b"ann"))
        self.perform(LookUp(b"bob"))
        self.assertEqual(self.client.farewells, [EndReason.TOO_MANY])
        self.assertEqual(self.credentials.asked, [b"ann"])

    def test_one_that_was_proven_goes_on_behind_its_wait(self):
        self.make()
        went = []
        for _ in range(6):
            self.perform(LookUp(b"ann"))
            self.perform(Unproven("password", b"an error"))
            self.clock.advance(0.6)
        self.perform(LookUp(b"ann"))
        self.perform(Proven(b"ann", "scram", True))
        self.authentication.go_on(lambda: went.append(True))
        self.assertEqual(went, [])
        self.clock.advance(2)
        self.assertEqual(went, [True])

    def test_who_has_proven_it_goes_on(self):
        self.make()
        self.perform(Proven(b"ann", "scram", True))
        self.assertEqual((self.client.writes, self.client.state), ([], "open"))

    def test_what_the_database_does_not_accept_is_forgotten(self):
        self.make()
        self.perform(Stale(b"ann"))
        self.assertEqual(self.credentials.forgotten, [b"ann"])

    def test_a_session_needs_a_client_id_and_room(self):
        self.assertTrue(self.make().admits())
        unknown = self.make()
        self.client.client_id = ""
        self.assertFalse(unknown.admits())
        self.assertFalse(self.make(full=True).admits())
        self.assertEqual([refused.reason for refused in self.refused], [EndReason.TOO_MANY])


class Secrets(Case):
    def test_a_client_that_knows_a_secret_is_looked_up_again(self):
        for method, expected in (
            ("scram", b"ann"),
            ("md5", b"ann"),
            ("cleartext", b"ann"),
            ("certificate", b""),
            ("database", b""),
        ):
            self.make()
            self.perform(Proven(b"ann", method, False))
            self.assertEqual(self.client.secret_of, expected, method)


class Mapped(Case):
    """A map of client ids decides alone, once it is known who the client is."""

    RULES = b"- user=root\npayments user=ann database=shop tls=bound\nproved user=ann\n\
trusted user=none database=shop link=conn_1\n"

    def decided(self, *actions, session=None):
        authentication = self.make(rules=self.RULES)
        self.client.session = session
        for action in actions:
            self.perform(action)
        return authentication, (self.client.client_id, self.client.line)

    def test_a_proof_of_ours_decides_before_the_database_is_reached(self):
        authentication, found = self.decided(Proven(b"ann", "scram", True, b"shop"))
        self.assertEqual(found, ("payments", 2))
        self.assertTrue(authentication.admits())
        self.assertEqual(found, ("payments", 2))
        self.assertEqual(self.decided(Proven(b"ann", "scram", False, b"shop"))[1], ("proved", 3))
        self.assertEqual(self.refused, [])

    def test_the_database_is_that_of_the_question(self):
        self.make(rules=self.RULES)
        self.perform(LookUp(b"ann", b"shop"))
        self.perform(Proven(b"ann", "scram", True))
        self.assertEqual(self.client.client_id, "payments")

    def test_the_default_database_has_the_users_name(self):
        authentication = self.make(rules=b"own_base database=ann")
        self.perform(Proven(b"ann", "scram", False))
        self.assertTrue(authentication.admits())
        self.assertEqual(self.client.client_id, "own_base")

    def test_who_is_refused_by_it_reaches_no_database(self):
        for user in (b"root", b"bob"):
            authentication, found = self.decided(Proven(user, "scram", True, b"shop"))
            self.assertEqual((found[0], self.refused), ("", []))
            self.assertFalse(authentication.admits())
            (refused,) = self.refused
            self.assertEqual(refused.reason, EndReason.LOGIN)
            self.assertEqual(refused.text, "no client id for this login")
        self.assertEqual(refused.why, "no line matches")

    def test_until_it_decides_nobody_has_more_than_the_links_id(self):
        authentication = self.make(rules=self.RULES)
        self.assertTrue(authentication.admits())
        self.assertEqual(self.client.client_id, "conn_1")

    def test_a_session_that_it_refuses_ends(self):
        for action in (Proven(b"bob", "database", False, b"shop"), Admitted(b"other")):
            self.decided(action, session=make_session())
            (refused,) = self.refused
            self.assertEqual((refused.event, self.client.client_id), ("No client id", ""))

    def test_trust_proves_no_user(self):
        """AU-7."""
        _, found = self.decided(Admitted(b"shop"), session=make_session())
        self.assertEqual(found, ("trusted", 4))
        self.assertEqual(self.refused, [])

    def test_it_decides_once(self):
        proven = Proven(b"ann", "scram", True, b"shop")
        _, found = self.decided(proven, Admitted(b"shop"), Proven(b"root", "database", False))
        self.assertEqual((found, self.refused), (("payments", 2), []))

    def test_a_full_server_is_full_for_it_too(self):
        authentication = self.make(full=True, rules=self.RULES)
        self.perform(Proven(b"ann", "scram", True, b"shop"))
        self.assertFalse(authentication.admits())
        self.assertEqual(self.refused[0].reason, EndReason.TOO_MANY)
