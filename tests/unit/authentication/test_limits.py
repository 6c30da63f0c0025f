"""Limits of logins: counts, waits, thresholds, what one address cannot do to others, and memory."""

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.authentication.limits import (
    LONGEST,
    LONGEST_OF_USER,
    LoginLimits,
    Repeated,
    is_threshold,
    network,
)

MIDDLE = 0.5


class Base(SynchronousTestCase):
    def setUp(self):
        self.now = 1000.0
        self.chance = MIDDLE

    def limits(self, **limits):
        return LoginLimits(lambda: self.now, lambda: self.chance, **limits)

    def fail(self, limits, times, address="192.0.2.1", user=b"app"):
        return [limits.failed(address, user) for _ in range(times)]


class Waits(Base):
    def test_four_failures_cost_nothing_then_each_waits_twice_as_long_up_to_eight_seconds(self):
        delays = [penalty.delay for penalty in self.fail(self.limits(), 13)]
        self.assertEqual(delays, [0, 0, 0, 0, 0.25, 0.5, 1, 2, 4, 8, 8, 8, 8])

    def test_a_right_password_waits_as_long_as_a_wrong_one_would_have(self):
        limits = self.limits()
        for _ in range(20):
            right = limits.delay_of("192.0.2.1", b"app")
            self.assertEqual(right, limits.failed("192.0.2.1", b"app").delay)

    def test_right_and_wrong_wait_alike_from_another_address_and_as_another_user(self):
        for address, user in (("192.0.2.2", b"app"), ("192.0.2.1", b"other"), ("unix", b"o")):
            limits = self.limits()
            self.fail(limits, 12)
            right = limits.delay_of(address, user)
            self.assertEqual(right, limits.failed(address, user).delay)

    def test_chance_makes_a_wait_up_to_a_fifth_shorter_or_longer(self):
        for chance, expected in ((0.0, 0.8), (0.5, 1.0), (1.0, 1.2)):
            limits = self.limits()
            self.fail(limits, 6)
            self.chance = chance
            self.assertAlmostEqual(self.fail(limits, 1)[0].delay, expected)

    def test_chance_makes_no_wait_longer_than_the_longest(self):
        limits = self.limits()
        self.chance = 1.0
        self.assertEqual(self.fail(limits, 30)[-1].delay, LONGEST)

    def test_many_addresses_make_a_user_wait_no_longer_than_a_second(self):
        limits = self.limits()
        self.chance = 1.0
        for number in range(200):
            limits.failed(f"198.51.100.{number}", b"app")
        self.assertEqual(limits.delay_of("192.0.2.1", b"app"), LONGEST_OF_USER)
        self.assertEqual(limits.delay_of("192.0.2.1", b"other"), 0)

    def test_many_users_of_one_address_make_it_wait(self):
        limits = self.limits()
        for number in range(20):
            limits.failed("192.0.2.1", b"user%d" % number)
        self.assertEqual(limits.delay_of("192.0.2.1", b"new"), LONGEST)
        self.assertEqual(limits.delay_of("192.0.2.2", b"new"), 0)

    def test_an_application_with_an_old_password_slows_down_nobody_else(self):
        limits = self.limits()
        self.fail(limits, 1000)
        self.assertEqual(limits.delay_of("192.0.2.1", b"app"), LONGEST)
        self.assertEqual(limits.delay_of("192.0.2.1", b"other"), 0)
        self.assertEqual(limits.delay_of("192.0.2.2", b"app"), 0)

    def test_a_count_halves_in_a_minute(self):
        limits = self.limits()
        self.fail(limits, 10)
        self.now += 60
        # Five are left, and the next is the sixth.
        self.assertEqual(limits.failed("192.0.2.1", b"app").delay, 0.5)

    def test_three_quiet_minutes_make_up_for_any_number(self):
        limits = self.limits()
        self.fail(limits, 10_000)
        self.now += 180
        self.assertEqual(limits.delay_of("192.0.2.1", b"app"), 0)

    def test_failures_of_one_second_count_whole(self):
        limits = self.limits()
        for _ in range(4):
            limits.failed("192.0.2.1", b"app")
            self.now += 0.2
        self.assertEqual(limits.failed("192.0.2.1", b"app").delay, 0.25)

    def test_a_network_of_version_6_is_one_address(self):
        limits = self.limits()
        for number in range(20):
            limits.failed(f"2001:db8:0:1::{number:x}", b"user%d" % number)
        self.assertEqual(limits.delay_of("2001:db8:0:1:ffff::1", b"new"), LONGEST)
        self.assertEqual(limits.delay_of("2001:db8:0:2::1", b"new"), 0)

    def test_the_same_host_has_one_address_in_both_versions(self):
        limits = self.limits()
        self.fail(limits, 20, "::ffff:192.0.2.1")
        self.assertEqual(limits.delay_of("192.0.2.1", b"app"), LONGEST)

    def test_names_that_the_database_takes_for_one_are_one(self):
        limits = self.limits()
        for number in range(20):
            limits.failed(f"198.51.100.{number}", b"a" * 63 + b"%d" % number)
        self.assertEqual(limits.delay_of("192.0.2.1", b"a" * 63), LONGEST_OF_USER)


