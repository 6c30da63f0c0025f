"""Runs a program of ours as it runs in earnest: coverage, which CI measures, triples its time."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from acra_twisted.sandbox.endings import bound
from tests import IS_SAME

#: How long a bounded run takes that is left to chance, seconds.
SECONDS = int(os.environ.get("FUZZ_SECONDS", "20"))
#: How long one may take that is the same each time, on a slow machine: it is a number of inputs.
_LONGEST = 6 * SECONDS
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


def _in_place() -> list[str]:
    """The command that gives a program the same addresses each time: some of Python's sets are in
    the order of these.  Empty where the system does not let us; ``setarch`` is of util-linux."""
    command = [shutil.which("setarch") or "false", "-R"]
    may = subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0
    return command if may else []


def bounded(target: str, inputs: int, *, chance: bool = not IS_SAME) -> tuple[int, str]:
    """A fuzzer of this package: how many inputs it has tried, and what it found: empty if nothing,
    else the end of what it said, and the inputs.

    By ``chance`` it runs for `SECONDS`; else it tries so many ``inputs``, the same each time.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kept = folder / "inputs"
        kept.mkdir()
        flags = (f"-max_total_time={SECONDS if chance else _LONGEST}",)
        program = ("-m", f"tests.fuzz.{target}", str(kept), f"-artifact_prefix={folder}/", *flags)
        if chance:
            done = run(*program, seconds=_LONGEST + 120)
        else:
            # Another look at the folder would come by the clock.
            program += ("-seed=1", f"-runs={inputs}", "-reload=0")
            done = run(*program, seconds=_LONGEST + 120, before=_in_place(), PYTHONHASHSEED="0")
        said = done.stderr
        if done.returncode:
            found = [repr(path.read_bytes()) for path in folder.glob("*-*") if path.is_file()]
            return 0, "\n".join((said[-3000:], *found))
        return int(said.rpartition("Done ")[2].split()[0]), ""
