"""Parts in place of others."""

from twisted.trial.unittest import SynchronousTestCase

from tests.support.mysqlplanning import plan, shown


class Edits(SynchronousTestCase):
    def test_values_parameters_and_all_else_keep_their_places(self):
        self.assertEqual(
            shown("INSERT INTO people (id, email, note) VALUES (?, 'a', ?), (3, ?, 'b') /* c */"),
            "INSERT INTO people (id, email, note) VALUES (?, x'e1', ?), (3, ?, 'b') /* c */",
        )

    def test_a_replaced_part_joins_no_neighbour(self):
        self.assertEqual(
            shown("SELECT 1 FROM people WHERE id=1 AND'a'=email AND id=2"),
            "SELECT 1 FROM people WHERE id=1 AND (email >= x'f1' AND email < x'f2') AND id=2",
        )

    def test_casts_that_leave_a_value_as_it_is_go_with_it(self):
        for cast in ("CAST({} AS CHAR)", "CONVERT({} USING utf8mb4)", "BINARY {}", "({})"):
            text = "UPDATE people SET email = " + cast.format("'a'")
            self.assertTrue(shown(text).replace("(", "").replace(")", "").strip().endswith("x'e1'"))
        for cast in ("CAST({} AS CHAR(3))", "CONVERT({} USING latin1)", "CAST({} AS SIGNED)"):
            text = "UPDATE people SET email = " + cast.format("'a'")
            self.assertEqual(shown(text), "refused: expression people.email")

    def test_the_same_value_is_never_encoded_twice(self):
        found = plan("UPDATE people SET email = 'a', name = 'b' WHERE email = 'c'").plan
        sources = [given.source.ordinal for given in found.values]
        self.assertEqual(sources, [0, 1, 2])
        self.assertEqual([given.use.role for given in found.values], ["store", "store", "compare"])

    def test_who_asks_is_told(self):
        found = plan("SELECT id FROM people WHERE email = 'a'").plan
        self.assertEqual([one.label for one in found.asked], ["people.email"])
        self.assertEqual(list(found.matched), [])
