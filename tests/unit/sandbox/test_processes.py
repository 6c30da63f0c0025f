"""Children: started, waited for, ended by their own id."""

import os
import signal
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.sandbox.processes import (
    Process,
    accepts,
    free_port,
    processor_time,
    resident,
    twistd,
)


class Children(SynchronousTestCase):
    def start(self, program):
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        process = Process([sys.executable, "-c", program], folder / "log")
        self.addCleanup(process.stop)
        return process

    def test_output_and_end(self):
        process = self.start("print('hello')")
        self.assertEqual((process.wait(10), process.output()), (0, "hello\n"))
        self.assertEqual(process.stop(), 0)

    def test_stop(self):
        process = self.start("import time; print('up', flush=True); time.sleep(60)")
        process.wait_until(lambda: "up" in process.output(), "up")
        process.send(0)
        self.assertEqual(process.stop(), -signal.SIGTERM)
        self.assertRaises(ProcessLookupError, os.kill, process.pid, 0)

    def test_what_one_uses(self):
        idle = self.start("import time; print('up', flush=True); time.sleep(60)")
        busy = self.start("held = b'x' * (1 << 26); print('up', flush=True)\nwhile True: pass")
        for process in (idle, busy):
            process.wait_until(lambda process=process: "up" in process.output(), "up")
        self.assertGreater(resident(busy.pid) - resident(idle.pid), 1 << 25)
        busy.wait_until(lambda: processor_time(busy.pid) > 0.3, "at work")
        self.assertLess(processor_time(idle.pid), 0.3)

    def test_one_that_does_not_end_is_killed(self):
        process = self.start(
            "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True);"
            "time.sleep(60)"
        )
        process.wait_until(lambda: "up" in process.output(), "up")
        self.assertEqual(process.stop(seconds=0.2), -signal.SIGKILL)

    def test_one_that_ends_early_says_why(self):
        process = self.start("raise SystemExit('no licence')")
        error = self.assertRaises(RuntimeError, process.wait_until, lambda: False, "ready")
        self.assertIn("no licence", str(error))

    def test_a_port_is_given_once(self):
        """The system may offer one again at once: nobody listens on it yet."""
        given = [free_port() for _ in range(60)]
        self.assertEqual(len(set(given)), 60)

    def test_ports_and_commands(self):
        self.assertFalse(accepts(free_port()))
        command = twistd("acra-server", Path("/x/a.ini"), "--v", reactor="epoll")
        expected = ["--reactor=epoll", "-n", "acra-server"]
        self.assertEqual(command[1:4], expected)
        self.assertEqual(command[4:], ["--config_file=/x/a.ini", "--v"])
