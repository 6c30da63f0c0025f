"""Runs a program of ours as it runs in earnest: coverage, which CI measures, triples its time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).parents[2]


def run(*arguments: str, seconds: float) -> subprocess.CompletedProcess[str]:
    """A Python of its own on ``arguments``."""
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        errors="replace",
        cwd=TOP,
        timeout=seconds,
        check=False,
        env={key: value for key, value in os.environ.items() if not key.startswith("COVERAGE_")},
    )
