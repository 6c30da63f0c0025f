"""Kept answers: two ages, rooms of their own, renewals behind wrong proofs."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.authentication.cache import SecretCache

USERS = st.sampled_from([b"a", b"b", b"c", b"d"])


class Ages(SynchronousTestCase):
    def setUp(self):
        self.now = 100.0
        self.cache = SecretCache(lambda: self.now, 10.0, 60.0)

    def test_an_answer_is_fresh_and_then_usable_and_then_nothing(self):
        self.cache.put(b"a", b"x", 99.0)
        entry = self.cache.fresh(b"a")
        self.assertEqual((entry.secret, self.cache.age(entry)), (b"x", 1.0))
        self.now = 109.0
        self.assertIsNone(self.cache.fresh(b"a"))
        self.assertIs(self.cache.usable(b"a"), entry)
        self.now = 159.0
        self.assertIsNone(self.cache.usable(b"a"))

    def test_nothing_is_fresh_where_every_login_asks(self):
        cache = SecretCache(lambda: self.now, 0.0, 0.0)
        cache.put(b"a", b"x", 100.0)
        self.assertIsNone(cache.fresh(b"a"))
        self.assertIsNone(cache.usable(b"a"))

    def test_a_user_who_has_gone_replaces_one_who_was_there(self):
        self.cache.put(b"a", b"x", 100.0)
        self.assertEqual(self.cache.put(b"a", None, 100.0).secret, b"x")
        self.assertIsNone(self.cache.fresh(b"a").secret)
        self.assertEqual(len(self.cache), 1)
        self.cache.put(b"a", b"y", 100.0)
        self.assertEqual(self.cache.fresh(b"a").secret, b"y")
        self.assertEqual(len(self.cache), 1)

    def test_a_wrong_proof_renews_what_is_older_than_a_second_three_times_a_minute(self):
        self.cache.put(b"a", b"x", 100.0)
        self.assertFalse(self.cache.renews(b"a"))
        self.assertFalse(self.cache.renews(b"b"))
        renewed = []
        for _ in range(120):
            self.now += 1.5
            if self.cache.renews(b"a"):
                renewed.append(self.now)
                self.cache.put(b"a", b"x", self.now)
        for begin in renewed:
            within = [time for time in renewed if begin <= time < begin + 60.0]
            self.assertLessEqual(len(within), 3)
        self.assertEqual(len(renewed), 9)

    def test_an_unknown_user_is_renewed_likewise(self):
        self.cache.put(b"a", None, 90.0)
        self.assertTrue(self.cache.renews(b"a"))

    def test_everything_can_be_forgotten(self):
        self.cache.put(b"a", b"x", 100.0)
        self.cache.put(b"b", None, 100.0)
        self.cache.drop(b"a")
        self.assertIsNone(self.cache.usable(b"a"))
        self.cache.clear()
        self.assertEqual(len(self.cache), 0)


class Room(SynchronousTestCase):
    def test_a_spray_of_names_pushes_out_no_real_user(self):
        cache = SecretCache(lambda: 0.5, 10.0, 60.0, limit=100)
        for number in range(100):
            cache.put(b"real %d" % number, b"x", 0.0)
        for number in range(10_000):
            cache.put(b"nobody %d" % number, None, 0.0)
        self.assertEqual(len(cache), 200)
        self.assertTrue(all(cache.fresh(b"real %d" % number) for number in range(100)))


class Machine(RuleBasedStateMachine):
    """Against a plain dict of answers, with the order of use of each kind."""

    def __init__(self):
        super().__init__()
        self.now = 0.0
        self.cache = SecretCache(lambda: self.now, 5.0, 20.0, limit=2)
        self.model = {}
        self.order = []

    def touch(self, user):
        if user in self.order:
            self.order.remove(user)
        self.order.append(user)

    @rule(seconds=st.sampled_from([0.5, 1.0, 3.0, 6.0, 21.0]))
    def passes(self, seconds):
        self.now += seconds

    @rule(
        user=USERS, secret=st.sampled_from([None, b"x", b"y"]), before=st.sampled_from([0.0, 2.0])
    )
    def put(self, user, secret, before):
        self.cache.put(user, secret, self.now - before)
        self.model[user] = (secret, self.now - before)
        self.touch(user)
        alike = [u for u in self.order if (self.model[u][0] is None) == (secret is None)]
        for old in alike[:-2]:
            del self.model[old]
            self.order.remove(old)

    @rule(user=USERS)
    def drop(self, user):
        self.cache.drop(user)
        if self.model.pop(user, None) is not None:
            self.order.remove(user)

    @rule(user=USERS)
    def look(self, user):
        entry = self.cache.fresh(user)
        later = self.cache.usable(user)
        known = self.model.get(user)
        if known is not None:
            self.touch(user)
        for found, limit in ((entry, 5.0), (later, 20.0)):
            young = known is not None and self.now - known[1] < limit
            self.assert_equal(
                None if found is None else (found.secret, found.asked), known if young else None
            )

    @staticmethod
    def assert_equal(one, other):
        assert one == other, (one, other)

    @invariant()
    def is_bounded(self):
        assert len(self.cache) == len(self.model) <= 4


class AnyOrder(SynchronousTestCase):
    def test_it_agrees_with_a_model(self):
        machine = Machine.TestCase()
        machine.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
        machine.runTest()
