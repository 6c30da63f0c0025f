"""Clients that a database was reached for, and that have said nothing."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.authentication.greeted import GREETED_OF_ADDRESS, GREETED_OF_ALL
from acra_twisted.authentication.limits import LoginLimits


class Silent:
    """A client that has said nothing; it gives way when it must."""

    def __init__(self, limits, address):
        self.limits, self.address, self.is_there = limits, address, True

    def comes(self):
        return self.limits.greets(self.address, self)

    def give_way(self):
        self.is_there = False
        self.limits.spoke(self.address, self)
        self.limits.ended(self.address)


class Greeted(SynchronousTestCase):
    """Clients that have said nothing."""

    def setUp(self):
        self.limits = LoginLimits(lambda: 0.0, lambda: 0.5)

    def crowd(self, address, count=GREETED_OF_ADDRESS):
        clients = [Silent(self.limits, address) for _ in range(count)]
        self.assertTrue(all(client.comes() for client in clients))
        return clients

    def test_so_many_of_an_address_and_of_all(self):
        self.crowd("10.0.0.1")
        self.assertFalse(Silent(self.limits, "10.0.0.1").comes())
        self.crowd("10.0.0.2")
        counted = self.limits.greeted, self.limits.in_progress
        self.assertEqual(counted, (GREETED_OF_ALL, GREETED_OF_ALL))

    def test_the_oldest_of_the_largest_crowd_gives_way(self):
        first, second = self.crowd("10.0.0.1"), self.crowd("10.0.0.2")
        others = self.crowd("10.0.0.3", 4)
        gone = [[not one.is_there for one in crowd] for crowd in (first, second, others)]
        self.assertEqual([sum(one) for one in gone], [2, 2, 0])
        self.assertTrue(all(one[:2] == [True, True] for one in gone[:2]))
        self.assertEqual(self.limits.greeted, GREETED_OF_ALL)
        # Until it has as many as they have.
        others = self.crowd("10.0.0.3", 30)
        self.assertFalse(Silent(self.limits, "10.0.0.3").comes())

    def test_one_of_many_addresses_gives_way_to_one_without_a_place(self):
        crowd = [self.crowd(f"10.0.1.{at}", 1)[0] for at in range(GREETED_OF_ALL)]
        self.crowd("10.0.0.1", 1)
        self.assertFalse(Silent(self.limits, "10.0.0.1").comes())
        self.assertEqual([one.is_there for one in crowd].index(False), 0)

    def test_few_logins(self):
        self.limits = LoginLimits(lambda: 0.0, lambda: 0.5, of_all=20)
        self.crowd("10.0.0.1", 20)
        self.crowd("10.0.0.2", 10)
        self.assertEqual(self.limits.in_progress, 20)

    def test_one_that_gives_no_way(self):
        for client in self.crowd("10.0.0.1") + self.crowd("10.0.0.2"):
            client.give_way = lambda: None
        self.assertFalse(Silent(self.limits, "10.0.0.3").comes())

    def test_one_that_has_spoken_makes_room_and_is_still_a_login(self):
        limits = self.limits
        first, *others = self.crowd("10.0.0.1")
        limits.spoke("10.0.0.1", first)
        another = Silent(limits, "10.0.0.1")
        self.assertTrue(another.comes())
        self.assertEqual(limits.in_progress, GREETED_OF_ADDRESS + 1)
        for one in (*others, another):
            limits.spoke("10.0.0.1", one)
        for _ in range(GREETED_OF_ADDRESS + 1):
            limits.ended("10.0.0.1")
        self.assertEqual((len(limits), limits.greeted), (0, 0))

    def test_they_are_logins_of_no_user_too(self):
        self.limits = LoginLimits(lambda: 0.0, lambda: 0.5, of_address=1)
        self.crowd("10.0.0.1", 1)
        self.assertFalse(Silent(self.limits, "10.0.0.1").comes())
        self.assertEqual(self.limits.greeted, 1)
