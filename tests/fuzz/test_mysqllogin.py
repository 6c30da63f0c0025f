"""A bounded run over MySQL's logins."""

import unittest

from tests.fuzz.base import SECONDS, bounded


class Fuzzing(unittest.TestCase):
    def test_fr4_bounded_run_of_mysql_logins(self):
        runs, found = bounded("mysqllogin", 6_000)
        if found:
            self.fail(found)
        self.assertGreater(runs, 5 * SECONDS)
