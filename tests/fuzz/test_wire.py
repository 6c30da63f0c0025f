"""A bounded run over everything that reads bytes from outside, and each input that is kept."""

from tests.fuzz.base import BoundedRun, run
from tests.fuzz.numbered import CORPUS


class Fuzzing(BoundedRun):
    def test_fr4_bounded_run(self):
        self.run_bounded("wire", 100_000)

    def test_kept_inputs(self):
        """Without the fuzzer's engine: a defect that was found once stays mended."""
        for folder in sorted(CORPUS.iterdir()):
            files = sorted(map(str, folder.iterdir()))
            self.assertTrue(files)
            done = run("-m", f"tests.fuzz.{folder.name}", *files, seconds=60)
            self.assertEqual(done.returncode, 0, done.stderr[-3000:])
