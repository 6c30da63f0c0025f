"""A bounded run over what reads a MySQL client's bytes."""

import unittest

from tests.fuzz.base import SECONDS, bounded


class Fuzzing(unittest.TestCase):
    def test_fr4_bounded_run_of_mysql_requests(self):
        runs, found = bounded("mysqlrequests", 9_000)
        if found:
            self.fail(found)
        self.assertGreater(runs, 5 * SECONDS)