class Bindings(Base):
    def test_they_are_counted_apart_and_slow_nobody_down(self):
        limits = self.limits()
        for _ in range(50):
            self.assertEqual(limits.failed("192.0.2.1", b"app", adds_delay=False).delay, 0)
        self.assertEqual(limits.delay_of("192.0.2.1", b"app"), 0)

    def test_they_wait_as_wrong_passwords_do_meanwhile(self):
        limits = self.limits()
        self.fail(limits, 20)
        self.assertEqual(limits.failed("192.0.2.1", b"app", adds_delay=False).delay, LONGEST)

    def test_they_have_thresholds_of_their_own(self):
        limits = self.limits()
        self.fail(limits, 3)
        counts = [limits.failed("192.0.2.1", b"app", adds_delay=False).repeated for _ in range(5)]
        self.assertEqual(counts, [(), (), (), (), (Repeated("user and address", 5),)])


class Thresholds(Base):
    def test_which(self):
        found = [count for count in range(1, 6000) if is_threshold(count)]
        self.assertEqual(found, [5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000])

    def test_each_is_told_once(self):
        counts = [repeated for p in self.fail(self.limits(), 60) for repeated in p.repeated]
        pair = "user and address"
        self.assertEqual(counts, [Repeated(pair, count) for count in (5, 10, 20, 50)])

    def test_an_address_that_tries_users_and_a_user_tried_from_everywhere_are_told_of(self):
        limits = self.limits()
        spray = [limits.failed("192.0.2.1", b"u%d" % number).repeated for number in range(5)]
        self.assertEqual(spray[-1], (Repeated("address", 5),))
        spread = [limits.failed(f"198.51.100.{number}", b"app").repeated for number in range(5)]
        self.assertEqual(spread[-1], (Repeated("user", 5),))

    def test_they_are_told_again_after_a_long_quiet(self):
        limits = self.limits()
        self.fail(limits, 5)
        self.now += 600
        self.assertEqual(self.fail(limits, 5)[-1].repeated, (Repeated("user and address", 5),))


class InProgress(Base):
    def test_an_address_has_so_many_and_others_are_not_affected(self):
        limits = self.limits(of_address=3)
        begun = [limits.begin("192.0.2.1", b"u%d" % number) for number in range(4)]
        self.assertEqual(begun, [True, True, True, False])
        self.assertTrue(limits.begin("192.0.2.2", b"app"))
        limits.ended("192.0.2.1")
        self.assertTrue(limits.begin("192.0.2.1", b"app"))

    def test_the_whole_server_has_so_many(self):
        limits = self.limits(of_all=2)
        begun = [limits.begin(f"192.0.2.{number}", b"app") for number in range(3)]
        self.assertEqual(begun, [True, True, False])
        limits.ended("192.0.2.0")
        self.assertTrue(limits.begin("192.0.2.9", b"app"))

    def test_a_user_for_whom_many_answers_wait_begins_no_login_there_but_others_do(self):
        limits = self.limits(waiting=2)
        for _ in range(2):
            limits.waits("192.0.2.1", b"app")
        self.assertFalse(limits.begin("192.0.2.1", b"app"))
        self.assertTrue(limits.begin("192.0.2.1", b"other"))
        self.assertTrue(limits.begin("192.0.2.2", b"app"))
        limits.answered("192.0.2.1", b"app")
        self.assertTrue(limits.begin("192.0.2.1", b"app"))

    def test_no_more_answers_wait_however_many_logins_have_begun_before(self):
        limits = self.limits(waiting=2)
        who = ("192.0.2.1", b"app")
        self.assertEqual([limits.waits(*who) for _ in range(4)], [True, True, False, False])
        self.assertTrue(limits.waits("192.0.2.1", b"other"))
        limits.answered(*who)
        self.assertTrue(limits.waits(*who))

    def test_twenty_wrong_ones_one_behind_the_other_leave_room_for_the_right_one(self):
        limits = self.limits()
        for _ in range(20):
            self.assertTrue(limits.begin("192.0.2.1", b"app"))
            limits.failed("192.0.2.1", b"app")
            limits.waits("192.0.2.1", b"app")
            limits.answered("192.0.2.1", b"app")
            limits.ended("192.0.2.1")
        self.assertTrue(limits.begin("192.0.2.1", b"app"))
        self.assertLessEqual(limits.delay_of("192.0.2.1", b"app"), LONGEST)


