"""A bounded run over sessions of MySQL, from both sides."""

import unittest

from tests.fuzz.base import SECONDS, bounded


class Fuzzing(unittest.TestCase):
    def test_fr4_bounded_run_of_mysql_sessions(self):
        runs, found = bounded("mysqlsession", 6_000)
        if found:
            self.fail(found)
        self.assertGreater(runs, 5 * SECONDS)
