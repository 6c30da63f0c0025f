"""The file: one process has it, and a damaged one is set aside."""

import fcntl
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import ConfigError
from acra_twisted.telemetry.history.place import Place
from tests.support.histories import connect, piece, put

_HOLDER = """
import sys
from acra_twisted.telemetry.history.place import Place
place = Place(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


class One(SynchronousTestCase):
    def setUp(self):
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.path = self.folder / "history"

    def place(self):
        found = Place(str(self.path))
        self.addCleanup(found.release)
        return found

    def refused(self, words):
        with self.assertRaisesRegex(ConfigError, words):
            Place(str(self.path))

    def test_it_is_this_users_alone(self):
        before = os.umask(0)
        self.addCleanup(os.umask, before)
        place = self.place()
        connection = connect(place.path)
        self.addCleanup(connection.close)
        put(connection, piece(1))
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in self.folder.iterdir()}
        names = ("history", "history-shm", "history-wal", "history.lock")
        self.assertEqual(modes, dict.fromkeys(names, 0o600))

    def test_no_two_have_it(self):
        first = Place(str(self.path))
        self.refused("another process has .*each daemon needs a file of its own")
        first.release()
        self.place()

    def test_one_that_comes_too_late_leaves_the_lock_to_its_holder(self):
        """The first one takes it just after the second one has seen that nobody has."""
        self.between(lambda: self.place())
        self.refused("another process has")
        self.refused("another process has")

    def test_a_lock_that_nobody_has_judged_by_is_no_history(self):
        """Another one, which is refused then, is looking at what is none at the same moment."""
        self.path.write_bytes(b"a key")
        self.path.chmod(0o600)
        self.between(lambda: self.refused("something else than a history"))
        self.refused("something else than a history")
        self.assertEqual(self.path.read_bytes(), b"a key")

    def between(self, act):
        """Do something just before the next lock is taken."""
        lock, acts = fcntl.flock, [act]

        def taking(descriptor, how):
            if acts:
                acts.pop()()
            return lock(descriptor, how)

        self.patch(fcntl, "flock", taking)

    def test_a_killed_process_has_it_no_more(self):
        holder = subprocess.Popen(
            [sys.executable, "-c", _HOLDER, str(self.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.assertEqual(holder.stdout.readline(), b"held\n")
        self.refused("another process has")
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        holder.stdin.close()
        holder.stdout.close()
        self.place()

    def test_what_others_can_read_is_refused(self):
        self.path.touch(0o644)
        self.path.chmod(0o644)
        self.refused("mode 0644")
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o644)

    def test_what_is_no_file_is_refused(self):
        self.path.mkdir()
        self.refused("cannot open|no regular file")

    def test_a_link_is_not_followed(self):
        (self.folder / "elsewhere").touch(0o600)
        self.path.symlink_to(self.folder / "elsewhere")
        self.refused("no regular file")

    def test_a_folder_that_is_not_there(self):
        self.path = self.folder / "none" / "history"
        self.refused("cannot make .*No such file")

    def test_something_else_is_left_alone(self):
        connection = sqlite3.connect(self.path)
        connection.execute("CREATE TABLE precious (x)")
        connection.close()
        self.path.chmod(0o600)
        self.refused("something else than a history")
        self.path.write_bytes(b"a key")
        self.refused("something else than a history")
        self.refused("something else than a history")
        self.assertEqual(self.path.read_bytes(), b"a key")

    def test_a_copy_of_a_history_is_one(self):
        connect(self.path).close()
        self.path.chmod(0o600)
        self.place()

    def test_a_history_that_is_damaged_is_taken(self):
        Place(str(self.path)).release()
        self.path.write_bytes(b"damaged" * 100)
        self.place()


class Aside(SynchronousTestCase):
    def setUp(self):
        folder = Path(self.mktemp())
        folder.mkdir()
        self.path = folder / "history[1]"
        self.place = Place(str(self.path))
        self.addCleanup(self.place.release)

    def names(self):
        return sorted(file.name for file in self.path.parent.iterdir())

    def test_it_is_renamed_by_the_time(self):
        self.path.write_bytes(b"damaged")
        Path(f"{self.path}-wal").write_bytes(b"log")
        Path(f"{self.path}-shm").write_bytes(b"index")
        aside = self.place.set_aside(1_790_000_000.5)
        self.assertEqual(Path(aside).read_bytes(), b"damaged")
        self.assertEqual(Path(aside).name, "history[1].damaged-20260921T141320Z")
        self.assertEqual(Path(f"{aside}-wal").read_bytes(), b"log")
        self.assertEqual((self.path.stat().st_size, self.path.stat().st_mode & 0o777), (0, 0o600))
        self.assertEqual(len(self.names()), 4)
        connect(self.path).close()

    def test_there_is_one_at_most(self):
        for moment in (1_790_000_000, 1_790_000_100):
            self.path.write_bytes(b"damaged")
            Path(f"{self.path}-wal").write_bytes(b"log")
            aside = self.place.set_aside(moment)
        names = [Path(aside).name, f"{Path(aside).name}-wal"]
        self.assertEqual(self.names(), ["history[1]", *names, "history[1].lock"])

    def test_it_may_be_gone(self):
        self.path.unlink()
        self.place.set_aside(0)
        self.assertEqual(self.names(), ["history[1]", "history[1].lock"])
