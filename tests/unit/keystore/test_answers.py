"""Two answers of a key store, now or later."""

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import KeyStoreError
from acra_twisted.keystore.answers import both


class Both(SynchronousTestCase):
    def test_in_order_whichever_comes_first(self):
        self.assertEqual(self.successResultOf(both(1, 2)), [1, 2])
        first, second = Deferred(), Deferred()
        found = both(first, second)
        second.callback(2)
        self.assertNoResult(found)
        first.callback(1)
        self.assertEqual(self.successResultOf(found), [1, 2])

    def test_the_failure_is_the_stores_own(self):
        later = Deferred()
        found = both(1, later)
        later.errback(Failure(KeyStoreError("gone")))
        self.failureResultOf(found, KeyStoreError)

    def test_one_failure_is_told_and_no_other_is_left_behind(self):
        first, second = Deferred(), Deferred()
        found = both(first, second)
        for answer in (first, second):
            answer.errback(Failure(KeyStoreError("gone")))
        self.failureResultOf(found, KeyStoreError)
