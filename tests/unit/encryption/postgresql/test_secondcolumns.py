"""Second columns; tests/integration/test_migrating.py has their definitions run."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.migrating import DECRYPT, ENCRYPT
from acra_twisted.encryption.postgresql import secondcolumns
from acra_twisted.encryption.postgresql.schema import Relation
from acra_twisted.errors import ConfigError
from tests.unit.encryption.postgresql.test_moving import (
    BYTEA,
    INT4,
    TEXT,
    attribute,
    relation,
    setting,
)
from tests.unit.encryption.postgresql.test_protection import protection, settings

AGE = setting("people.age", data_type="int32")
PHONE = setting("people.phone", kind="tokenized", token_type="str", data_type="str")
PEOPLE = relation(
    *(1, "people", attribute("age", 1, INT4), attribute("phone", 2, TEXT)),
    *(attribute("name", 3, BYTEA), attribute("id", 4, INT4)),
)
COLUMNS = {1: AGE, 2: PHONE, 3: setting()}


def prepared(root, columns, *others, change=ENCRYPT):
    made = protection([root, *others], settings("people.age"))
    return secondcolumns.preparation(made, root, columns, change)


class Preparation(SynchronousTestCase):
    def test_columns_whose_type_holds_both_forms_need_none(self):
        self.assertEqual(prepared(PEOPLE, {3: setting()}), [])
        lines = "\n".join(prepared(PEOPLE, COLUMNS))
        self.assertIn('ALTER TABLE "public"."people" ADD COLUMN "age__acra" bytea;', lines)
        self.assertIn('ADD COLUMN "phone__acra" text;', lines)
        self.assertNotIn("name__acra", lines)

    def test_a_change_of_the_first_empties_the_second(self):
        *_, function, trigger, always = prepared(PEOPLE, COLUMNS)
        self.assertIn(
            'IF NEW."age"::text IS DISTINCT FROM OLD."age"::text THEN NEW."age__acra" := NULL;',
            function,
        )
        self.assertIn('CREATE TRIGGER "~people__acra" BEFORE UPDATE ON "public"."people"', trigger)
        self.assertIn('"public"."people" ENABLE ALWAYS TRIGGER "~people__acra"', always)

    def test_what_is_there_stays_and_the_trigger_knows_all(self):
        root = PEOPLE._replace(attributes=(*PEOPLE.attributes, attribute("age__acra", 5)))
        self.assertEqual(prepared(root, {1: AGE}), [])
        for columns in (COLUMNS, {2: PHONE}):
            added, function, dropped, made, _ = prepared(root, columns)
            self.assertNotIn("age__acra", added)
            self.assertIn("CREATE OR REPLACE FUNCTION", function)
            for name in ("age", "phone"):
                self.assertIn(f'THEN NEW."{name}__acra" := NULL;', function)
            self.assertEqual(
                dropped, 'DROP TRIGGER IF EXISTS "~people__acra" ON "public"."people";'
            )
            self.assertIn("CREATE TRIGGER", made)

    def test_tables_that_inherit_have_a_trigger_each_and_partitions_have_that_of_their_table(self):
        child = relation(2, "child", *PEOPLE.attributes)._replace(parents=(1,))
        for kind, tables in (("r", ["child", "people"]), ("p", ["people"])):
            root = PEOPLE._replace(kind=kind)
            lines = prepared(root, COLUMNS, child)
            made = [line for line in lines if "CREATE TRIGGER" in line]
            self.assertEqual([line.split('"')[5] for line in made], tables)
            always = [line for line in lines if "ENABLE ALWAYS" in line]
            self.assertEqual([line.split('"')[3] for line in always], tables)

    def test_the_way_back_has_the_types_that_applications_see(self):
        stored = relation(1, "people", attribute("age", 1), attribute("name", 3))
        lines = prepared(stored, {1: AGE, 3: setting()}, change=DECRYPT)
        self.assertIn('ADD COLUMN "age__acra" integer;', lines[0])
        self.assertEqual(len(lines), 4)

    def test_a_second_column_is_made_once(self):
        made = relation(1, "people", attribute("age", 1, INT4), attribute("age__acra", 2))
        self.assertEqual(prepared(made, {1: AGE}), [])

    def test_what_an_earlier_switch_has_left_comes_first(self):
        for name in ("phone__before", "phone__stored"):
            left = attribute(name, 5, TEXT)
            root = PEOPLE._replace(attributes=(*PEOPLE.attributes, left))
            beside = attribute("phone__acra", 6, TEXT)
            both = root._replace(attributes=(*root.attributes, beside))
            made = protection([both], settings("people.phone"))
            for change in (ENCRYPT, DECRYPT):
                with self.assertRaisesRegex(ConfigError, f"drop column {name} of an earlier"):
                    prepared(root, {2: PHONE}, change=change)
                told = rf"table public\.people: drop column {name} "
                with self.assertRaisesRegex(ConfigError, told):
                    secondcolumns.switch(made, both, change)

    def test_names_that_the_database_would_cut(self):
        long = relation(1, "people", attribute("a" * 60, 1, INT4))
        self.assertRaises(ConfigError, prepared, long, {1: AGE})


class Switch(SynchronousTestCase):
    both = relation(
        *(1, "people", attribute("age", 1, INT4, not_null=True), attribute("age__acra", 2))
    )

    def test_the_second_takes_the_name_and_what_the_first_must_not_be(self):
        made = protection([self.both], settings("people.age"))
        self.assertEqual(
            secondcolumns.switch(made, self.both, ENCRYPT)[2:],
            [
                'ALTER TABLE "public"."people" ALTER COLUMN "age" DROP DEFAULT',
                'ALTER TABLE "public"."people" RENAME COLUMN "age" TO "age__before"',
                'ALTER TABLE "public"."people" RENAME COLUMN "age__acra" TO "age"',
                'ALTER TABLE "public"."people" ALTER COLUMN "age__before" DROP NOT NULL',
                'ALTER TABLE "public"."people" ALTER COLUMN "age" SET NOT NULL',
            ],
        )

    def test_nothing_to_switch_to(self):
        made = protection([PEOPLE], settings("people.age"))
        self.assertRaises(ConfigError, secondcolumns.switch, made, PEOPLE, ENCRYPT)

    def test_the_way_back_leaves_stored_values_under_a_name_of_their_own(self):
        made = protection([self.both], settings("people.age"))
        lines = secondcolumns.switch(made, self.both, DECRYPT)
        self.assertIn('ALTER TABLE "public"."people" RENAME COLUMN "age" TO "age__stored"', lines)

    def test_a_second_column_that_the_configuration_leaves_out(self):
        """Its values were not compared, and nothing would guard it."""
        pair = attribute("phone", 3, TEXT), attribute("phone__acra", 4, TEXT)
        root = self.both._replace(attributes=(*self.both.attributes, *pair))
        made = protection([root], settings("people.age"))
        error = self.assertRaises(ConfigError, secondcolumns.switch, made, root, ENCRYPT)
        self.assertIn("public.people: column phone has a second one", str(error))

    def test_a_view_of_the_first_column_is_in_the_way(self):
        view = Relation(
            2, "public", "shown", "v", (attribute("age", 1, INT4),), sources={1: (1, 1)}
        )
        made = protection([self.both, view], settings("people.age"))
        error = self.assertRaises(ConfigError, secondcolumns.switch, made, self.both, ENCRYPT)
        self.assertIn("public.shown", str(error))
