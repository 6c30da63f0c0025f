"""Answers to the questions about a database's schema."""

import base64

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.postgresql import catalog
from acra_twisted.encryption.postgresql.naming import SearchPath
from acra_twisted.encryption.postgresql.protection import Protection
from acra_twisted.encryption.postgresql.schema import (
    Attached,
    Attribute,
    Index,
    Key,
    SchemaError,
)
from tests.support.schemas import answer, cell, column, table
from tests.unit.encryption.postgresql.test_protection import settings

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)
KEYS = ("oid", "schema", "name", "kind", "view", "parents", "columns", "indexes", "attached")


class Relations(SynchronousTestCase):
    def one(self, *columns, **more):
        schema = catalog.read(answer(table(7, "people", *columns, **more)), 3)
        self.assertEqual(schema.number, 3)
        return schema.relations[7]

    def test_a_table_with_its_columns(self):
        found = self.one(column("id", 1, 23), column("Größe", 4))
        self.assertEqual((found.schema, found.name, found.kind), ("public", "people", "r"))
        self.assertEqual(
            found.attributes,
            (Attribute("id", 1, 23, 23, -1, "bytea"), Attribute("Größe", 4, 17, 17, -1, "bytea")),
        )

    def test_the_type_behind_domains_with_the_nearest_default(self):
        behind = [[16387, -1, "<>"], [1043, 14, None]]
        found = self.one(column("name", 1, 16388, domains=behind)).attributes[0]
        self.assertEqual((found.type, found.base, found.modifier), (16388, 1043, 14))
        self.assertTrue(found.default_in_clear)
        null = "{CONST :constisnull true}"
        found = self.one(column("name", 1, 16388, default=null, domains=behind)).attributes[0]
        self.assertFalse(found.default_in_clear)

    def test_defaults_and_values_that_the_database_computes(self):
        found = self.one(
            column("a", 1, default="{FUNCEXPR :funcid 5}"),
            column("b", 2, generated=True, reads=[1]),
        )
        self.assertTrue(found.attributes[0].default_in_clear)
        self.assertEqual((found.attributes[1].generated, found.attributes[1].reads), (True, (1,)))

    def test_indexes_without_the_columns_that_they_only_include(self):
        found = self.one(indexes=[["i", True, "btree", False, True, [2, 3], 1, None]])
        self.assertEqual(found.indexes, (Index("i", (Key(2),), True),))

    def test_what_is_attached_and_what_it_inherits_from(self):
        attached = [["check", "c", [2]], ["trigger", "t", None]]
        found = self.one(attached=attached, parents=[5, 6])
        self.assertEqual(found.attached, (Attached("check", "c", (2,)), Attached("trigger", "t")))
        self.assertEqual(found.parents, (5, 6))

    def test_the_sources_of_a_view(self):
        rule = (
            "({QUERY :targetList ({TARGETENTRY :expr {VAR} :resno 1 :resname n "
            ":ressortgroupref 0 :resorigtbl 5 :resorigcol 2 :resjunk false})})"
        )
        self.assertEqual(self.one(column("n", 1), kind="v", view=rule).sources, {1: (5, 2)})


class Code(SynchronousTestCase):
    def test_functions_that_name_a_table_or_such_a_function(self):
        made = answer(
            words=["people", "firms"],
            functions=[
                [1, "Direct", "direct", ["people"]],
                [2, "outer", "outer", ["inner", "other"]],
                [3, "inner", "inner", ["direct", "inner"]],
                [4, "apart", "apart", ["other"]],
                [5, "other", "other", ["apart"]],
            ],
            writers=[
                [2, "app", "log", "t1", 21, None],
                [4, "app", "log", "t2", 21, None],
                [None, "app", "log", "r", 21, None],
                [None, "app", "keys", "k", 22, [[7, 2, 22, 1]]],
            ],
        )
        schema = catalog.read(made, 1)
        self.assertEqual(schema.functions, {"Direct", "outer", "inner"})
        self.assertEqual(
            schema.writers,
            (
                ("app", "log", "t1", "outer", 21, ()),
                ("app", "log", "r", "", 21, ()),
                ("app", "keys", "k", "", 22, ((7, 2, 22, 1),)),
            ),
        )


