"""Actions of a login that asks who its client is, over a client's leg in memory."""

from types import SimpleNamespace

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.trial.unittest import SynchronousTestCase

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
        self.asked, self.forgotten = [], []

    def look_up(self, user):
        self.asked.append(user)
        return self.answer

    def stale(self, user):
        self.forgotten.append(user)


class Logins(SynchronousTestCase):
    def make(self, answer=FOUND, full=False):
        self.credentials = Credentials(answer)
        server = SimpleNamespace(
            credentials=self.credentials,
            log=Logger(),
            connections=SimpleNamespace(is_full=full),
        )
        self.client, self.found = FakeChannel(), []
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
