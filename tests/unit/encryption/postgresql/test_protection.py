"""The settings of protected columns laid upon a live schema."""

from hypothesis import given as drawn
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.postgresql.protection import Protection
from acra_twisted.encryption.postgresql.schema import (
    Attribute,
    Handed,
    Relation,
    Schema,
    SchemaError,
    Writer,
)
from acra_twisted.encryption.settings import ColumnSetting, EncryptionSettings, TableSetting


def columns(*names):
    return tuple(
        Attribute(name, number, 17, 17) for number, name in enumerate(names, 1) if name is not None
    )


def settings(*labels, **changed):
    """Settings of columns written ``table.column`` or ``schema.table.column``."""
    tables = {}
    for label in labels:
        *schema, table, column = label.split(".")
        setting = ColumnSetting("".join(schema), table, column, **changed)
        tables.setdefault(("".join(schema), table), {})[column] = setting
    return EncryptionSettings(
        [TableSetting(schema, table, (), found) for (schema, table), found in tables.items()]
    )


def protection(relations, given, functions=()):
    known = {relation.oid: relation for relation in relations}
    return Protection(Schema(1, known, frozenset(functions)), given)


def labels(made, oid):
    return {number: setting.label for number, setting in made.columns(oid).items()}


class CountedName(str):
    """The name of a column that counts how often it is looked up."""

    count = 0

    def __hash__(self):
        CountedName.count += 1
        return super().__hash__()


OIDS = st.integers(1, 5)
RELATIONS = st.builds(
    Relation,
    OIDS,
    st.just("public"),
    st.sampled_from(("people", "t", "v")),
    st.sampled_from("rv"),
    st.just(columns("a", "b")),
    st.dictionaries(st.integers(1, 2), st.tuples(OIDS, st.integers(1, 3))),
    st.lists(OIDS, max_size=3),
)
PEOPLE = Relation(1, "public", "people", "r", columns("id", None, "name"))


class OfFunctions(SynchronousTestCase):
    def test_those_that_are_trusted_concern_nothing(self):
        given = settings("people.name")._replace(trusted=frozenset(("register", "other")))
        made = protection([PEOPLE], given, ("register", "enlist"))
        self.assertEqual(made.functions, {"enlist"})
        self.assertEqual(made.names, {"people", "enlist"})


class ForeignKeys(SynchronousTestCase):
    """Foreign keys by which a column gets a new value with the one that it refers to."""

    def writer(self, given, column, source, key):
        """Find the writer of a table, ``source``, if ``column`` of people refers to its ``key``."""
        clones = PEOPLE._replace(oid=2, name="clones")
        name = {1: "people", 2: "clones", 3: "keys"}[source]
        writer = Writer("public", name, "k", "", source, [Handed(1, column, source, key)])
        schema = Schema(1, {1: PEOPLE, 2: clones}, frozenset(), [writer])
        made = Protection(schema, given)
        self.assertEqual("keys" in made.names, source == 3 and bool(made.writers))
        return made.writer(name, schema.relations.get(source))

    def test_a_protected_column_gets_nothing_from_one_that_is_not_protected_alike(self):
        given = settings("people.name")
        self.assertIsNotNone(self.writer(given, 3, 3, 1))
        self.assertIsNotNone(self.writer(given, 3, 2, 3))
        self.assertIsNotNone(self.writer(given, 3, 1, 1))
        apart = settings("clones.name", kind="tokenized", token_type="str")
        both = given._replace(tables=[*given.tables, *apart.tables])
        self.assertIsNotNone(self.writer(both, 3, 2, 3))
        self.assertIsNotNone(self.writer(both, 3, 2, 1))

    def test_other_columns_and_those_that_are_protected_alike_may_be_written(self):
        given = settings("people.name", "clones.name")
        self.assertIsNone(self.writer(given, 1, 3, 1))
        self.assertIsNone(self.writer(given, 3, 2, 3))
        self.assertIsNone(self.writer(given, 1, 1, 3))


