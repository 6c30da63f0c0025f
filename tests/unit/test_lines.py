"""Lines in files on disks that get full (OB-8)."""

import errno
import os

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.lines import Lines, is_cut, printable, write_whole
from tests.support.disk import Disk


class Appending(SynchronousTestCase):
    def setUp(self):
        self.path = self.mktemp()
        self.descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self.addCleanup(os.close, self.descriptor)
        self.disk = Disk(self)

    def content(self):
        with open(self.path, "rb") as file:
            return file.read()

    def test_short_writes(self):
        self.disk.most = 3
        lines = Lines(self.descriptor)
        lines.append(b"one two three\n")
        lines.append(b"four\n")
        write_whole(self.descriptor, b"five" * 9)
        self.assertEqual(self.content(), b"one two three\nfour\n" + b"five" * 9)

    @given(
        st.lists(
            st.tuples(st.binary(max_size=20), st.none() | st.integers(0, 25)),
            max_size=12,
        )
    )
    def test_what_was_written_whole_is_a_line(self, texts):
        os.truncate(self.path, 0)
        lines = Lines(self.descriptor)
        written = []
        for text, room in texts:
            line = text.replace(b"\n", b" ") + b"|"
            self.disk.room = room
            try:
                lines.append(line + b"\n")
            except OSError:
                continue
            written.append(line)
        self.disk.room = None
        found = self.content().split(b"\n")
        # In order, whatever else of those that were not is there.
        for line in written:
            self.assertIn(line, found)
            del found[: found.index(line) + 1]

    def test_other_errors(self):
        self.disk.error = errno.EIO
        lines = Lines(self.descriptor)
        for room in (4, 0):
            self.disk.room = room
            error = self.assertRaises(OSError, lines.append, b"one two\n")
            self.assertEqual(error.errno, errno.EIO)
        self.disk.room = None
        lines.append(b"three\n")
        self.assertEqual(self.content(), b"one \nthree\n")

    def test_a_system_that_takes_nothing(self):
        self.disk.most = 0
        self.assertRaises(OSError, Lines(self.descriptor).append, b"one\n")

    def test_what_somebody_else_left(self):
        self.assertFalse(is_cut(self.path))
        os.write(self.descriptor, b"one\n")
        self.assertFalse(is_cut(self.path))
        os.write(self.descriptor, b"tw")
        self.assertTrue(is_cut(self.path))
        Lines(self.descriptor, is_cut(self.path)).append(b"three\n")
        self.assertEqual(self.content(), b"one\ntw\nthree\n")
        for path in ("/nowhere/file", "/dev/null", os.path.dirname(self.path)):
            self.assertFalse(is_cut(path), path)


class Printable(SynchronousTestCase):
    @given(st.text(max_size=100))
    def test_it_is_one_line_and_nothing_that_a_terminal_obeys(self, text):
        for instead in ("?", " "):
            found = printable(text, instead)
            self.assertTrue(found.isprintable())
            self.assertEqual(len(found), len(text))

    def test_the_rest_stays(self):
        self.assertEqual(printable("a\nb\x1b[0m é"), "a?b?[0m é")
