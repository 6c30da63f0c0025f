"""New names and schemas of what is protected by its name."""

import pgparse
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.postgresql.definitions import refusal
from acra_twisted.encryption.postgresql.schema import Relation
from tests.unit.encryption.postgresql.test_definitions import GIVEN, PATH, PEOPLE, reasons
from tests.unit.encryption.postgresql.test_protection import columns, protection


class NewNames(SynchronousTestCase):
    def refused(self, text, reason, column="people.name"):
        self.assertEqual(reasons(text), [(reason, column)], text)

    def passes(self, *texts):
        for text in texts:
            self.assertEqual(reasons(text), [], text)

    def test_new_names_of_schemas(self):
        self.refused("ALTER SCHEMA app RENAME TO old", "schema_mismatch", "app.firms.name")
        self.passes(
            "ALTER SCHEMA public RENAME TO old",
            "ALTER SCHEMA other RENAME TO app",
            "ALTER SCHEMA app OWNER TO somebody",
        )

    def test_no_table_is_protected_in_schemas_of_the_database(self):
        for schema in ("pg_catalog", "information_schema"):
            self.refused(f"ALTER TABLE people SET SCHEMA {schema}", "schema_mismatch")
        self.passes("ALTER TABLE people SET SCHEMA other", "ALTER VIEW shown SET SCHEMA pg_catalog")

    def test_names_by_which_it_is_protected(self):
        self.refused("ALTER TABLE people RENAME name TO other", "schema_mismatch")
        self.refused("ALTER TABLE people RENAME TO other", "schema_mismatch")
        self.refused("ALTER TABLE app.firms SET SCHEMA public", "schema_mismatch", "app.firms.name")
        base = Relation(6, "public", "base", "r", columns("id", "name"))
        heir = PEOPLE._replace(parents=(6,))
        [statement] = pgparse.parse("ALTER TABLE base RENAME COLUMN name TO nick")
        made = protection([heir, base], GIVEN)
        refused = refusal("RenameStmt", statement["stmt"]["RenameStmt"], made, PATH, [])
        self.assertEqual(refused.reason, "schema_unknown")
        self.passes(
            "ALTER TABLE people RENAME id TO other",
            "ALTER TABLE people RENAME name TO nick",
            "ALTER TABLE part RENAME TO other",
            "ALTER VIEW shown RENAME TO other",
            "ALTER TABLE people SET SCHEMA app",
            "ALTER TABLE other RENAME TO people",
        )
