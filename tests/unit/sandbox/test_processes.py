"""Children: started, waited for, ended by their own id."""

import os
import secrets
import signal
import socket
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.sandbox import processes
from acra_twisted.sandbox.processes import (
    Daemon,
    Process,
    accepts,
    free_port,
    processor_time,
    resident,
    twistd,
)

TOP = Path(__file__).parents[3]


class Daemons(SynchronousTestCase):
    def start(self, behind):
        program = (
            "import os, socket, sys, time; told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM);"
            " told.connect('\\0' + os.environ['NOTIFY_SOCKET'][1:]); told.send(b'WATCHDOG=1'); "
        )
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        daemon = Daemon([sys.executable, "-c", program + behind], folder / "log")
        self.addCleanup(daemon.stop)
        return daemon

    def test_it_serves_when_it_says_so(self):
        daemon = self.start("print('is ready', flush=True); told.send(b'READY=1'); time.sleep(60)")
        daemon.wait_until_it_serves()
        self.assertEqual(daemon.output(), "is ready\n")

    def test_one_that_never_serves(self):
        daemon = self.start("sys.exit('it cannot')")
        error = self.assertRaises(RuntimeError, daemon.wait_until_it_serves)
        self.assertIn("it cannot", str(error))

    def test_one_that_nobody_has_waited_for_leaves_no_socket(self):
        daemon = self.start("time.sleep(60)")
        daemon.stop()
        self.assertEqual(daemon._told.fileno(), -1)


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
        # What their beginning takes depends on the machine, and on what watches them.
        began, before = processor_time(busy.pid), processor_time(idle.pid)
        busy.wait_until(lambda: processor_time(busy.pid) > began + 0.3, "at work")
        self.assertLess(processor_time(idle.pid), before + 0.3)

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
        """Nobody listens on it yet."""
        given = [free_port() for _ in range(60)]
        self.assertEqual(len(set(given)), 60)

    def test_a_port_is_given_to_one_process(self):
        # Others than those of the same test in another process, which may run beside this one.
        few = range(first := 12_000 + secrets.randbelow(10_000), first + 40)
        self.patch(processes, "_PORTS", few)
        given = {free_port() for _ in range(15)}
        program = (
            f"from acra_twisted.sandbox import processes; processes._PORTS = {few};"
            "print(*(processes.free_port() for _ in range(15)))"
        )
        command = [sys.executable, "-c", program]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=TOP)
        theirs = set(map(int, done.stdout.split()))
        self.assertEqual((len(given), len(theirs)), (15, 15))
        self.assertFalse(given & theirs)

    def test_there_is_no_port_left(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            self.patch(processes, "_PORTS", [taken.getsockname()[1]])
            self.assertRaises(RuntimeError, free_port)

    def test_one_on_which_somebody_listens_is_not_given(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            self.patch(processes, "_PORTS", [port] * 20 + list(range(22_100, 22_200)))
            self.assertNotIn(port, {free_port() for _ in range(5)})

    def test_ports_and_commands(self):
        self.assertFalse(accepts(free_port()))
        command = twistd("acra-server", Path("/x/a.ini"), "--v", reactor="epoll")
        expected = ["--reactor=epoll", "-n", "acra-server"]
        self.assertEqual(command[1:4], expected)
        self.assertEqual(command[4:], ["--config_file=/x/a.ini", "--v"])
