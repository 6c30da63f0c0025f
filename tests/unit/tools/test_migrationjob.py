"""The work of acra-migrate; tests/integration/test_migrating.py has real tables."""

import io
import os
import signal

from acra_twisted.tools import migrationjob
from tests.support.schemas import column, table
from tests.unit.tools.test_migrate import MigrateCase


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Job(MigrateCase):
    def test_a_terminal_is_shown_how_far_it_is(self):
        shown = Terminal()
        self.patch(migrationjob, "ERRORS", shown)
        self.migrate("encrypt", "cards")
        self.assertIn("public.cards: 100%, 0 changed", shown.getvalue())

    def test_columns_in_place_are_left_while_another_table_has_a_second_column(self):
        columns = column("name", 1, 25), column("name__acra", 2)
        self.database.tables[0] = table(1, "people", *columns)
        for tables in (("people", "cards"), ("cards", "people")):
            self.database.asked.clear()
            told = self.migrate("encrypt", *tables)
            self.assertIn("left as they are: cards.number; run this once more", told)
            self.assertIn("public.people: 0 values changed, 0 refused\n", told)
            self.assertNotIn("public.cards", told)
            read = [one for one in self.database.asked if 'FROM ONLY "public"' in one]
            self.assertTrue(read)
            self.assertFalse([one for one in read if "cards" in one])

    def test_a_signal_ends_it_with_the_place_to_go_on_from(self):
        self.database.sized = lambda: os.kill(os.getpid(), signal.SIGTERM)
        before = signal.getsignal(signal.SIGTERM)
        named = f"--encryptor_config_file={self.config}"
        self.refused(
            "--resume='public.cards 0'",
            *("encrypt", named, f"--keys_dir={self.folder}", "--client_id=some client", "cards"),
        )
        self.assertEqual(signal.getsignal(signal.SIGTERM), before)
