"""Queries with protected columns."""

from twisted.trial.unittest import SynchronousTestCase

from tests.support.mysqlplanning import plan, results, shown


class Results(SynchronousTestCase):
    def test_columns_of_tables(self):
        for text, wanted in (
            ("SELECT email FROM people", ["0 email by name"]),
            ("SELECT id, p.email x FROM people p", ["1 email by name"]),
            ("SELECT l.* FROM people p, leads l", ["1 mail by name"]),
            ("SELECT * FROM leads, orders", ["0 * by name"]),
            ("SELECT * FROM leads JOIN people USING (id)", ["0 * by name"]),
            ("SELECT o.*, mail FROM leads, orders o", ["0 * by name", "1 mail by name"]),
        ):
            self.assertEqual(results(text), wanted, text)
        self.assertEqual(len(results("SELECT * FROM people")), 6)

    def test_columns_through_queries(self):
        for text, wanted in (
            ("SELECT * FROM (SELECT mail, id FROM leads) d", ["0 mail"]),
            ("SELECT d.x FROM (SELECT id, mail FROM leads) d (i, x)", ["0 mail"]),
            ("WITH c AS (SELECT mail FROM leads) SELECT 1, mail FROM c", ["1 mail"]),
            ("SELECT mail FROM leads UNION ALL SELECT email FROM people", ["0 mail"]),
            ("SELECT mail FROM leads UNION ALL SELECT NULL", ["0 mail"]),
            ("WITH people AS (SELECT 1 AS email) SELECT email FROM people", []),
        ):
            self.assertEqual(results(text), wanted, text)

    def test_equal_rows_of_a_union(self):
        """Tokens are equal where values are, but for texts, which have collations."""
        for sign in ("UNION", "INTERSECT", "EXCEPT"):
            text = f"SELECT age, id FROM people {sign} SELECT age, id FROM people"
            self.assertEqual(results(text), ["0 age"])
            self.assertEqual([one.label for one in plan(text).plan.asked], ["people.age"])
        for column in ("phone", "code", "email"):
            text = f"SELECT {column} FROM people UNION SELECT {column} FROM people"
            self.assertEqual(shown(text), f"refused: group people.{column}")
            self.assertIn("stored differently", plan(text).plan.refusal.text)

    def test_those_that_nobody_can_tell(self):
        for text in (
            "SELECT d.* FROM (SELECT * FROM leads, orders) d",
            "SELECT d.mail FROM (SELECT * FROM leads, orders) d",
            "SELECT mail FROM leads UNION ALL SELECT name FROM people",
            "SELECT mail FROM leads UNION ALL SELECT note FROM people",
            "SELECT mail FROM leads UNION SELECT mail FROM leads",
            "WITH RECURSIVE c AS (SELECT mail FROM leads) SELECT * FROM c",
            "SELECT x.mail FROM leads",
            "SELECT leads.mial FROM leads",
            "SELECT (SELECT email FROM orders) FROM people",
            "SELECT mail INTO @a FROM leads",
            "SELECT o.*, d.mail FROM orders o, (SELECT mail FROM leads) d",
        ):
            self.assertTrue(shown(text).startswith("refused"), text)


class Clauses(SynchronousTestCase):
    def test_order(self):
        for text in (
            "SELECT email FROM people ORDER BY email",
            "SELECT email AS e FROM people ORDER BY e",
            "SELECT email FROM people ORDER BY 1",
            "SELECT email FROM people ORDER BY (1)",
            "SELECT email FROM people ORDER BY +1",
            "SELECT email FROM people ORDER BY - (-1)",
            "SELECT id FROM people ORDER BY email DESC",
        ):
            self.assertEqual(shown(text), "refused: order people.email")
        self.assertEqual(shown("SELECT email FROM people ORDER BY id, note LIMIT 3"), "as it is")
        self.assertEqual(shown("SELECT id FROM people ORDER BY 1"), "as it is")
        self.assertEqual(shown("SELECT id, email FROM people ORDER BY -id, (id)"), "as it is")
        self.assertEqual(
            shown("SELECT id FROM people ORDER BY email = 'a'"),
            "SELECT id FROM people ORDER BY (email >= x'f1' AND email < x'f2')",
        )

    def test_groups(self):
        self.assertEqual(
            shown("SELECT email, COUNT(*) FROM people GROUP BY email HAVING email = 'a'"),
            "SELECT MIN(email) AS `email`, COUNT(*) FROM people GROUP BY LEFT(email, 33) "
            "HAVING (email >= x'f1' AND email < x'f2')",
        )
        self.assertEqual(
            shown("SELECT p.email AS e FROM people p GROUP BY e"),
            "SELECT MIN(p.email) AS e FROM people p GROUP BY LEFT(p.email, 33)",
        )
        self.assertEqual(results("SELECT p.email FROM people p GROUP BY p.email"), ["0 email"])
        for text in (
            "SELECT email FROM people GROUP BY id",
            "SELECT email FROM people GROUP BY 1",
            "SELECT * FROM people GROUP BY email",
            "SELECT email FROM people GROUP BY email WITH ROLLUP",
            "SELECT COUNT(*) FROM people GROUP BY email WITH ROLLUP",
        ):
            self.assertEqual(shown(text), "refused: group people.email")
        self.assertEqual(
            shown("SELECT name FROM people GROUP BY name"), "refused: comparison people.name"
        )

    def test_joins(self):
        for text in (
            "SELECT 1 FROM people NATURAL JOIN orders",
            "SELECT 1 FROM people JOIN orders USING (email)",
        ):
            self.assertEqual(shown(text), "refused: comparison people.email")
        self.assertEqual(shown("SELECT 1 FROM people JOIN orders USING (id)"), "as it is")

    def test_subqueries(self):
        for text in (
            "SELECT 1 FROM orders WHERE EXISTS (SELECT 1 FROM people WHERE email = 'a')",
            "SELECT 1 FROM orders WHERE id IN (SELECT id FROM people WHERE email = 'a')",
            "SELECT 1 FROM orders o JOIN (SELECT id FROM people WHERE email = 'a') d ON d.id",
        ):
            self.assertIn("(email >= x'f1' AND email < x'f2')", shown(text))

    def test_a_list_has_as_many_columns_as_the_server_takes(self):
        text = "SELECT * FROM people"
        for number in range(20):
            text = f"WITH q{number} AS ({text}) SELECT * FROM q{number} a, q{number} b"
            if number == 5:
                self.assertEqual(shown(text), "as it is")
        self.assertEqual(shown(text), "refused: unparsable")

    def test_a_join_has_as_many_tables_as_the_server_takes(self):
        for number, expected in ((61, "as it is"), (62, "refused: unparsable")):
            tables = ", ".join(f"people p{one}" for one in range(number))
            self.assertEqual(shown(f"SELECT p1.id FROM {tables}"), expected)
