"""The tables, and their earlier versions."""

import sqlite3

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.history import pieces, reading, schema
from acra_twisted.telemetry.history.schema import Foreign
from tests.support.histories import NOW, connect, event, piece, put


def tables(connection):
    rows = connection.execute("SELECT type, name, sql FROM sqlite_schema ORDER BY name")
    return rows.fetchall()


#: A piece of the first release.
_PIECE = (
    "INSERT INTO piece VALUES (?, ?, x'01', x'02', ?, ?, ?, 'allow', '', 0, 'a client', 'u', 'd', "
    "1, 10, x'00')"
)


class Schema(SynchronousTestCase):
    def setUp(self):
        self.path = self.mktemp()

    def made(self, version):
        """A file of an earlier release."""

        def prepare(connection):
            connection.execute("BEGIN")
            schema.migrate(connection, version)
            connection.execute("COMMIT")

        return connect(self.path, prepare)

    def test_a_new_file(self):
        connection = connect(self.path)
        self.addCleanup(connection.close)
        self.assertEqual(schema.version_of(connection), schema.VERSION)
        self.assertEqual(connection.execute("PRAGMA journal_mode").fetchone(), ("wal",))
        self.assertEqual(connection.execute("PRAGMA page_size").fetchone(), (schema.PAGE,))

    def test_opening_again_changes_nothing(self):
        connection = connect(self.path)
        put(connection, piece(1))
        before = tables(connection)
        connection.close()
        connection = connect(self.path)
        self.addCleanup(connection.close)
        self.assertEqual(tables(connection), before)
        self.assertEqual(len(reading.search(connection, reading.Question()).rows), 1)

    def test_every_earlier_version_is_brought_up_to_date(self):
        new = connect(":memory:")
        self.addCleanup(new.close)
        for version in range(1, schema.VERSION):
            self.path = self.mktemp()
            old = self.made(version)
            old.execute("INSERT INTO shape VALUES (1, x'00', 2, 'SELECT t', 'SELECT ?')")
            for number, start in ((1, NOW), (2, NOW + 5)):
                old.execute(_PIECE, (number, pieces.SAMPLED, start, start + 1, 1))
            old.execute("UPDATE shelf SET next = 3, pieces = 2, bytes = 20 WHERE number = 0")
            old.close()
            with self.assertRaises(Foreign):
                reading.open_for_reading(self.path)
            connection = connect(self.path)
            self.assertEqual(tables(connection), tables(new))
            put(connection, piece(3, start=NOW + 9), event(1))
            found = reading.search(connection, reading.Question()).rows
            self.assertEqual([row.start - NOW for row in found], [9, 5, 0])
            self.assertEqual(len(reading.events(connection, reading.EventQuestion()).rows), 1)
            connection.close()

    def test_a_later_version_is_not_ours(self):
        connection = connect(self.path)
        connection.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
        connection.close()
        with self.assertRaisesRegex(Foreign, "later release"):
            connect(self.path)

    def test_another_database_is_not_ours(self):
        for text in ("CREATE TABLE x (y)", "PRAGMA application_id = 5", "PRAGMA user_version = 1"):
            path = self.mktemp()
            connection = sqlite3.connect(path)
            connection.execute(text)
            connection.close()
            with self.assertRaisesRegex(Foreign, "another database"):
                connect(path)

    def test_a_half_made_file_is_made_again(self):
        connection = sqlite3.connect(self.path, **schema.CONNECTION)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("BEGIN")
        schema.migrate(connection)
        connection.execute("ROLLBACK")
        connection.close()
        connect(self.path).close()
