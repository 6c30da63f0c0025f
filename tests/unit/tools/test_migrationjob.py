"""The work of acra-migrate; tests/integration/test_migrating.py has real tables."""

import io
import os
import signal

from acra_twisted.tools import migrationjob
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

    def test_a_signal_ends_it_with_the_place_to_go_on_from(self):
        self.database.sized = lambda: os.kill(os.getpid(), signal.SIGTERM)
        before = signal.getsignal(signal.SIGTERM)
        named = f"--encryptor_config_file={self.config}"
        self.refused(
            "--resume='public.cards 0'",
            *("encrypt", named, f"--keys_dir={self.folder}", "--client_id=some client", "cards"),
        )
        self.assertEqual(signal.getsignal(signal.SIGTERM), before)
