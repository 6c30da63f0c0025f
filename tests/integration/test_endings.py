"""Programs that start servers end what they started, however they are killed themselves."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from tests.support.leftovers import heed_hangups, running

TOP = Path(__file__).parents[2]
#: A test that starts servers and waits, for a pytest of its own.
WAITING = """
import time
from tests.integration.base import Surroundings
class Waiting(Surroundings):
    def test_waiting(self):
        self.chain()
        time.sleep(600)
"""


class Programs(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="acra-endings-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.addCleanup(self.kill)
        self.folder.chmod(0o755)

    def kill(self):
        for pid in running(self.folder):
            os.kill(pid, signal.SIGKILL)

    def ends(self, *arguments, daemons=2, by=signal.SIGKILL):
        """Start a program, wait for that many of our daemons, and end it."""
        ours = {key: value for key, value in os.environ.items() if not key.startswith("COVERAGE_")}
        child = subprocess.Popen(
            [sys.executable, *map(str, arguments)],
            cwd=TOP,
            env={**ours, "TMPDIR": str(self.folder), "PYTHONPATH": str(TOP)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=heed_hangups,
        )
        self.addCleanup(child.wait, 30)
        self.addCleanup(child.kill)
        self.until(lambda: len(self.daemons()) >= daemons, 120)
        child.send_signal(by)
        self.until(lambda: not running(self.folder), 60)

    def daemons(self):
        found = []
        for pid in running(self.folder):
            try:
                command = Path(f"/proc/{pid}/cmdline").read_bytes()
            except OSError:
                continue
            found += [pid] if b"twistd" in command and b"setpriv" not in command else []
        return found

    def until(self, what, seconds):
        deadline = time.monotonic() + seconds
        while not what():
            self.assertLess(time.monotonic(), deadline, running(self.folder))
            time.sleep(0.05)

    def test_the_demo(self):
        self.ends("examples/demo/demo.py")

    def test_the_tutorial(self):
        self.ends("examples/tutorial/incidents.py", by=signal.SIGHUP)

    def test_the_soak_run(self):
        self.ends("-m", "tests.soak.run", "--seconds=60", by=signal.SIGTERM)

    def test_tests(self):
        program = self.folder / "test_waiting.py"
        program.write_text(WAITING)
        self.ends("-m", "pytest", "-q", "-p", "tests.conftest", program)
