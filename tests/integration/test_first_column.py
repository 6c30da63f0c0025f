"""The page about a first protected column, followed to the letter in an empty folder."""

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

PAGE = TOP / "docs/first-column.rst"


class FirstColumn(unittest.TestCase):
    def test_every_block_in_order(self):
        folder = Path(tempfile.mkdtemp(prefix="acra-column-"))
        self.addCleanup(shutil.rmtree, folder)
        self.addCleanup(self.kill, folder)
        folder.chmod(0o755)
        done = subprocess.run(
            command(PAGE, folder), cwd=TOP, capture_output=True, text=True, timeout=300
        )
        shown = done.stdout + done.stderr
        self.assertEqual(done.returncode, 0, shown)
        self.assertIn("CREATE INDEX", shown)
        # The application reads the name; the database has a container, and a hash before it.
        self.assertRegex(shown, r" name \n-+\n Ann\n\(1 row\)")
        self.assertRegex(shown, r" \\x252525[0-9a-f]{10} +\| \\x7f[0-9a-f]{14}\n")
        self.assertRegex(shown, r"ERROR: .*column people.email is protected by AcraServer and is")
        log = (folder / "home/acra-server.log").read_text()
        self.assertIn("2050", log)
        for value in ("Ann", "ann@example.com"):
            self.assertNotIn(value, log)

    def kill(self, folder):
        """End the processes that the page's last block did not end."""
        for pid in running(folder):
            os.kill(pid, signal.SIGKILL)

    def test_every_block_is_run(self):
        for block in blocks(PAGE):
            self.assertTrue(block.is_run and (block.file or block.language in SHELL), block.where)