class Below(SynchronousTestCase):
    """Columns of tables above a protected one, and of views of these, that reach its own."""

    base = Relation(5, "public", "base", "r", columns("id", "note"), parents=(99,))
    middle = Relation(6, "public", "middle", "r", columns("note", "id"), parents=(5,))
    heir = Relation(
        *(7, "public", "people", "r"),
        (*columns("note", "id"), Attribute("name", 3, 17, 17, generated=True, reads=(1,))),
        parents=(6,),
    )
    view = Relation(8, "public", "shown", "v", columns("n"), {1: (5, 2)})
    related = (base, middle, heir, view)

    def test_columns_that_are_added_above_come_to_it(self):
        made = protection(self.related, settings("people.name", "people.phone", "people.note"))
        for oid in (5, 6, 7):
            self.assertEqual(list(made.coming(oid)), ["phone"])
        self.assertEqual(made.coming(8), {})
        self.assertLessEqual({"base", "middle", "people"}, made.names)
        made = protection(self.related, settings("people.name"))
        self.assertEqual(made.coming(5), {})

    def test_columns_that_it_is_computed_from(self):
        made = protection(self.related, settings("people.name"))
        for oid, number in ((5, 2), (6, 1), (7, 1), (8, 1)):
            self.assertEqual(list(made.computed(oid)), [number])
            self.assertEqual(made.computed(oid)[number].label, "people.name")
        self.assertLessEqual({"base", "middle", "people", "shown"}, made.names)
        made = protection(self.related, settings("people.note"))
        self.assertEqual(made.computed(7), {})


class OfTypes(SynchronousTestCase):
    def test_one_that_cannot_hold_what_some_column_of_a_setting_stores(self):
        for bases, told in (((17, 17), None), ((17, 25), "type25"), ((25, 17), "type25")):
            relations = [
                Relation(
                    oid, schema, "people", "r", (Attribute("name", 1, 1, base, -1, f"type{base}"),)
                )
                for oid, (schema, base) in enumerate(zip("ab", bases, strict=True), 1)
            ]
            made = protection(relations, settings("people.name", kind="searchable"))
            (setting,) = made.settings.columns
            self.assertEqual(made.misfit(setting), told)


class OfNames(SynchronousTestCase):
    def test_those_of_tables_that_are_protected_differently_are_as_texts_have_them(self):
        for name, text in (
            ("People", b"people"),
            ("\xc9t\xe9", b"\xc3\x89t\xc3\xa9"),
            ('a"B', b'a""b'),
        ):
            other = PEOPLE._replace(oid=2, schema="other", name=name, attributes=columns("id"))
            made = protection([PEOPLE._replace(name=name), other], settings(f"{name}.name"))
            self.assertEqual(made.apart, [text])


class OfCircles(SynchronousTestCase):
    """No database has tables that inherit in a circle; a hostile one may say so.  Views that show
    each other it may have, though nobody can query them."""

    def test_tables_that_inherit_in_a_circle_are_no_schema(self):
        people = Relation(1, "public", "people", "r", columns("a", "b"))
        table = Relation(2, "public", "t", "r", columns("a", "b"), parents=(1, 3))
        view = Relation(3, "public", "v", "v", columns("a", "b"), sources={1: (2, 2), 2: (2, 1)})
        given = settings("people.a", "people.b")
        self.assertRaises(SchemaError, protection, [people, table, view], given)
        self.assertRaises(SchemaError, protection, [table._replace(parents=(2,))], given)

    def test_many_views_behind_a_circle_have_what_they_show(self):
        first = Relation(2, "public", "a", "v", columns("x", "y"), {1: (1, 3), 2: (3, 2)})
        second = Relation(3, "public", "b", "v", columns("x", "y"), {1: (2, 1), 2: (2, 2)})
        behind = [
            Relation(oid, "public", f"c{oid}", "v", columns("x"), {1: (oid - 1, 1)})
            for oid in range(4, 104)
        ]
        made = protection([*behind[::-1], first, second, PEOPLE], settings("people.name"))
        self.assertEqual([labels(made, oid) for oid in range(2, 104)], [{1: "people.name"}] * 102)

    def test_a_setting_goes_through_each_column_of_a_circle(self):
        many = range(1, 101)
        names = columns(*(f"c{number}" for number in many))
        first = Relation(
            *(2, "public", "a", "v", names),
            sources={number: (3, number - 1) if number > 1 else (1, 3) for number in many},
        )
        second = Relation(3, "public", "b", "v", names, {number: (2, number) for number in many})
        made = protection([first, second, PEOPLE], settings("people.name"))
        self.assertEqual(labels(made, 3), dict.fromkeys(many, "people.name"))

    def test_a_view_of_a_circle_may_have_settings_of_its_own(self):
        first = Relation(2, "public", "a", "v", columns("x"), {1: (3, 1)})
        second = Relation(3, "public", "b", "v", columns("x"), {1: (2, 1)})
        made = protection([first, second], settings("a.x"))
        self.assertEqual([labels(made, oid) for oid in (2, 3)], [{1: "a.x"}] * 2)

    def test_views_that_show_each_other_have_what_they_show(self):
        one = Relation(2, "public", "one", "v", columns("a", "b"), sources={1: (1, 3), 2: (3, 2)})
        two = Relation(3, "public", "two", "v", columns("a", "b"), sources={1: (2, 1), 2: (2, 2)})
        made = protection([two, one, PEOPLE], settings("people.name"))
        self.assertEqual([labels(made, oid) for oid in (2, 3)], [{1: "people.name"}] * 2)

    @drawn(st.lists(RELATIONS, min_size=2, max_size=5, unique_by=lambda one: one.oid))
    def test_any_schema_is_taken_or_refused(self, relations):
        try:
            made = protection(relations, settings("people.a", "people.b", "t.a"))
        except SchemaError:
            return
        for relation in relations:
            for number, (oid, source) in relation.sources.items():
                # A table's own settings, and those that it inherits, come first.
                if not relation.parents and relation.name == "v":
                    shown = made.columns(oid).get(source)
                    self.assertEqual(made.columns(relation.oid).get(number), shown)


