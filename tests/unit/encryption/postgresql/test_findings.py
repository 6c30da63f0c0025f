"""Findings: what does not fit between the configuration and the database."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.misfits import ERROR, NOTICE, WARNING
from acra_twisted.encryption.postgresql import storage, types
from acra_twisted.encryption.postgresql.findings import findings
from acra_twisted.encryption.postgresql.protection import Protection
from acra_twisted.encryption.postgresql.schema import (
    PREFIX,
    SUBSTRING,
    Attached,
    Attribute,
    Index,
    Key,
    Relation,
    Schema,
    Writer,
)
from acra_twisted.encryption.settings import EncryptionSettings, TableSetting
from tests.unit.encryption.postgresql.test_protection import columns, protection, settings

ID = Attribute("id", 1, 23, 23)
NAME = Attribute("name", 2, 17, 17, -1, "bytea")
PEOPLE = Relation(1, "public", "people", "r", (ID, NAME))
SEARCHABLE = {"kind": "searchable"}
INDEX = Index("found", (Key(2, PREFIX),))


class Case(SynchronousTestCase):
    def levels(self, relation=PEOPLE, given=None, **changed):
        """Levels and labels of the findings about one table."""
        made = protection([relation], given or settings("people.name", **changed))
        return [(found.level, found.label) for found in findings(made)]

    def text(self, relation, **changed):
        [found] = findings(protection([relation], settings("people.name", **changed)))
        return found


class Tables(Case):
    def test_nothing_is_found_where_all_fits(self):
        self.assertEqual(self.levels(), [])
        self.assertEqual(self.levels(PEOPLE._replace(indexes=(INDEX,)), **SEARCHABLE), [])

    def test_a_table_that_is_not_there_with_the_nearest_one(self):
        made = protection([], settings("people.name"))
        [found] = findings(made, ["firms", "poeple"])
        self.assertEqual((found.level, found.label), (ERROR, "people"))
        self.assertIn("'poeple'", found.text)

    def test_a_column_that_is_not_there_with_the_nearest_one(self):
        [found] = findings(protection([PEOPLE], settings("people.nmae")))
        self.assertEqual((found.level, found.label), (ERROR, "people.nmae"))
        self.assertIn("'name'", found.text)

    def test_several_tables_of_a_name(self):
        other = PEOPLE._replace(oid=2, schema="other")
        unlike = other._replace(attributes=columns("x", "name"))
        for second, level in ((other, NOTICE), (unlike, WARNING)):
            found = findings(protection([PEOPLE, second], settings("people.name")))
            self.assertEqual([(one.level, one.label) for one in found], [(level, "people")])
            self.assertIn("other, public", found[0].text)

    def test_another_order_of_columns(self):
        table = settings("people.name").tables[0]
        for order, expected in (
            (("id", "name"), []),
            (("name", "id"), [(WARNING, "people")]),
            (("name",), [(WARNING, "people")]),
        ):
            given = EncryptionSettings([table._replace(columns=order)])
            self.assertEqual(self.levels(given=given), expected)

    def test_a_table_above_a_protected_one(self):
        child = PEOPLE._replace(oid=2, name="part", parents=(1,))
        found = findings(protection([PEOPLE, child], settings("part.name")))
        self.assertEqual([(one.level, one.label) for one in found], [(ERROR, "public.people")])

    def test_views_have_no_findings_of_their_own(self):
        view = Relation(2, "public", "shown", "v", (NAME._replace(number=1),), {1: (1, 2)})
        found = findings(protection([PEOPLE, view], settings("people.name")))
        self.assertEqual(found, [])


class Types(Case):
    def typed(self, base, modifier=-1, **changed):
        attribute = NAME._replace(type=base, base=base, modifier=modifier, type_name="its type")
        relation = PEOPLE._replace(attributes=(ID, attribute), indexes=(INDEX,))
        given = settings("people.name", **changed)
        allowing = given._replace(allow_text=True)
        return [
            [one.level for one in findings(protection([relation], either))]
            for either in (given, allowing)
        ]

    def test_containers_need_bytea(self):
        self.assertEqual(self.typed(types.BYTEA), [[], []])
        for base in (types.INT4, 114, 2950):
            self.assertEqual(self.typed(base), [[ERROR], [ERROR]])

    def test_text_may_be_allowed_where_nothing_is_searched(self):
        self.assertEqual(self.typed(types.TEXT), [[ERROR], []])
        self.assertEqual(self.typed(types.VARCHAR), [[ERROR], []])
        self.assertEqual(self.typed(types.VARCHAR, 84), [[ERROR], [ERROR]])
        self.assertEqual(self.typed(types.TEXT, **SEARCHABLE), [[ERROR], [ERROR]])

    def test_a_domain_is_as_the_type_behind_it(self):
        attribute = NAME._replace(type=16400)
        self.assertEqual(self.levels(PEOPLE._replace(attributes=(ID, attribute))), [])

    def test_tokens_need_their_own_type(self):
        tokens = {"kind": "tokenized", "token_type": "int64"}
        self.assertEqual(self.typed(storage.INT8, **tokens), [[], []])
        self.assertEqual(self.typed(types.INT4, **tokens), [[ERROR], [ERROR]])
        self.assertEqual(self.typed(types.TEXT, **tokens), [[ERROR], [ERROR]])


class Values(Case):
    def test_those_that_the_database_makes(self):
        for changed in ({"default_in_clear": True}, {"generated": True}):
            relation = PEOPLE._replace(attributes=(ID, NAME._replace(**changed)))
            self.assertEqual(self.levels(relation), [(ERROR, "people.name")])

    def test_a_column_that_is_computed_from_it_unless_it_is_a_prefix(self):
        for base, expected in ((23, [(ERROR, "people.name")]), (17, [])):
            computed = Attribute("n", 3, base, base, generated=True, reads=(2,))
            relation = PEOPLE._replace(attributes=(ID, NAME, computed))
            self.assertEqual(self.levels(relation), expected)


class Attachments(Case):
    def test_what_does_not_do_what_it_says(self):
        for kind in ("check", "foreign key", "reference", "exclusion", "policy", "statistics"):
            relation = PEOPLE._replace(attached=(Attached(kind, "thing", (1, 2)),))
            found = self.text(relation)
            self.assertEqual((found.level, found.label), (WARNING, "people.name"))
            self.assertIn("thing", found.text)
            relation = PEOPLE._replace(attached=(Attached(kind, "thing", (1,)),))
            self.assertEqual(self.levels(relation), [])

    def test_equal_tokens_are_equal(self):
        tokens = {"kind": "tokenized", "token_type": "bytes"}
        for kind, said in (("foreign key", 0), ("statistics", 0), ("check", 1), ("policy", 1)):
            relation = PEOPLE._replace(attached=(Attached(kind, "thing", (2,)),))
            self.assertEqual(len(self.levels(relation, **tokens, consistent=True)), said)
            self.assertEqual(len(self.levels(relation, **tokens)), 1)

    def test_what_concerns_the_whole_table(self):
        for kind in ("trigger", "rule", "publication"):
            found = self.text(PEOPLE._replace(attached=(Attached(kind, "thing"),)))
            self.assertEqual((found.level, found.label), (WARNING, "public.people"))
            self.assertIn("thing", found.text)


class Indexes(Case):
    def indexed(self, *indexes, **changed):
        found = self.levels(PEOPLE._replace(indexes=indexes), **changed)
        return [level for level, _ in found]

    def test_a_searchable_column_without_one(self):
        found = self.text(PEOPLE, **SEARCHABLE)
        self.assertEqual(found.level, NOTICE)
        self.assertEqual(
            found.remedy,
            'CREATE INDEX CONCURRENTLY ON "public"."people" (substr("name", 1, 33));',
        )

    def test_one_that_is_not_used(self):
        for unused in (
            INDEX._replace(partial=True),
            INDEX._replace(usable=False),
            INDEX._replace(keys=(Key(1), Key(2, PREFIX))),
        ):
            self.assertEqual(self.indexed(unused, **SEARCHABLE), [NOTICE])
        by_other = INDEX._replace(keys=(Key(2, SUBSTRING),))
        self.assertEqual(self.indexed(by_other, **SEARCHABLE), [WARNING])
        self.assertEqual(self.indexed(by_other, INDEX, **SEARCHABLE), [])

    def test_one_on_what_is_stored(self):
        raw = Index("raw", (Key(2),))
        self.assertEqual(self.indexed(raw), [NOTICE])
        self.assertEqual(self.indexed(raw._replace(unique=True)), [WARNING])
        tokens = {"kind": "tokenized", "token_type": "bytes"}
        self.assertEqual(self.indexed(raw, **tokens), [NOTICE])
        self.assertEqual(self.indexed(raw, **tokens, consistent=True), [])
        found = findings(
            protection(
                [PEOPLE._replace(indexes=(INDEX, raw._replace(unique=True)))],
                settings("people.name", **SEARCHABLE),
            )
        )
        self.assertIn("substr", found[0].remedy)


class Code(Case):
    def made(self, functions=(), writers=()):
        schema = Schema(1, {1: PEOPLE}, frozenset(functions), writers)
        return findings(Protection(schema, settings("people.name")))

    def test_functions_and_triggers_are_named(self):
        found = self.made(("add",), (Writer("public", "log", "t", "add"),))
        self.assertEqual(
            [(one.level, one.label) for one in found],
            [(WARNING, "add"), (WARNING, "public.log.t")],
        )

    def test_a_great_many_are_counted(self):
        found = self.made([f"f{number}" for number in range(150)])
        self.assertEqual(len(found), 101)
        self.assertIn("50 more", found[-1].text)


class Order(Case):
    def test_findings_are_in_the_order_of_the_configuration(self):
        tables = [TableSetting("", name, (), {}) for name in ("b", "a", "c")]
        found = findings(protection([], EncryptionSettings(tables)))
        self.assertEqual([one.label for one in found], ["b", "a", "c"])
