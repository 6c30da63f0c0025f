"""Comparisons with protected columns."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.mysql.plan import Parameter
from acra_twisted.encryption.mysql.schema import VIEW, Code, Column, Schema, Table
from acra_twisted.encryption.settings import EncryptionSettings, TableSetting
from tests.support.mysqlplanning import EMAIL, NAME, PEOPLE, plan, planner, sent, shown

_BEGIN = "SELECT id FROM people WHERE "
_ONE = "(email >= x'f1' AND email < x'f2')"


def where(text):
    found = shown(_BEGIN + text)
    return found.removeprefix(_BEGIN)


class Searchable(SynchronousTestCase):
    def test_equality(self):
        for text in ("email = 'a'", "'a' = email", "(email) = ('a')", "email LIKE 'abc'"):
            self.assertEqual(where(text), _ONE)
        for text in ("email <> 'a'", "email != 'a'", "email NOT LIKE 'a'"):
            self.assertEqual(where(text), f"(NOT {_ONE})")
        self.assertEqual(where("email = ?"), "(email >= ? AND email < ?)")

    def test_equality_that_knows_null(self):
        self.assertEqual(
            where("email <=> 'a'"),
            "COALESCE(email >= x'f1' AND email < x'f2', email <=> x'f1')",
        )
        for text in ("email <=> NULL", "email = NULL", "email IS NULL", "email IS NOT NULL"):
            self.assertEqual(where(text), "as it is")

    def test_lists(self):
        two = "(email >= x'f2' AND email < x'f3')"
        self.assertEqual(where("email IN ('a', 'b')"), f"({_ONE} OR {two})")
        self.assertEqual(where("email NOT IN ('a', NULL)"), f"(NOT ({_ONE} OR NULL))")

    def test_rows(self):
        one, two = _ONE, "(email >= x'f2' AND email < x'f3')"
        for text, wanted in (
            ("(email, id) = ('a', 1)", f"(({one}) AND (id = 1))"),
            ("((email), id) <> ('a', 1)", f"(NOT ((({one}) AND (id = 1))))"),
            ("(id, ?) = (?, email)", "((id = ?) AND ((email >= ? AND email < ?)))"),
            ("(email, (id, note)) = ('a', (1, 'b'))", f"(({one}) AND ((id, note) = (1, 'b')))"),
            ("(id, (email, id)) = (1, ('a', 2))", f"((id = 1) AND ((({one}) AND (id = 2))))"),
            ("(email, id) = (NULL, 1)", "as it is"),
            ("(id, note) = (1, 'b')", "as it is"),
            (
                "(email, id) IN (('a', 1), ('b', NULL))",
                f"(({one} AND (id = 1)) OR ({two} AND (id = NULL)))",
            ),
            ("(id, email) NOT IN ((?, ?))", "(NOT (((id = ?) AND (email >= ? AND email < ?))))"),
            ("(id, note) IN ((1, 'b'), (2, 3))", "as it is"),
        ):
            self.assertEqual(where(text), wanted, text)

    def test_parameters_of_rows_keep_their_numbers(self):
        found = plan(_BEGIN + "(id, ?) = (?, email) AND note = ?")
        numbers = [one.number for one in found.plan.parts if isinstance(one, Parameter)]
        self.assertEqual(numbers, [2, 3])
        self.assertEqual([one.source.parameter for one in found.plan.values], [1])

    def test_what_cannot_be_answered(self):
        for text, reason in (
            ("email > 'a'", "order"),
            ("email BETWEEN 'a' AND 'b'", "order"),
            ("email LIKE 'a%'", "pattern"),
            ("email LIKE 'a_'", "pattern"),
            ("email LIKE ?", "pattern"),
            ("email LIKE 'a' ESCAPE '!'", "pattern"),
            ("email REGEXP 'a'", "pattern"),
            ("email = note", "comparison"),
            ("email = UPPER('a')", "expression"),
            ("email = CONCAT('a')", "comparison"),
            ("email = @v", "comparison"),
            ("email IN (SELECT note FROM people)", "comparison"),
            ("email IN (SELECT mail FROM leads UNION ALL SELECT mail FROM leads)", "comparison"),
            ("email IN (SELECT mail FROM leads GROUP BY mail)", "comparison"),
            ("(SELECT email FROM people p LIMIT 1) = 'a'", "comparison"),
            ("(SELECT email FROM people p LIMIT 1) LIKE 'a'", "comparison"),
            ("(SELECT email FROM people p LIMIT 1) IS NULL", "comparison"),
            ("(SELECT email FROM people p LIMIT 1) = (SELECT mail FROM leads)", "comparison"),
            ("LOWER(email) = 'a'", "expression"),
            ("COALESCE(email, 'x') = 'a'", "comparison"),
            ("(email, id) = (SELECT 'a', 1)", "expression"),
            ("(email, id) = ('a', 1, 2)", "expression"),
            ("(email, id) < ('a', 1)", "order"),
            ("(email, id) IN (('a', 1), (note, 2))", "comparison"),
            ("(email, id) IN (('a', 1), ('b', '2'))", "comparison"),
            ("(email, id) IN (('a', 1), ('b', ?))", "comparison"),
            ("(email, id) IN (('a', id + 1))", "comparison"),
            ("(email, id) IN (('a', 1), ('a', 1, 2))", "comparison"),
            ("(email, id) IN (SELECT mail, id FROM leads)", "comparison"),
            ("(email, id + 1) IN (('a', 1))", "expression"),
            ("email", "expression"),
            ("email COLLATE utf8mb4_general_ci = 'a'", "expression"),
            ("email = 'a' COLLATE utf8mb4_general_ci", "expression"),
        ):
            self.assertEqual(where(text), f"refused: {reason} people.email", text)
        self.assertEqual(where("email = 'a' COLLATE utf8mb4_bin"), _ONE)

    def test_two_columns(self):
        text = "SELECT 1 FROM people p JOIN leads l ON p.email = l.mail"
        self.assertTrue(shown(text).endswith("LEFT(p.email, 33) = LEFT(l.mail, 33)"))
        self.assertEqual(len(plan(text).plan.matched), 2)
        self.assertEqual(where("email = name"), "refused: comparison people.name")
        text = "SELECT 1 FROM people p, leads WHERE (email, p.id) = (mail, 2)"
        self.assertTrue(shown(text).endswith("(LEFT(email, 33), p.id) = (LEFT(mail, 33), 2)"))

    def test_columns_of_subqueries(self):
        for text, wanted in (
            (
                "email IN (SELECT mail FROM leads WHERE mail <> 'a')",
                "LEFT(email, 33) IN (SELECT LEFT(mail, 33) FROM leads "
                "WHERE (NOT (mail >= x'f1' AND mail < x'f2')))",
            ),
            (
                "email NOT IN ((SELECT l.mail FROM leads l))",
                "LEFT(email, 33) NOT IN ((SELECT LEFT(l.mail, 33) FROM leads l))",
            ),
            (
                "email <> (SELECT mail FROM leads LIMIT 1)",
                "LEFT(email, 33) <> (SELECT LEFT(mail, 33) FROM leads LIMIT 1)",
            ),
            (
                "(id, email) = (1, (SELECT mail FROM leads LIMIT 1))",
                "(id, LEFT(email, 33)) = (1, (SELECT LEFT(mail, 33) FROM leads LIMIT 1))",
            ),
            ("id IN (SELECT id FROM leads)", "as it is"),
        ):
            self.assertEqual(where(text), wanted)
        self.assertEqual(len(plan(_BEGIN + "email IN (SELECT mail FROM leads)").plan.matched), 2)


class Folded(SynchronousTestCase):
    def folded(self, text):
        email = EMAIL._replace(normalize=frozenset(("lower",)))
        people = TableSetting("", "people", (), {"email": email, "name": NAME})
        by = planner(settings=EncryptionSettings([people]))
        found = plan(_BEGIN + text, by=by)
        return found.plan.refusal.reason if found.plan.refusal else sent(found)

    def test_a_column_that_is_searched_for_without_regard_to_case(self):
        for text in (
            "LOWER(email) = LOWER('A')",
            "UPPER(email) = UPPER('A')",
            "(lower(email)) = ('A')",
            "email = LCASE('A')",
            "UCASE(email) LIKE UCASE('A')",
        ):
            self.assertEqual(self.folded(text), _BEGIN + _ONE, text)
        self.assertIn(_ONE, self.folded("LOWER(email) IN (LOWER('A'), 'b')"))

    def test_everything_else_is_refused(self):
        for text in (
            "LOWER(name) = 'a'",
            "LOWER(email) > 'a'",
            "CONCAT(LOWER(email), 'a') = 'b'",
            "LOWER(CONCAT(email, 'a')) = 'b'",
            "email = LOWER(note)",
        ):
            self.assertNotIn(_BEGIN, self.folded(text), text)
        self.assertEqual(where("email = LOWER('A')"), "refused: expression people.email")
        self.assertEqual(where("note = LOWER('A')"), "as it is")
        text = "UPDATE people SET email = LOWER('A')"
        self.assertEqual(shown(text), "refused: expression people.email")
        text = "SELECT LOWER(email) FROM people"
        self.assertEqual(shown(text), "refused: expression people.email")


class Tokens(SynchronousTestCase):
    def test_consistent_ones(self):
        self.assertEqual(where("age = 5"), "(age = 1)")
        self.assertEqual(where("age IN (5, 6)"), "((age = 1) OR (age = 2))")
        as_bytes = "CAST(CONVERT(phone USING utf8mb4) AS BINARY)"
        self.assertEqual(where("phone = '5'"), f"(phone = 't1' AND {as_bytes} = x'7431')")
        self.assertEqual(where("age > 5"), "refused: order people.age")

    def test_others(self):
        self.assertEqual(where("code = '5'"), "refused: comparison people.code")


class OfAnotherType(SynchronousTestCase):
    """Columns that cannot hold what is stored: values in them are in clear, and a condition on
    stored ones fails, or is true of others."""

    def refusal(self, text, kind="varchar", size=600):
        mail = Column("mail", kind, size)
        view = Code(VIEW, "shop", "seen", "select `leads`.`mail` AS `mail` from `shop`.`leads`")
        leads = Table("shop", "leads", [Column("id", "int"), mail])
        by = planner(Schema(1, [PEOPLE, leads], code=[view]))
        refusal = plan(text, by=by).plan.refusal
        return refusal and (refusal.reason, refusal.column)

    def test_they_are_not_compared(self):
        for text in (
            "SELECT id FROM leads WHERE mail = 'a'",
            "SELECT id FROM leads WHERE mail <> ?",
            "SELECT id FROM leads WHERE mail IN ('a', 'b')",
            "SELECT id FROM leads WHERE (mail, id) IN (('a', 1))",
            "SELECT id FROM leads WHERE mail LIKE 'a'",
            "DELETE FROM leads WHERE mail = 'a'",
            "SELECT 1 FROM people JOIN leads ON email = mail",
            "SELECT 1 FROM people WHERE email IN (SELECT mail FROM leads)",
            "SELECT mail FROM leads GROUP BY mail",
            "SELECT COUNT(DISTINCT mail) FROM leads",
            "SELECT DISTINCT mail FROM leads",
            "SELECT 1 FROM (SELECT mail FROM leads) d WHERE mail = 'a'",
            "SELECT 1 FROM (SELECT mail FROM leads UNION ALL SELECT email FROM people) d "
            "WHERE mail = 'a'",
            "SELECT 1 FROM seen WHERE mail = 'a'",
        ):
            self.assertEqual(self.refusal(text), ("schema_mismatch", "leads.mail"), text)

    def test_they_are_shown(self):
        for text in ("SELECT mail FROM leads WHERE mail IS NOT NULL", "SELECT * FROM seen"):
            self.assertIsNone(self.refusal(text), text)

    def test_short_ones_are_compared(self):
        """Their bytes are compared as those of long ones."""
        self.assertIsNone(self.refusal("SELECT id FROM leads WHERE mail = 'a'", "varbinary", 9))


class Others(SynchronousTestCase):
    def test_they_are_not_compared(self):
        self.assertEqual(where("name = 'a'"), "refused: comparison people.name")
        self.assertEqual(where("card IN ('a')"), "refused: comparison people.card")
        self.assertEqual(where("name IS NULL"), "as it is")

    def test_what_is_not_protected_is_as_it_is(self):
        for text in ("id = 5", "note LIKE '%a'", "note > 'b'", "id IN (1, ?)", "note = 'a' OR id"):
            self.assertEqual(where(text), "as it is")
