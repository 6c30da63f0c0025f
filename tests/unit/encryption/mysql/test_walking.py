"""Expressions with protected columns."""

from twisted.trial.unittest import SynchronousTestCase

from tests.support.mysqlplanning import results, shown


class Expressions(SynchronousTestCase):
    def test_what_is_worked_out_from_a_column(self):
        for text, reason in (
            ("UPPER(email)", "expression"),
            ("email + 1", "expression"),
            ("CAST(email AS CHAR)", "expression"),
            ("MAX(email)", "aggregate"),
            ("GROUP_CONCAT(email)", "aggregate"),
            ("GREATEST(email, 'a')", "order"),
            ("INSTR(email, 'a')", "pattern"),
            ("COALESCE(email, 'none')", "expression"),
            ("IF(id, email, name)", "expression"),
            ("CASE email WHEN 'a' THEN 1 END", "expression"),
            ("NULLIF(email, 'a')", "expression"),
            ("ROW_NUMBER() OVER (ORDER BY email)", "aggregate"),
            ("JSON_OBJECT('a', email)", "expression"),
        ):
            found = shown(f"SELECT {text} FROM people")
            self.assertTrue(found.startswith(f"refused: {reason} people."), (text, found))

    def test_what_may_be_a_column(self):
        for text in ("IF(id, email, NULL)", "CASE WHEN id THEN email END", "IFNULL(email, NULL)"):
            self.assertEqual(results(f"SELECT {text} FROM people"), ["0 email"])
        self.assertEqual(results("SELECT (SELECT email FROM people LIMIT 1)"), ["0 email"])

    def test_counts(self):
        self.assertEqual(
            shown("SELECT COUNT(*), COUNT(email), ISNULL(name) FROM people"), "as it is"
        )
        self.assertEqual(
            shown("SELECT COUNT(DISTINCT email) FROM people"),
            "SELECT COUNT(DISTINCT LEFT(email, 33)) FROM people",
        )
        self.assertEqual(
            shown("SELECT COUNT(DISTINCT name) FROM people"), "refused: comparison people.name"
        )

    def test_conditions_anywhere(self):
        self.assertEqual(
            shown("SELECT SUM(email = 'a') FROM people"),
            "SELECT SUM((email >= x'f1' AND email < x'f2')) FROM people",
        )
