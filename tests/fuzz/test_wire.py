"""A bounded run over everything that reads bytes from outside, and each input that is kept."""

import unittest

from tests.fuzz.base import SECONDS, TOP, bounded, run


class Fuzzing(unittest.TestCase):
    def test_fr4_bounded_run(self):
        runs, found = bounded("wire", 16_000)
        if found:
            # In full, with the inputs: nobody will find them again by chance.
            self.fail(found)
        self.assertGreater(runs, 5 * SECONDS)

    def test_kept_inputs(self):
        """Without the fuzzer's engine: a defect that was found once stays mended."""
        corpus = TOP / "tests" / "fuzz" / "corpus"
        self.assertGreater(len(list(corpus.iterdir())), 10)
        done = run("-m", "tests.fuzz.wire", "--kept", seconds=60)
        self.assertEqual(done.returncode, 0, done.stderr[-3000:])
