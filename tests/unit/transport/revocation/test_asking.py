"""Questions that many ask at once."""

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.transport.revocation.asking import Asking


class Questions(SynchronousTestCase):
    def setUp(self):
        self.asking, self.asked = Asking(), []

    def ask(self, key):
        async def question():
            answer = Deferred()
            self.asked.append((key, answer))
            await answer

        return self.asking.ask(key, question)

    def test_one_is_asked_once_at_a_time(self):
        first, second, other = self.ask(b"a"), self.ask(b"a"), self.ask(b"b")
        self.assertEqual([key for key, _ in self.asked], [b"a", b"b"])
        self.asked[0][1].callback(None)
        self.successResultOf(first)
        self.successResultOf(second)
        self.assertNoResult(other)
        self.assertNoResult(self.ask(b"a"))
        self.assertEqual(len(self.asked), 3)

    def test_who_gives_up_lets_the_others_wait(self):
        first, second = self.ask(b"a"), self.ask(b"a")
        first.addErrback(lambda failure: None)
        first.cancel()
        self.assertNoResult(second)
        self.asked[0][1].callback(None)
        self.successResultOf(second)
        self.assertEqual(len(self.asking), 0)

    def test_a_question_that_breaks_is_over_too(self):
        waiter = self.ask(b"a")
        self.asked[0][1].errback(RuntimeError())
        self.successResultOf(waiter)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.assertEqual(len(self.asking), 0)
