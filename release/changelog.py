"""The changelog: towncrier puts what the news fragments say on top of CHANGELOG.rst.

A fragment is ``NUMBER.TYPE.rst`` or ``NUMBER.TYPE.PART.rst``, with blank lines between changes.
``python -m release.changelog`` writes CHANGELOG.rst and removes the fragments: ``make changelog``.
"""

from __future__ import annotations

import argparse
import datetime
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from acra_twisted import __version__

TOP = Path(__file__).parents[1]


def fragments(top: Path) -> list[Path]:
    """Files of news."""
    return sorted(top.glob("newsfragments/*.*.rst"))


def assemble(top: Path, version: str, date: str) -> str:
    """Return CHANGELOG.rst with the news of a version on top.  Raises CalledProcessError."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        (place / "newsfragments").mkdir()
        for file in ("pyproject.toml", "CHANGELOG.rst", "newsfragments/template"):
            shutil.copy(top / file, place / file)
        for fragment in fragments(top):
            number, kind, *part = fragment.name.removesuffix(".rst").split(".")
            # towncrier has one file for each number and type.
            target = f"{'-'.join((number, *part))}.{kind}.rst"
            shutil.copy(fragment, place / "newsfragments" / target)
        command = [sys.executable, "-m", "towncrier", "build", "--keep"]
        subprocess.run(
            [*command, f"--version={version}", f"--date={date}", f"--dir={place}"],
            check=True,
            capture_output=True,
            cwd=place,
        )
        return (place / "CHANGELOG.rst").read_text()


def main() -> None:
    """Write it and remove the fragments."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    text = assemble(TOP, __version__, today)
    (TOP / "CHANGELOG.rst").write_text(text)
    for fragment in fragments(TOP):
        fragment.unlink()


if __name__ == "__main__":
    main()
