"""The switch to second columns; tests/integration/test_migrating.py has real tables."""

import os
import signal

from acra_twisted.encryption.postgresql import secondcolumns
from acra_twisted.encryption.postgresql.schema import TABLE, Relation
from tests.support.schemas import column, table
from tests.unit.tools.test_migrate import MigrateCase


class Switch(MigrateCase):
    def test_a_switch_needs_a_second_column(self):
        told = self.migrate("encrypt", "cards", "--switch")
        self.assertIn("it has no second column to switch to", told)
        self.database.tables[0] = table(1, "people", column("name", 1, 25), column("name__acra", 2))
        told = self.migrate("encrypt", "people", "--switch")
        self.assertIn("public.people: switched", told)
        asked = self.database.asked
        begun = asked.index('LOCK TABLE "public"."people" IN ACCESS EXCLUSIVE MODE')
        self.assertEqual(asked[begun - 2 : begun], ["BEGIN", "SET LOCAL lock_timeout = '5s'"])
        self.assertEqual(asked[-1], "COMMIT")
        self.assertTrue([text for text in asked[begun:] if "RENAME COLUMN" in text])
        # All rows are compared before the lock, and behind it those that were written since.
        compared = [at for at, text in enumerate(asked) if '"name__acra" IS NOT NULL' in text]
        newer = [at for at in compared if "age('4294967290'::xid)" in asked[at]]
        self.assertEqual(newer, [at for at in compared if at > begun])
        self.assertTrue(newer and compared != newer)
        mark = secondcolumns.mark(Relation(1, "public", "people", TABLE, []))
        self.assertLess(asked.index(mark), compared[0])

    def test_rows_that_may_have_moved_are_all_compared_under_the_lock(self):
        for files in ([b"7", b"8"], [b"7", None], [None, None]):
            self.database.tables[0] = table(
                1, "people", column("name", 1, 25), column("name__acra", 2)
            )
            self.database.files = files
            self.database.asked.clear()
            self.migrate("encrypt", "people", "--switch")
            asked = self.database.asked
            begun = asked.index('LOCK TABLE "public"."people" IN ACCESS EXCLUSIVE MODE')
            compared = [text for text in asked[begun:] if '"name__acra" IS NOT NULL' in text]
            self.assertTrue(compared)
            self.assertFalse([text for text in compared if "pg_catalog.age" in text])

    def test_a_switch_that_is_stopped_is_undone(self):
        self.database.tables[0] = table(1, "people", column("name", 1, 25), column("name__acra", 2))

        def sized():
            if "BEGIN" in self.database.asked:
                os.kill(os.getpid(), signal.SIGTERM)

        self.database.sized = sized
        named = f"--encryptor_config_file={self.config}"
        keys = (f"--keys_dir={self.folder}", "--client_id=some client")
        self.refused("as it was before the switch", "encrypt", named, *keys, "people", "--switch")
        self.assertEqual(self.database.asked[-1], "ROLLBACK")
        self.assertFalse([text for text in self.database.asked if "RENAME" in text])
