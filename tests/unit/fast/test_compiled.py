"""A daemon knows the form in which it runs."""

import os

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.fast.compiled import COMPILED


class Form(SynchronousTestCase):
    def test_it_is_the_one_that_is_tested(self):
        self.assertEqual(COMPILED, os.environ.get("ACRA_TWISTED_COMPILED") == "1")
