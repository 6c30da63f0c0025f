"""Runs a program of ours as it runs in earnest: coverage, which CI measures, triples its time."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from acra_twisted.sandbox.endings import bound

#: How long a bounded run takes in CI.
SECONDS = int(os.environ.get("FUZZ_SECONDS", "20"))
TOP = Path(__file__).parents[2]


def run(*arguments: str, seconds: float) -> subprocess.CompletedProcess[str]:
    """A Python of its own on ``arguments``."""
    return subprocess.run(
        bound([sys.executable, *arguments]),
        capture_output=True,
        text=True,
        errors="replace",
        cwd=TOP,
        timeout=seconds,
        check=False,
        env={key: value for key, value in os.environ.items() if not key.startswith("COVERAGE_")},
    )


def bounded(target: str) -> tuple[int, str]:
    """A fuzzer of this package for `SECONDS`: how many inputs it has tried, and what it found:
    empty if nothing, else the end of what it said, and the inputs."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        inputs = folder / "inputs"
        inputs.mkdir()
        flags = (f"-max_total_time={SECONDS}", f"-artifact_prefix={folder}/")
        done = run("-m", f"tests.fuzz.{target}", str(inputs), *flags, seconds=SECONDS + 120)
        said = done.stderr
        if done.returncode:
            found = [repr(path.read_bytes()) for path in folder.glob("*-*") if path.is_file()]
            return 0, "\n".join((said[-3000:], *found))
        return int(said.rpartition("Done ")[2].split()[0]), ""
