"""Actions of a login that asks who its client is, over a client's leg in memory."""

from types import SimpleNamespace

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.logger import Logger
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.authentication.limits import LoginLimits
from acra_twisted.endreason import EndReason
from acra_twisted.loginactions import LookUp, Proven, Stale, Unproven
from acra_twisted.lookup import Found
from acra_twisted.server.authentication import Authentication
from acra_twisted.session import Identity
from tests.support.sessions import FakeChannel

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
    """A client's leg that keeps events and farewells."""

    address, span = "192.0.2.1", None

    def __init__(self):
        super().__init__()
        self.events, self.farewells = [], []

    def event(self, code, text, **fields):
        self.events.append(code)

    def farewell(self, reason, text):
        self.farewells.append(reason)


class Logins(SynchronousTestCase):
    def setUp(self):
        self.clock = Clock()

    def make(self, answer=FOUND, full=False):
        self.credentials = Credentials(answer)
        server = SimpleNamespace(
            credentials=self.credentials,
            log=Logger(),
            connections=SimpleNamespace(is_full=full),
            reactor=self.clock,
            handshake_timeout=10.0,
            login_limits=LoginLimits(self.clock.seconds, lambda: 0.5, of_all=1),
            metrics=SimpleNamespace(login=lambda *labels: None),
        )
        self.client, self.found = Client(), []
        self.authentication = Authentication(server, self.client, self.found.append)
        return self.authentication

    def perform(self, action):
        self.authentication.actions[type(action)](action)

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

    def test_a_source_that_fails_lets_nobody_in(self):
        answer = Deferred()
        self.make(answer)
        self.perform(LookUp(b"ann"))
        answer.errback(ZeroDivisionError())
        self.assertEqual((self.found, self.client.state), ([], "aborted"))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

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
        self.assertTrue(self.authentication.waits)
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
        known, unknown = Identity("an application", "", False), Identity("", "", False)
        self.assertIsNone(self.make().refusal(known))
        self.assertIs(self.make().refusal(unknown).reason, EndReason.LOGIN)
        self.assertIs(self.make(full=True).refusal(known).reason, EndReason.TOO_MANY)
