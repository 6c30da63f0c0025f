"""Nothing that a program started outlives it, however it ends."""

import os
import pty
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.sandbox.endings import bound
from tests.support.leftovers import heed_hangups, running

TOP = Path(__file__).parents[3]
#: Starts a process and one that is stopped, says so, waits; says when it ends in order.  While it
#: ends it is told so again, as `make` and a process group's signal do.
PROGRAM = """
import os, signal, sys
from pathlib import Path
from acra_twisted.sandbox.endings import in_order
from acra_twisted.sandbox.processes import Process
in_order()
folder = Path(sys.argv[1])
sleep = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
children = [Process(sleep, folder / str(number)) for number in range(2)]
for child in children:
    child.wait_until(lambda: "up" in child.output(), "up")
children[1].send(signal.SIGSTOP)
(folder / "up").touch()
try:
    signal.pause()
except KeyboardInterrupt:
    for number in (signal.SIGTERM, signal.SIGHUP):
        os.kill(os.getpid(), number)
    for child in children:
        child.stop(seconds=10)
    (folder / "in order").touch()
"""


class Endings(SynchronousTestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(dir=self.mktemp_base()))
        self.addCleanup(self.kill)
        (self.folder / "program.py").write_text(PROGRAM)
        command = f'"{sys.executable}" program.py "{self.folder}"'
        (self.folder / "Makefile").write_text(f"all:\n\t@{command}\n")

    def mktemp_base(self):
        base = Path(self.mktemp()).absolute()
        base.mkdir(parents=True)
        return base

    def kill(self):
        for pid in running(self.folder):
            os.kill(pid, signal.SIGKILL)

    def until(self, what, said):
        deadline = time.monotonic() + 30
        while not what():
            if time.monotonic() > deadline:
                self.fail(f"{said}: {running(self.folder)}")
            time.sleep(0.02)

    def start(self, *arguments, **options):
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
        child = subprocess.Popen(
            arguments,
            cwd=self.folder,
            env={**environment, "PYTHONPATH": str(TOP)},
            start_new_session=True,
            preexec_fn=heed_hangups,
            **options,
        )
        self.addCleanup(child.wait, 30)
        self.addCleanup(child.kill)
        self.until((self.folder / "up").exists, "it is not up")
        self.assertGreaterEqual(len(running(self.folder)), 3)
        return child

    def gone(self, in_order):
        self.until(lambda: not running(self.folder), "something is left")
        self.assertEqual((self.folder / "in order").exists(), in_order)

    def python(self):
        return self.start(sys.executable, "program.py", str(self.folder))

    def make(self):
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return self.start("make", "-s", **quiet)

    def test_a_program_that_is_told_to_end(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            self.python().send_signal(number)
            self.gone(in_order=True)
            (self.folder / "in order").unlink()
            (self.folder / "up").unlink()

    def test_a_program_that_is_killed(self):
        self.python().kill()
        self.gone(in_order=False)

    def test_make_alone_is_told_to_end(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            self.make().send_signal(number)
            self.gone(in_order=True)
            (self.folder / "in order").unlink()
            (self.folder / "up").unlink()

    def test_make_alone_is_killed(self):
        self.make().kill()
        self.gone(in_order=True)

    def test_the_terminal_is_closed(self):
        master, slave = pty.openpty()
        command = ["setsid", "--ctty", "--wait", "make", "-s"]
        self.start(*command, stdin=slave, stdout=slave, stderr=slave)
        os.close(slave)
        os.close(master)
        self.gone(in_order=True)

    def test_nohup_stays_nohup(self):
        child = self.start(
            "nohup", sys.executable, "program.py", str(self.folder), stderr=subprocess.DEVNULL
        )
        child.send_signal(signal.SIGHUP)
        time.sleep(0.2)
        self.assertIsNone(child.poll())
        child.terminate()
        self.gone(in_order=True)

    def test_the_command_and_its_arguments_stay_what_they_are(self):
        command = bound([sys.executable, "-c", "import sys; print(sys.argv)", "--", "-x", "a b"])
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        self.assertEqual(said, "['-c', '--', '-x', 'a b']\n")

    def test_where_setpriv_is_missing(self):
        self.patch(os, "environ", {"PATH": "/nowhere"})
        self.assertEqual(bound(["a", "b"]), ["a", "b"])
