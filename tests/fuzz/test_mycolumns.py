"""A bounded run of the fuzzer of MySQL statements on protected columns: nothing in clear, no
exception, nothing slow."""

import unittest

from tests.fuzz.base import SECONDS, bounded


class Fuzzing(unittest.TestCase):
    def test_en1_bounded_run_of_mysql_plans(self):
        runs, found = bounded("mycolumns", 1_500)
        if found:
            # In full, with the inputs: nobody will find them again by chance.
            self.fail(found)
        self.assertGreater(runs, 5 * SECONDS)