class Memory(Base):
    def test_a_hundred_thousand_failures_of_as_many_keys_stay_within_the_tables(self):
        limits = self.limits(entries=100)
        for number in range(100_000):
            address = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
            self.assertTrue(limits.begin(address, b"app"))
            limits.failed(address, b"user%d" % number, adds_delay=number % 2 == 0)
            limits.ended(address)
        self.assertEqual(len(limits), 4 * 100)

    def test_the_one_used_least_recently_makes_room(self):
        limits = self.limits(entries=3)
        self.fail(limits, 20)
        for number in range(2):
            limits.failed("192.0.2.2", b"u%d" % number)
        self.fail(limits, 1)
        limits.failed("192.0.2.2", b"u3")
        self.assertEqual(limits.delay_of("192.0.2.1", b"app"), LONGEST)


class Networks(SynchronousTestCase):
    def test_what_counts_as_one(self):
        for address, expected in (
            ("192.0.2.1", "192.0.2.1"),
            ("unix", "unix"),
            ("2001:db8::1", "2001:db8::"),
            ("2001:DB8:0:0:ffff::1", "2001:db8::"),
            ("fe80::1%eth0", "fe80::"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("no:address", "no:address"),
        ):
            self.assertEqual(network(address), expected)

    @given(st.text(max_size=60))
    def test_any_text_has_one_that_is_its_own(self, text):
        self.assertEqual(network(network(text)), network(text))


class AnyOrder(RuleBasedStateMachine):
    """Nothing grows, and no wait is longer than it may be, in any order of events."""

    def __init__(self):
        super().__init__()
        self.now, self.chance = 0.0, 0.0
        self.limits = LoginLimits(
            lambda: self.now, lambda: self.chance, of_address=3, waiting=2, of_all=5, entries=4
        )
        self.begun = []

    addresses = st.sampled_from(["192.0.2.1", "192.0.2.2", "2001:db8::1", "unix"])
    users = st.sampled_from([b"a", b"b", b"", b"x" * 100])

    @rule(address=addresses)
    def begin(self, address):
        free = self.begun.count(address) < 3 and len(self.begun) < 5
        began = self.limits.begin(address, b"a")
        assert began == free
        if began:
            self.begun.append(address)

    @rule()
    def end(self):
        if self.begun:
            self.limits.ended(self.begun.pop())

    @rule(address=addresses, user=users, adds=st.booleans())
    def fails(self, address, user, adds):
        penalty = self.limits.failed(address, user, adds)
        assert 0 <= penalty.delay <= LONGEST

    @rule(address=addresses, user=users)
    def right(self, address, user):
        right = self.limits.delay_of(address, user)
        assert right == self.limits.failed(address, user).delay

    @rule(seconds=st.floats(0, 10_000), chance=st.floats(0, 1))
    def time_goes(self, seconds, chance):
        self.now += seconds
        self.chance = chance

    @invariant()
    def bounded(self):
        assert len(self.limits) <= 4 * 4 + len(set(self.begun))
        assert self.limits.in_progress == len(self.begun)


AnyOrderTests = AnyOrder.TestCase
