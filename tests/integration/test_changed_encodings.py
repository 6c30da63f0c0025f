"""Values behind a change of the client's encoding, in one batch and later."""

from __future__ import annotations

import psycopg
from psycopg import pq

from tests.integration.protected import ProtectedCase

CONFIG = """
schemas:
  - table: people
    encrypted:
      - {column: name, data_type: str}
"""
NAME = "Zo\u00eb"
CHANGES = (
    (b"SET client_encoding TO LATIN1", None),
    (b"SET NAMES 'LATIN1'", None),
    (b"SELECT set_config($1, $2, false)", [b"client_encoding", b"LATIN1"]),
)
INSERT = b"INSERT INTO people (id, name) VALUES ($1, $2)"


class Changing(ProtectedCase):
    config = CONFIG
    table = "CREATE TABLE people (id int PRIMARY KEY, name bytea)"

    def setUp(self):
        super().setUp()
        self.db = self.connect(self.served)
        self.addCleanup(self.db.close)
        self.raw = self.db.pgconn

    def batches(self, *batches):
        """The status of each statement of some batches, which are sent before one is answered."""
        raw, found = self.raw, []
        raw.enter_pipeline_mode()
        for questions in batches:
            for text, values in questions:
                raw.send_query_params(text, values)
            raw.pipeline_sync()
        for questions in batches:
            for _ in questions:
                found.append(raw.get_result().status)
                while raw.get_result() is not None:
                    pass
            self.assertEqual(raw.get_result().status, pq.ExecStatus.PIPELINE_SYNC)
        raw.exit_pipeline_mode()
        return found

    def names(self):
        with self.connect(self.served) as db:
            return [name for (name,) in db.execute("SELECT name FROM people ORDER BY id")]

    def test_behind_a_change_in_one_batch(self):
        """Nobody knows the encoding of the value, and it is not sent."""
        for change in CHANGES:
            self.db.execute("SELECT name FROM people")
            found = self.batches([change, (INSERT, [b"1", NAME.encode("latin-1")])])
            self.assertIn(pq.ExecStatus.FATAL_ERROR, found, change)
            self.assertEqual(self.names(), [])
            # The batch was refused as a whole.
            [status] = self.batches([(INSERT, [b"1", NAME.encode()])])
            self.assertEqual((status, self.names()), (pq.ExecStatus.COMMAND_OK, [NAME]))
            self.db.execute("DELETE FROM people")

    def test_behind_a_change_in_the_batch_before(self):
        """The value waits for the answer, and is read by it."""
        for change in CHANGES:
            self.db.execute("SELECT name FROM people")
            self.batches([change], [(INSERT, [b"1", NAME.encode("latin-1")])])
            self.assertEqual(self.names(), [NAME])
            self.db.execute("DELETE FROM people; SET client_encoding TO UTF8")

    def test_behind_a_change_that_is_done(self):
        for number, encoding in enumerate(("LATIN1", "UTF8", "LATIN1"), 1):
            self.db.execute(f"SET client_encoding TO {encoding}")
            raw = NAME.encode("latin-1" if encoding == "LATIN1" else "utf-8")
            result = self.raw.exec_params(INSERT, [b"%d" % number, raw])
            self.assertEqual(result.status, pq.ExecStatus.COMMAND_OK, result.error_message)
        self.assertEqual(self.names(), [NAME] * 3)

    def test_a_text_that_changes_it_is_in_the_encoding_before(self):
        self.db.execute(f"SET client_encoding TO LATIN1; INSERT INTO people VALUES (1, '{NAME}')")
        self.assertEqual(self.names(), [NAME])

    def test_errors_leave_the_session_as_it_was(self):
        with self.assertRaises(psycopg.Error):
            self.db.execute("SET client_encoding TO nothing")
        self.db.execute("INSERT INTO people VALUES (1, %s)", (NAME,))
        self.assertEqual(self.names(), [NAME])
