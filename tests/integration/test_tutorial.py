"""The tutorial's incidents, as it solves them."""

import subprocess
import sys
import unittest
from pathlib import Path

TOP = Path(__file__).parents[2]


class Tutorial(unittest.TestCase):
    def test_both_incidents(self):
        program = TOP / "examples/tutorial/incidents.py"
        done = subprocess.run([sys.executable, program], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        # What the page shows is what the program runs.
        page = (TOP / "docs/tutorial.rst").read_text()
        for line in done.stdout.splitlines():
            if line.startswith("$ "):
                self.assertIn(" ".join(line.split()[:2]), page)
