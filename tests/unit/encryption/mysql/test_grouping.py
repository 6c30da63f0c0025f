"""DISTINCT, GROUP BY and ORDER BY of protected columns."""

from twisted.trial.unittest import SynchronousTestCase

from tests.support.mysqlplanning import results, shown


class Distinct(SynchronousTestCase):
    def test_rows_are_brought_together_by_the_prefix(self):
        for text, wanted in (
            (
                "SELECT DISTINCT email FROM people",
                "SELECT MIN(email) AS `email` FROM people GROUP BY LEFT(email, 33)",
            ),
            (
                "SELECT DISTINCT id, (p.email) AS e FROM people p WHERE id > 1 ORDER BY id LIMIT 3",
                "SELECT id, MIN(p.email) AS e FROM people p WHERE id > 1 "
                "GROUP BY 1, LEFT(p.email, 33) ORDER BY id LIMIT 3",
            ),
            (
                "SELECT DISTINCT note, age, phone FROM people",
                "SELECT note, MIN(age) AS `age`, MIN(phone) AS `phone` FROM people "
                "GROUP BY 1, age, CAST(CONVERT(phone USING utf8mb4) AS BINARY)",
            ),
            (
                "SELECT 1 FROM orders WHERE id IN (SELECT DISTINCT id FROM people)",
                "as it is",
            ),
        ):
            self.assertEqual(shown(text), wanted)
        self.assertEqual(results("SELECT DISTINCT email FROM people"), ["0 email"])
        self.assertIn(
            "GROUP BY", shown("INSERT INTO leads (mail) SELECT DISTINCT email FROM people")
        )

    def test_what_cannot_be_brought_together(self):
        for text in (
            "SELECT DISTINCT * FROM people",
            "SELECT DISTINCT email, card FROM people",
            "SELECT DISTINCT name FROM people",
            "SELECT DISTINCT code FROM people",
            "SELECT DISTINCT email, 1 FROM people",
            "SELECT DISTINCT email, id + 1 FROM people",
            "SELECT DISTINCT email, x FROM people, orders",
            "SELECT DISTINCT email, orders.x FROM people, orders",
            "SELECT DISTINCT email, COUNT(*) FROM people",
            "SELECT DISTINCT note AS email, email AS e FROM people",
            "SELECT DISTINCT email FROM people GROUP BY email",
            "SELECT DISTINCT email FROM people HAVING id = 1",
            "SELECT DISTINCT email FROM people ORDER BY id",
            "SELECT DISTINCT email FROM people ORDER BY email",
            "SELECT DISTINCT COALESCE(email, NULL) FROM people ORDER BY id",
        ):
            self.assertIn("refused", shown(text), text)
