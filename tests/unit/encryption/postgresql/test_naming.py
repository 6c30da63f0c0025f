"""The relation that a statement means by a name."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.postgresql.naming import NOT_PROTECTED, SearchPath, resolve
from acra_twisted.encryption.postgresql.schema import Relation
from tests.unit.encryption.postgresql.test_protection import (
    PEOPLE,
    columns,
    protection,
    settings,
)

OTHER = PEOPLE._replace(oid=2, schema="other")
BOTH = protection([PEOPLE, OTHER], settings("people.name"))
ONE = protection([PEOPLE, OTHER], settings("other.people.name"))


class Names(SynchronousTestCase):
    def found(self, made, name, schema="", path=("pg_catalog", "public"), temporary=()):
        return resolve(made, SearchPath(path, frozenset(temporary)), schema, name)

    def test_a_name_that_concerns_nothing_is_not_protected_whatever_the_path(self):
        self.assertEqual(self.found(BOTH, "firms", path=None), NOT_PROTECTED)
        self.assertEqual(self.found(BOTH, "People"), NOT_PROTECTED)

    def test_a_bare_name_is_the_first_of_the_path(self):
        self.assertEqual(self.found(BOTH, "people").relation, PEOPLE)
        self.assertEqual(self.found(BOTH, "people", path=("other", "public")).relation, OTHER)
        self.assertEqual(self.found(BOTH, "people", path=("empty", "other")).relation, OTHER)

    def test_a_qualified_name_needs_no_path(self):
        self.assertEqual(self.found(BOTH, "people", "other", None).relation, OTHER)

    def test_a_table_without_settings_may_have_the_name_of_a_protected_one(self):
        found = self.found(ONE, "people")
        self.assertEqual(found.relation, PEOPLE)
        self.assertEqual(ONE.columns(1), {})

    def test_a_namesake_hides_a_view_that_stands_behind_it_in_the_path(self):
        view = Relation(3, "other", "shown", "v", columns("name"), {1: (1, 3)})
        table = Relation(4, "public", "shown", "r", columns("name"))
        made = protection([PEOPLE, view, table], settings("people.name"))
        self.assertEqual(self.found(made, "shown", path=("public", "other")).relation, table)
        self.assertEqual(self.found(made, "shown", path=("other", "public")).relation, view)

    def test_a_table_that_is_not_there_is_unknown(self):
        made = protection([PEOPLE], settings("people.name", "later.secret", "app.firms.name"))
        for name, schema in (("later", ""), ("later", "app"), ("firms", ""), ("firms", "app")):
            self.assertTrue(self.found(made, name, schema).unknown, name)
        self.assertEqual(self.found(made, "firms", "public"), NOT_PROTECTED)
        self.assertEqual(self.found(made, "later", "pg_catalog"), NOT_PROTECTED)

    def test_a_bare_name_never_means_one_of_the_database_itself(self):
        """A database that does not tell the truth may say so."""
        forged = PEOPLE._replace(oid=3, schema="pg_catalog")
        made = protection([PEOPLE, forged], settings("people.name"))
        self.assertTrue(self.found(made, "people").unknown)
        self.assertEqual(self.found(made, "people", "pg_catalog").relation, forged)
        self.assertTrue(
            self.found(protection([forged], settings("people.name")), "people", path=None).unknown
        )

    def test_a_table_of_a_schema_outside_the_path_is_unknown(self):
        self.assertTrue(self.found(BOTH, "people", path=("pg_catalog", "empty")).unknown)
        self.assertTrue(self.found(BOTH, "people", path=()).unknown)

    def test_without_a_path_a_name_is_certain_only_if_one_table_has_it(self):
        self.assertTrue(self.found(BOTH, "people", path=None).unknown)
        alone = protection([OTHER], settings("people.name"))
        self.assertEqual(self.found(alone, "people", path=None).relation, OTHER)

    def test_a_temporary_table_hides_it(self):
        self.assertTrue(self.found(BOTH, "people", temporary=("people",)).unknown)
        self.assertTrue(self.found(BOTH, "people", "pg_temp").unknown)
        self.assertTrue(self.found(BOTH, "people", "pg_temp_12").unknown)
        found = self.found(BOTH, "people", "public", temporary=("people",))
        self.assertEqual(found.relation, PEOPLE)

    def test_a_table_that_is_protected_otherwise_than_its_partition_is_unknown(self):
        child = Relation(5, "public", "part", "r", columns("name"), parents=(1,))
        made = protection([PEOPLE, child], settings("part.name"))
        self.assertTrue(self.found(made, "people").unknown)
        self.assertEqual(self.found(made, "part").relation, child)
