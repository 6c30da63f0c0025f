"""Types whose tables change with them."""

from twisted.trial.unittest import SynchronousTestCase

from tests.support.planning import outcome


class Cascades(SynchronousTestCase):
    def test_tables_do_not_change_with_their_type(self):
        for text in (
            "ALTER TYPE t RENAME ATTRIBUTE name TO nom CASCADE",
            "alter type app.t drop attribute if exists name cascade",
            "ALTER TYPE t ADD ATTRIBUTE note text, ALTER ATTRIBUTE name TYPE text CASCADE",
        ):
            self.assertEqual(outcome(text), "!schema_mismatch")

    def test_without_the_word_the_database_refuses_it(self):
        for text in (
            "ALTER TYPE t RENAME ATTRIBUTE name TO nom",
            "ALTER TYPE t DROP ATTRIBUTE name RESTRICT",
            "DROP TYPE t CASCADE",
            "ALTER TABLE t DROP COLUMN attribute CASCADE",
        ):
            self.assertEqual(outcome(text), text)
