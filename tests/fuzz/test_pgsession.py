"""A bounded run over sessions of PostgreSQL, from both sides."""

import unittest

from tests.fuzz.base import SECONDS, bounded


class Fuzzing(unittest.TestCase):
    def test_fr4_bounded_run_of_postgresql_sessions(self):
        runs, found = bounded("pgsession", 6_000)
        if found:
            self.fail(found)
        self.assertGreater(runs, 5 * SECONDS)
