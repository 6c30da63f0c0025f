"""The files of captured and unparsable statements: once each, private, bounded."""

import json
import os

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.stages.statementfile import StatementFile, read_statements
from tests.support.disk import Disk


class File(SynchronousTestCase):
    def setUp(self):
        self.path = self.mktemp()

    def test_each_text_once_in_acras_format(self):
        file = StatementFile(self.path)
        for text in ("SELECT ?", "SELECT ?", "SELECT a"):
            self.assertTrue(file.add(text))
        file.flush()
        file.flush()
        with open(self.path) as file:
            lines = [json.loads(line) for line in file]
        expected = {"raw_query": "SELECT ?", "_blacklisted_by_web_config": False}
        self.assertEqual(lines[0], expected)
        self.assertEqual(len(lines), 2)
        self.assertEqual(os.stat(self.path).st_mode & 0o777, 0o600)

    def test_what_the_file_holds_is_not_repeated(self):
        for _ in range(2):
            file = StatementFile(self.path)
            file.add("SELECT ?")
            file.flush()
        self.assertEqual(read_statements(self.path), ["SELECT ?"])

    def test_bounded(self):
        file = StatementFile(self.path, 1)
        self.assertTrue(file.add("a"))
        self.assertFalse(file.add("b"))
        self.assertTrue(file.add("a"))
        self.assertTrue(file.full)

    def test_other_lines_are_left_out(self):
        with open(self.path, "w") as file:
            file.write('nonsense\n[]\n{"query": "b", "count": 2}\n{"raw_query": 1}\n')
        self.assertEqual(read_statements(self.path), ["b"])

    def test_a_file_that_cannot_be_had(self):
        with self.assertRaises(OSError):
            StatementFile("/nowhere/file")
        target = self.mktemp()
        os.symlink(target, self.path)
        with self.assertRaises(OSError):
            StatementFile(self.path)

    def test_ob8_a_disk_that_gets_full(self):
        """Nothing is forgotten, nothing is there twice, and each text is on a line of its own."""
        disk = Disk(self)
        file = StatementFile(self.path)
        for number in range(4):
            file.add(f"SELECT c{number}")
        disk.room = 100
        self.assertRaises(OSError, file.flush)
        file.add("SELECT last")
        disk.room = None
        file.flush()
        texts = [*(f"SELECT c{number}" for number in range(4)), "SELECT last"]
        self.assertEqual(read_statements(self.path), texts)

    def test_ob8_what_another_process_left(self):
        with open(self.path, "w") as file:
            file.write('{"raw_query": "SELECT a"}\n{"raw_qu')
        file = StatementFile(self.path)
        file.add("SELECT b")
        file.flush()
        self.assertEqual(read_statements(self.path), ["SELECT a", "SELECT b"])
