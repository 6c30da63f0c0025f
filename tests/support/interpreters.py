"""The kinds of Python that this machine has, of those that a release is for."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

VERSIONS = ("3.11", "3.12", "3.13")


def found() -> dict[str, str]:
    """Programs by version: on the path, or installed by pyenv."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    programs = {}
    for version in VERSIONS:
        name = f"python{version}"
        places = [str(path) for path in sorted(pyenv.glob(f"{version}.*/bin/{name}"))]
        for program in filter(None, (*places, shutil.which(name))):
            if _is_whole(program):
                programs[version] = program
                break
    return programs


def _is_whole(program: str) -> bool:
    checked = [program, "-c", "import ensurepip, ssl, venv"]
    return subprocess.run(checked, capture_output=True, check=False).returncode == 0
