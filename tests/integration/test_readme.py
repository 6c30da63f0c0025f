"""The README, followed to the letter in an empty folder."""

import os
import shutil
import signal
import subprocess
import tempfile
import unittest
from pathlib import Path

from tests.support.documents import TOP, blocks
from tests.support.leftovers import running
from tests.support.walk import SHELL, command

README = TOP / "README.rst"


class Readme(unittest.TestCase):
    def test_every_block_in_order(self):
        folder = Path(tempfile.mkdtemp(prefix="acra-readme-"))
        self.addCleanup(shutil.rmtree, folder)
        self.addCleanup(self.kill, folder)
        folder.chmod(0o755)
        done = subprocess.run(
            command(README, folder), cwd=TOP, capture_output=True, text=True, timeout=300
        )
        shown = done.stdout + done.stderr
        logs = "".join(log.read_text() for log in folder.rglob("acra-*.log"))
        self.assertEqual(done.returncode, 0, f"{shown}\n{logs}")
        self.assertNotRegex(shown + logs, r"level=(warning|error|fatal)|: warning: ")
        trace = shown.partition("== README.rst")[2]
        for daemon in ("server", "connector"):
            self.assertRegex(trace, rf"acra-{daemon}: \d+ ok, \d to look at, 0 wrong\n")
        self.assertRegex(trace, r"acra-connector SELECT .*\n(?s:.*)acra-server +SELECT .*\n")
        self.assertRegex(trace, r"acra-server +postgresql SELECT ")
        self.assertRegex(trace, r"\n +42\n")
        self.assertIn("by Secure Session", trace)
        self.assertIn("b'4111 1111'", trace)
        self.assertRegex(trace, r"\n198 bytes in the database")

    def kill(self, folder):
        """End the processes that the page's last block did not end."""
        for pid in running(folder):
            os.kill(pid, signal.SIGKILL)

    def test_only_what_says_so_is_left_out(self):
        left = [block for block in blocks(README) if not block.is_run]
        self.assertEqual(len(left), 1)
        self.assertIn("make demo", left[0].text)
        for block in blocks(README):
            # Without a language: the picture of the whole.
            self.assertTrue(
                block.file or block.language in SHELL or "AcraServer ----" in block.text,
                block.where,
            )
