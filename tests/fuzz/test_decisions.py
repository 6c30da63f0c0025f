"""A bounded run of the fuzzer: no exception, nothing slow, nothing kept that is not decided so."""

import os
import tempfile
import unittest
from pathlib import Path

from tests.fuzz.base import run

SECONDS = int(os.environ.get("FUZZ_SECONDS", "20"))


class Fuzzing(unittest.TestCase):
    def test_bounded_run(self):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            inputs = folder / "inputs"
            inputs.mkdir()
            flags = (f"-max_total_time={SECONDS}", f"-artifact_prefix={folder}/")
            done = run("-m", "tests.fuzz.decisions", str(inputs), *flags, seconds=SECONDS + 120)
            said = done.stderr
            found = [repr(path.read_bytes()) for path in folder.glob("*-*") if path.is_file()]
            self.assertEqual(done.returncode, 0, "\n".join((said[-3000:], *found)))
            runs = int(said.rpartition("Done ")[2].split()[0])
            self.assertGreater(runs, 50 * SECONDS, said[-500:])
