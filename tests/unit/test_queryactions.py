"""The actions of a service's own query are told apart by their types."""

from typing import get_args

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import queryactions
from acra_twisted.queryactions import QueryAction


class Actions(SynchronousTestCase):
    def test_all_of_them_are_in_the_contract(self):
        made = {
            thing
            for thing in vars(queryactions).values()
            if isinstance(thing, type) and getattr(thing, "__module__", "") == queryactions.__name__
        }
        # What messages call settings is no action.
        self.assertEqual(made - {queryactions.Names}, set(get_args(QueryAction)))
