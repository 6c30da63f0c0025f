"""Runs a program of ours as it runs in earnest: coverage, which CI measures, triples its time."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import unittest
from collections.abc import Sequence
from pathlib import Path

from acra_twisted.sandbox.endings import bound
from tests import IS_SAME

#: How long a bounded run takes that is left to chance, seconds.
SECONDS = int(os.environ.get("FUZZ_SECONDS", "20"))
#: How long any may take, on a slow machine, seconds.
_LONGEST = 600
#: Of Python's sets of texts, whose order may have a part in what is found.
_HASH_SEED = "0"
TOP = Path(__file__).parents[2]


def run(
    *arguments: str, seconds: float, before: Sequence[str] = (), **settings: str
) -> subprocess.CompletedProcess[str]:
    """A Python of its own on ``arguments``, started by what stands ``before`` it, with ``settings``
    in its environment."""
    own = {key: value for key, value in os.environ.items() if not key.startswith("COVERAGE_")}
    return subprocess.run(
        bound([*before, sys.executable, *arguments]),
        capture_output=True,
        text=True,
        errors="replace",
        cwd=TOP,
        timeout=seconds,
        check=False,
        env=own | settings,
    )


class BoundedRun(unittest.TestCase):
    """A test that runs a fuzzer of this package for a while."""

    def run_bounded(self, target: str, inputs: int, *, chance: bool = not IS_SAME) -> None:
        """Fail for what the fuzzer finds, in full, with the input.

        By ``chance`` it is led by coverage for `SECONDS`; else it tries its first so many
        ``inputs``, the same everywhere and each time (`tests.fuzz.numbered`).
        """
        program = ("-m", f"tests.fuzz.{target}")
        if not chance:
            done = run(
                *program, "--inputs", str(inputs), seconds=_LONGEST, PYTHONHASHSEED=_HASH_SEED
            )
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(f"Done {inputs} inputs", done.stderr)
            return
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            kept = folder / "inputs"
            kept.mkdir()
            flags = (f"-max_total_time={SECONDS}", f"-artifact_prefix={folder}/")
            done = run(*program, str(kept), *flags, seconds=_LONGEST)
            found = [repr(path.read_bytes()) for path in folder.glob("*-*") if path.is_file()]
            # Nobody will find them again by chance.
            self.assertEqual(done.returncode, 0, "\n".join((done.stderr[-6000:], *found)))
            self.assertGreater(int(done.stderr.rpartition("Done ")[2].split()[0]), 5 * SECONDS)
