"""A bounded run of the fuzzer: no exception, nothing slow, nothing kept that is not decided so."""

import unittest

from tests.fuzz.base import SECONDS, bounded


class Fuzzing(unittest.TestCase):
    def test_bounded_run(self):
        runs, found = bounded("decisions", 20_000)
        if found:
            # In full, with the inputs: nobody will find them again by chance.
            self.fail(found)
        self.assertGreater(runs, 5 * SECONDS)