class Limits(SynchronousTestCase):
    def refused(self, *cells):
        self.assertRaises(SchemaError, catalog.read, cells, 1)

    def test_an_answer_that_is_none(self):
        first = answer()[0]
        self.refused()
        self.refused(b"")
        self.refused(b"{}")
        self.refused(base64.b64encode(b"[" * 100_000))
        self.refused(first, cell([]))
        self.refused(first, cell({}))
        self.refused(first, cell(table("7", "people")))
        self.refused(first, cell(table(7, None)))
        self.refused(first, cell(table(7, "a")), cell(table(7, "b")))
        self.refused(first, cell(table(7, "a", ["name", 1])))
        self.refused(first, cell(table(7, "a", column("name", True))))
        self.refused(cell({"words": None}))

    def test_a_relation_that_no_database_has(self):
        first = answer()[0]
        many = [column(f"c{number}", number) for number in range(1, 1666)]
        self.refused(first, cell(table(7, "a", *many)))
        self.assertEqual(len(catalog.read([first, cell(table(7, "a", *many[1:]))], 1).relations), 1)
        self.refused(first, cell(table(7, "a", column("b", 1), column("b", 2))))
        self.refused(first, cell(table(7, "a", column("b", 1), column("c", 1))))
        for reads in ([9], [1, 0], [2, -1]):
            computed = column("b", 2, generated=True, reads=reads)
            self.refused(first, cell(table(7, "a", column("c", 1), computed)))
        self.refused(first, cell(table(7, "a", parents=[1, 2, 1])))

    def test_a_table_may_inherit_from_as_many_as_there_are(self):
        many = list(range(8, 5_008))
        made = catalog.read(answer(table(7, "a", parents=many)), 1)
        self.assertEqual(made.relations[7].parents, tuple(many))

    def test_a_view_whose_query_is_too_large_is_not_read(self):
        deep = "({QUERY :targetList " + "(" * 1000 + ")" * 1000 + "})"
        cells = answer(table(7, "a", column("b", 1), kind="v", view=deep), table(8, "b"))
        relations = catalog.read(cells, 1).relations
        self.assertEqual((relations[7].is_read, relations[7].sources), (False, {}))
        self.assertTrue(relations[8].is_read)

    def test_a_view_shows_nothing_in_columns_that_it_has_not(self):
        target = "{TARGETENTRY :resno %d :resorigtbl 2 :resorigcol 1 :resjunk false}"
        rule = "({QUERY :targetList (%s)})" % " ".join(target % number for number in (0, 1, 2))
        cells = answer(table(7, "a", column("b", 1), kind="v", view=rule))
        self.assertEqual(catalog.read(cells, 1).relations[7].sources, {1: (2, 1)})

    def test_one_that_is_too_long(self):
        self.refused(*[b""] * (catalog.MAX_ROWS + 1))
        self.refused(b"x" * (catalog.MAX_BYTES + 1))

    def test_the_error_says_nothing_of_the_answer(self):
        error = self.assertRaises(SchemaError, catalog.read, [cell({"secret": "secret"})], 1)
        self.assertNotIn("secret", str(error))

    @given(JSON, st.sampled_from(KEYS), JSON)
    def test_any_json_is_read_or_refused(self, first, key, value):
        for cells in (
            [cell(first)],
            [*answer(), cell({**table(7, "a", column("b", 1)), key: value})],
            [*answer(words=["a"], functions=[[1, "b", "c", value]], writers=[[1, value]])],
            [*answer(writers=[[None, "b", "c", "d", 1, value]])],
        ):
            self.read_or_refused(cells)

    @given(st.lists(st.integers(-1, 4)) | JSON, st.lists(st.integers(-1, 4)) | JSON)
    def test_whatever_columns_read_is_read_or_refused(self, reads, parents):
        computed = column("b", 1, generated=True, reads=reads)
        below = column("b", 3, generated=True, reads=parents)
        self.read_or_refused(
            answer(
                table(1, "a", computed, column("c", 2), parents=parents),
                table(2, "a", column("c", 1), below),
            )
        )

    def read_or_refused(self, cells):
        """Read an answer, and lay settings upon it."""
        try:
            found = catalog.read(cells, 1)
            made = Protection(found, settings("a.b"))
        except SchemaError:
            return
        self.assertEqual(made.schema.number, 1)

    @given(st.binary())
    def test_any_bytes_are_read_or_refused(self, data):
        for read in (
            lambda: catalog.read([data], 1),
            lambda: catalog.read_path([data]),
            lambda: catalog.read_lookup([data]),
        ):
            self.assertRaises(SchemaError, read)


class Paths(SynchronousTestCase):
    def test_the_schemas_and_the_temporary_tables(self):
        found = catalog.read_path([cell([["pg_temp_3", "pg_catalog", "App"], ["people"], "App"])])
        self.assertEqual(
            found, SearchPath(("pg_temp_3", "pg_catalog", "App"), frozenset(("people",)), "App")
        )
        self.assertEqual(catalog.read_path([cell([[], None, None])]), SearchPath((), frozenset()))

    def test_anything_else_is_refused(self):
        for cells in ([], [b"x"], [cell([])], [cell([None, None])], [cell([["a"], None])] * 2):
            self.assertRaises(SchemaError, catalog.read_path, cells)


class Lookups(SynchronousTestCase):
    def test_a_name_is_plain_if_all_that_have_it_are(self):
        rows = [["a", True], ["b", True], ["b", False], ["c", None], ["c", True]]
        found = catalog.read_lookup([cell([*row, False, None]) for row in rows])
        self.assertEqual(found, ({"a": True, "b": False, "c": False}, frozenset(), {}))
        self.assertEqual(catalog.read_lookup([]), ({}, frozenset(), {}))

    def test_views_that_the_transaction_has_made(self):
        rows = [["a", False, True], ["a", True, False], ["b", False, None], ["c", False, False]]
        found = catalog.read_lookup([cell([*row, None]) for row in rows])
        self.assertEqual(found.made, {"a", "b"})

    def test_all_that_stands_behind_something_temporary(self):
        rows = [["a", False, False, ["people", "b"]], ["c", True, False, None]]
        found = catalog.read_lookup(list(map(cell, rows)))
        self.assertEqual(found.behind, {"a": ("people", "b")})

    def test_anything_else_is_refused(self):
        for value in (
            *(None, 1, "ab", [], ["a"], [1, True, True, None], ["a", True, True], {"a": True}),
            *(["a", True, True, 1], ["a", True, True, [1]]),
        ):
            self.assertRaises(SchemaError, catalog.read_lookup, [cell(value)])
