"""Kinds of trouble, and how often each is said."""

import contextlib
import os
import sqlite3

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events
from acra_twisted.telemetry.history import troubles
from acra_twisted.telemetry.history.room import Crowded
from acra_twisted.telemetry.history.schema import Foreign
from acra_twisted.telemetry.history.troubles import Gone, Troubles, kind_of, name_of
from tests.support.histories import connect, piece, put


class Kinds(SynchronousTestCase):
    def error(self, act):
        try:
            act()
        except Exception as error:
            return error
        raise AssertionError("nothing was raised")

    def test_of_sqlite(self):
        path = self.mktemp()
        connection = connect(path)
        self.addCleanup(connection.close)
        other = sqlite3.connect(path, isolation_level=None, timeout=0)
        self.addCleanup(other.close)
        other.execute("BEGIN IMMEDIATE")
        connection.execute("PRAGMA busy_timeout = 0")
        locked = self.error(lambda: put(connection, piece(1)))
        self.assertEqual((kind_of(locked), name_of(locked)), (troubles.LOCKED, "SQLITE_BUSY"))
        other.execute("ROLLBACK")
        connection.execute("PRAGMA max_page_count = 1")
        full = self.error(lambda: connection.execute("CREATE TABLE x (y)"))
        self.assertEqual(kind_of(full), troubles.FULL)
        wrong = self.error(lambda: connection.execute("SELECT * FROM nothing"))
        self.assertEqual(kind_of(wrong), troubles.DAMAGED)
        with open(os.path.abspath(self.mktemp()), "wb") as file:
            file.write(b"nothing of the kind" * 100)
        damaged = self.error(lambda: connect(file.name))
        self.assertEqual((kind_of(damaged), name_of(damaged)), (troubles.DAMAGED, "SQLITE_NOTADB"))
        missing = self.error(lambda: connect("/nowhere/at/all"))
        self.assertEqual(kind_of(missing), troubles.DISK)

    def test_of_others(self):
        undecodable = self.error(lambda: b"\x80".decode())
        for error, kind, name in (
            (Crowded(), troubles.CROWDED, "Crowded"),
            (Foreign("it is of a later release"), troubles.DAMAGED, "it is of a later release"),
            (Gone(), troubles.GONE, "Gone"),
            (undecodable, troubles.DAMAGED, "UnicodeDecodeError"),
            (OSError(28, "No space left on device"), troubles.DISK, "No space left on device"),
            (ValueError("'secret'"), troubles.FAULT, "ValueError"),
            (sqlite3.IntegrityError("secret"), troubles.FAULT, "IntegrityError"),
        ):
            self.assertEqual((kind_of(error), name_of(error)), (kind, name))


class Said(SynchronousTestCase):
    def setUp(self):
        self.clock = Clock()
        self.lines = []
        self.troubles = Troubles(self, "/var/history", self.clock.seconds)

    def warn(self, text, **fields):
        self.lines.append(fields)

    def test_once_an_hour_for_each_kind(self):
        for _ in range(5):
            self.troubles.saw(troubles.FULL, "SQLITE_FULL")
        self.troubles.saw(troubles.LOCKED, "SQLITE_BUSY")
        self.clock.advance(3599)
        self.troubles.saw(troubles.FULL, "SQLITE_FULL")
        self.assertEqual(len(self.lines), 2)
        self.clock.advance(1)
        self.troubles.saw(troubles.FULL, "SQLITE_FULL")
        first, _, again = self.lines
        self.assertEqual(first["file"], "/var/history")
        self.assertEqual(first["code"], events.HISTORY)
        self.assertIn("disk is full", first["event_text"])
        self.assertNotIn("times", first)
        self.assertEqual(again["times"], 6)
        self.assertEqual(self.troubles.counts[troubles.FULL], 7)
        self.assertEqual(self.troubles.counts[troubles.DISK], 0)

    def test_each_kind_has_words(self):
        for kind in troubles.TEXTS:
            with contextlib.suppress(KeyError):
                self.troubles.saw(kind, "")
        self.assertEqual(len(self.lines), len(troubles.TEXTS))
