"""Settings of a session under which AcraServer's own question would take a server too long."""

from __future__ import annotations

from tests.integration.protected import ProtectedCase
from tests.integration.test_new_views import CONFIG, SECRETS, TABLE

#: Each makes a server compile whatever it can.
SETTINGS = "SET enable_nestloop = off; SET jit_above_cost = 0; SET jit_optimize_above_cost = 0"


class QuestionSettings(ProtectedCase):
    config = CONFIG
    table = TABLE
    secrets = SECRETS

    def shown(self, db, name):
        return db.execute(f"SHOW {name}").fetchone()[0]

    def test_a_session_keeps_its_own(self):
        for autocommit in (True, False):
            for own in ("on", "off"):
                with self.connect(self.served, autocommit=autocommit) as db:
                    db.execute(f"{SETTINGS}; SET jit = {own}")
                    db.execute("CREATE TEMP TABLE IF NOT EXISTS asked (a int)")
                    db.execute("INSERT INTO people VALUES (1, 'Zaphodius')")
                    found = db.execute("SELECT name FROM people").fetchone()
                    self.assertEqual(found, ("Zaphodius",))
                    self.assertEqual(self.shown(db, "jit"), own)
                    db.execute("COMMIT; BEGIN; SET LOCAL jit = on; DROP TABLE asked")
                    db.execute("UPDATE people SET name = 'Zaphodius'")
                    self.assertEqual(self.shown(db, "jit"), "on")
                    db.execute("COMMIT")
                    self.assertEqual(self.shown(db, "jit"), own)
