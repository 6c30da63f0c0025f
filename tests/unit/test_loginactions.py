"""The actions of a login are told apart by their types."""

from typing import get_args

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import loginactions
from acra_twisted.loginactions import CLIENT, DATABASE, Action, Close, StartTLS, Write


class Actions(SynchronousTestCase):
    def test_all_of_them_are_in_the_contract(self):
        made = {
            thing
            for thing in vars(loginactions).values()
            if isinstance(thing, type) and getattr(thing, "__module__", "") == loginactions.__name__
        }
        self.assertEqual(made, set(get_args(Action)))

    def test_what_is_not_said_is_as_usual(self):
        self.assertEqual(StartTLS(CLIENT).received, b"")
        self.assertEqual(Write(DATABASE, b"x").leg, Close(DATABASE).leg)
