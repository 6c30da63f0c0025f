"""The meaning of column references."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.postgresql.scopes import Range, Scope, renamed
from acra_twisted.encryption.postgresql.values import (
    PLAIN_COLUMN,
    PROTECTED,
    REST,
    SOMETHING,
    UNSURE,
    Leaf,
    Output,
    is_open,
    is_protected,
)
from acra_twisted.encryption.settings import ColumnSetting

NAME = (Leaf(PROTECTED, setting=ColumnSetting("", "people", "name")),)
COLUMNS = (Output("id", PLAIN_COLUMN), Output("name", NAME))
PEOPLE = Range("people", COLUMNS, "public")
ORDERS = Range("orders", REST)


class Passed(tuple):
    """Columns that note how often all of them are passed over."""

    passes = 0

    def __iter__(self):
        Passed.passes += 1
        return super().__iter__()


class References(SynchronousTestCase):
    def test_a_name_means_the_column_of_the_nearest_relation(self):
        scope = Scope([PEOPLE, ORDERS])
        self.assertEqual(scope.column(["name"]), NAME)
        self.assertEqual(scope.column(["people", "name"]), NAME)
        self.assertEqual(scope.column(["public", "people", "name"]), NAME)
        self.assertEqual(scope.column(["id"]), PLAIN_COLUMN)
        self.assertEqual(scope.column(["orders", "name"]), PLAIN_COLUMN)
        self.assertEqual(scope.column(["total"]), PLAIN_COLUMN)

    def test_a_name_that_no_relation_has_may_be_anything(self):
        self.assertEqual(Scope([PEOPLE]).column(["other", "name"]), UNSURE)
        self.assertEqual(Scope([PEOPLE]).column(["x", "people", "name"]), UNSURE)

    def test_an_inner_relation_may_hide_an_outer_column(self):
        scope = Scope([PEOPLE]).inside([ORDERS])
        self.assertTrue(is_protected(scope.column(["name"])))
        self.assertNotEqual(scope.column(["name"]), NAME)
        self.assertEqual(scope.column(["people", "name"]), NAME)
        known = Scope([PEOPLE]).inside([Range("x", (Output("name", SOMETHING),))])
        self.assertEqual(known.column(["name"]), SOMETHING)

    def test_a_whole_row_holds_its_columns(self):
        scope = Scope([PEOPLE, ORDERS])
        self.assertEqual(scope.column(["people"]), UNSURE)
        self.assertEqual(scope.column(["people", "*"]), UNSURE)
        self.assertEqual(scope.column(["orders"]), SOMETHING)
        self.assertEqual(scope.column(["people", "row_to_json"]), UNSURE)
        self.assertEqual(scope.column(["people", "ctid"]), SOMETHING)

    def test_a_relation_may_be_named_with_its_columns_alone(self):
        scope = Scope([Range("excluded", COLUMNS, bare=False)])
        self.assertEqual(scope.column(["name"]), PLAIN_COLUMN)
        self.assertEqual(scope.column(["excluded", "name"]), NAME)

    def test_a_column_without_a_sure_name_may_be_meant_by_any(self):
        scope = Scope([Range("q", (Output("", NAME), Output("x", PLAIN_COLUMN)))])
        self.assertEqual(scope.column(["y"]), UNSURE)
        self.assertEqual(scope.column(["x"]), PLAIN_COLUMN)

    def test_an_alias_gives_its_names_in_order(self):
        self.assertEqual([one.name for one in renamed(COLUMNS, ["a"])], ["a", "name"])
        mixed = renamed((*REST, *COLUMNS), ["a", "b"])
        self.assertEqual([one.name for one in mixed], ["a", "b", ""])
        self.assertTrue(all(is_protected(one.value) for one in mixed))
        self.assertTrue(is_open(mixed))
        self.assertEqual(renamed(REST, ["a"])[0], Output("a", PLAIN_COLUMN))

    def test_names_of_queries_are_seen_inside(self):
        scope = Scope(tables={"q": COLUMNS}).inside([PEOPLE])
        self.assertEqual(scope.tables["q"], COLUMNS)

    def test_relations_are_passed_over_once_for_all_names(self):
        names = [f"c{number}" for number in range(1000)]
        columns = Passed(Output(name, PLAIN_COLUMN) for name in names)
        scope = Scope([Range(name, columns) for name in ("p", "q")])
        scope.column(["id"])
        scope.is_missing(["id"])
        passes = Passed.passes
        for name in names:
            scope.column([name])
            scope.column([f"no {name}"])
            scope.column(["q", name])
            scope.column(["q", f"no {name}"])
            scope.is_missing([name])
        self.assertEqual(Passed.passes, passes)

    def test_relations_that_come_behind_others_are_seen(self):
        ranges = [ORDERS]
        scope = Scope(ranges)
        self.assertEqual(scope.column(["name"]), PLAIN_COLUMN)
        self.assertEqual(scope.column(["people", "name"]), UNSURE)
        ranges.append(PEOPLE)
        self.assertEqual(scope.column(["name"]), NAME)
        self.assertEqual(scope.column(["people", "name"]), NAME)