class OfTables(SynchronousTestCase):
    def test_a_column_is_found_by_oid_and_number_with_the_gaps_of_dropped_ones(self):
        made = protection([PEOPLE], settings("people.name"))
        self.assertEqual(made.by_column[1, 3].label, "people.name")
        self.assertNotIn((1, 2), made.by_column)
        self.assertEqual(made.columns(7), {})

    def test_a_setting_without_a_schema_means_every_table_of_the_name_but_the_systems(self):
        other = PEOPLE._replace(oid=2, schema="other")
        system = PEOPLE._replace(oid=3, schema="pg_catalog")
        made = protection([PEOPLE, other, system], settings("people.name"))
        self.assertEqual([oid for oid, _ in made.by_column], [1, 2])

    def test_a_setting_with_a_schema_means_its_table_alone_and_goes_first(self):
        other = PEOPLE._replace(oid=2, schema="other")
        made = protection([PEOPLE, other], settings("people.name", "other.people.id"))
        self.assertEqual(labels(made, 1), {3: "people.name"})
        self.assertEqual(labels(made, 2), {1: "other.people.id"})
        made = protection([PEOPLE, other], settings("other.people.id"))
        self.assertEqual(labels(made, 1), {})

    def test_names_that_mean_tables_which_are_protected_differently(self):
        other = PEOPLE._replace(oid=2, schema="other")
        for given, apart in (
            (["people.name"], []),
            (["other.people.name"], [b"people"]),
            (["people.name", "other.people.name"], []),
            (["people.name", "other.people.id"], [b"people"]),
        ):
            self.assertEqual(protection([PEOPLE, other], settings(*given)).apart, apart, given)

    def test_names_are_those_that_can_concern_a_protected_column(self):
        firms = Relation(4, "public", "firms", "r", columns("name"))
        schema = Schema(1, {1: PEOPLE, 4: firms}, frozenset(("add_person",)))
        made = Protection(schema, settings("people.name", "later.secret"))
        self.assertEqual(made.names, {"people", "later", "add_person"})


