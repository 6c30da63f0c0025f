"""Prometheus' programs: from the path, or unpacked beside the checkout by .ci/install-servers."""

from __future__ import annotations

import shutil
from pathlib import Path

_UNPACKED = Path(__file__).parents[2] / ".servers/usr/bin"


def program(name: str) -> str:
    """The path of ``prometheus`` or ``promtool``; AssertionError says how to get it."""
    found = shutil.which(name, path=f"{_UNPACKED}") or shutil.which(name)
    if found is None:
        raise AssertionError(f"no {name}: run .ci/install-servers")
    return found
