"""The changelog has every change of the news once, and is written by nobody who asks how."""

import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from release import changelog


class Changelog(unittest.TestCase):
    def test_every_change_of_the_fragments_is_an_entry(self):
        told = [
            " ".join(change.split())
            for path in changelog.fragments(changelog.TOP)
            for change in path.read_text().split("\n\n")
        ]
        before = (changelog.TOP / "CHANGELOG.rst").read_text()
        text = changelog.assemble(changelog.TOP, "99.1", "2026-01-02")
        self.assertIn("\nacra-twisted 99.1 (2026-01-02)\n----", text)
        entries = [line[2:] for line in text.splitlines() if line.startswith("* ")]
        old = [line[2:] for line in before.splitlines() if line.startswith("* ")]
        self.assertEqual(sorted(entries), sorted([*told, *old]))

    def test_a_change_may_take_several_lines(self):
        text = changelog.assemble(self.copy("One that\nis long.\n\nTwo.\n"), "99.1", "2026-01-02")
        self.assertIn("\n* One that is long.\n* Two.\n", text)

    def test_help_changes_nothing(self):
        top = self.copy("One.\n")
        for argument, code in (("--help", 0), ("--draft", 2)):
            done = subprocess.run(
                [sys.executable, "-m", "release.changelog", argument],
                cwd=top,
                capture_output=True,
                text=True,
            )
            self.assertEqual((done.returncode, "usage:" in done.stdout + done.stderr), (code, True))
        self.assertEqual(len(changelog.fragments(top)), 1)

    def copy(self, news: str) -> Path:
        """A project with a fragment of news."""
        top = Path(self.enterContext(tempfile.TemporaryDirectory()))
        for file in ("pyproject.toml", "CHANGELOG.rst", "newsfragments/template"):
            (top / file).parent.mkdir(exist_ok=True)
            shutil.copy(changelog.TOP / file, top / file)
        shutil.copytree(changelog.TOP / "release", top / "release")
        (top / "newsfragments" / "1.bugfix.one.rst").write_text(news)
        return top
