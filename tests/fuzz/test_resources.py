"""Texts that stall or kill parsers are decided soon, and the process lives."""

import unittest

from tests.fuzz.base import run


class Resources(unittest.TestCase):
    def test_decided_soon(self):
        done = run("-m", "tests.fuzz.resources", seconds=120)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("73 texts, 0 wrong", done.stdout)