class Inheritance(SynchronousTestCase):
    def child(self, oid=2, parents=(1,), names=("name", "id")):
        return Relation(oid, "public", f"part{oid}", "r", columns(*names), parents=parents)

    def test_a_partition_of_another_order_is_protected_by_names(self):
        made = protection([self.child(), PEOPLE], settings("people.name"))
        self.assertEqual(labels(made, 2), {1: "people.name"})
        self.assertIn("part2", made.names)

    def test_it_goes_on_to_partitions_of_partitions(self):
        chain = [self.child(oid, (oid - 1,)) for oid in range(40, 1, -1)]
        made = protection([*chain, PEOPLE], settings("people.name"))
        self.assertEqual(labels(made, 40), {1: "people.name"})

    def test_a_table_whose_partition_is_protected_apart_is_unclear_and_so_are_those_above_it(self):
        top = PEOPLE._replace(oid=9, name="all_people")
        middle = self.child(1, (9,), ("id", "name"))
        made = protection([top, middle, self.child()], settings("part2.name"))
        self.assertTrue(made.unclear(1))
        self.assertTrue(made.unclear(9))
        self.assertEqual(made.unclear(2), "")
        self.assertLessEqual({"all_people", "part1", "part2"}, made.names)

    def test_views_of_such_a_table_are_unclear_too(self):
        view = Relation(8, "public", "shown", "v", columns("n"), {1: (1, 1)})
        above = Relation(9, "public", "above", "v", columns("n"), {1: (8, 1)})
        apart = Relation(10, "public", "apart", "v", columns("n"), {1: (2, 1)})
        made = protection([above, view, apart, PEOPLE, self.child()], settings("part2.name"))
        self.assertTrue(made.unclear(8))
        self.assertTrue(made.unclear(9))
        self.assertEqual(made.unclear(10), "")
        self.assertLessEqual({"shown", "above"}, made.names)

    def test_both_are_unclear_if_they_are_protected_differently(self):
        tables = [
            *settings("people.name").tables,
            *settings("part2.name", kind="searchable").tables,
        ]
        made = protection([PEOPLE, self.child()], EncryptionSettings(tables))
        self.assertTrue(made.unclear(1))
        self.assertTrue(made.unclear(2))

    def test_like_settings_of_both_agree_unless_values_depend_on_the_label(self):
        for scoped, agree in ((False, True), (True, False)):
            given = settings("people.name", "part2.name", scoped=scoped)
            made = protection([PEOPLE, self.child()], given)
            self.assertEqual(made.unclear(1) == "", agree)

    def test_names_of_columns_are_looked_up_as_often_however_many_inherit_from_many(self):
        names = [CountedName(f"c{number}") for number in range(50)]
        fewest = None
        for count in (10, 40):
            tops = [
                Relation(oid, "public", f"top{oid}", "r", columns(*names))
                for oid in range(2, 1 + count)
            ]
            parents = (1, *(top.oid for top in tops))
            kids = [self.child(100 + at, parents, ("name", *names)) for at in range(count)]
            CountedName.count = 0
            made = protection([PEOPLE, *tops, *kids], settings("people.name"))
            self.assertEqual(labels(made, 100), {1: "people.name"})
            self.assertEqual(made.unclear(1), "")
            each = CountedName.count / (2 * count)
            fewest = fewest or each
            self.assertLessEqual(each, fewest * 1.5)


class Views(SynchronousTestCase):
    def test_a_view_over_a_view_is_protected_by_the_columns_that_it_shows(self):
        first = Relation(2, "public", "first", "v", columns("n", "x"), {1: (1, 3), 2: (1, 1)})
        second = Relation(3, "public", "second", "m", columns("x", "n"), {1: (2, 2), 2: (2, 1)})
        made = protection([second, first, PEOPLE], settings("people.name"))
        self.assertEqual(labels(made, 2), {1: "people.name"})
        self.assertEqual(labels(made, 3), {2: "people.name"})

    def test_a_view_of_other_columns_is_not_protected(self):
        view = Relation(2, "public", "ids", "v", columns("id"), {1: (1, 1)})
        made = protection([view, PEOPLE], settings("people.name"))
        self.assertEqual(labels(made, 2), {})
        self.assertNotIn("ids", made.names)

    def test_one_whose_query_cannot_be_read_is_unclear_and_so_are_those_above_it(self):
        deep = Relation(2, "public", "deep", "v", columns("n"), is_read=False)
        above = Relation(3, "public", "above", "v", columns("n"), {1: (2, 1)})
        other = Relation(4, "public", "other", "v", columns("n"), {1: (1, 3)})
        made = protection([above, deep, other, PEOPLE], settings("people.name"))
        for oid in (2, 3):
            self.assertIn("too long or too deep", made.unclear(oid))
        self.assertEqual((made.unclear(1), made.unclear(4)), ("", ""))
        self.assertLessEqual({"deep", "above"}, made.names)

    def test_a_view_may_have_settings_of_its_own(self):
        view = Relation(2, "public", "ids", "v", columns("id"), {1: (1, 1)})
        made = protection([view, PEOPLE], settings("ids.id"))
        self.assertEqual(labels(made, 2), {1: "ids.id"})
        self.assertEqual(labels(made, 1), {})
