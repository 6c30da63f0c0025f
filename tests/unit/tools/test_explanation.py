"""The explanation of a statement."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.postgresql.comparisons import Comparisons
from acra_twisted.tools.explanation import (
    CHANGED,
    PASSED,
    REFUSED,
    Parameter,
    Result,
    Value,
    explain,
)
from tests.support.planning import MODE, PATH, planner

#: It cannot come about by itself.
SECRET = "s3cr3t-0451"
FORMS = (
    "SELECT name FROM people WHERE email = {}",
    "SELECT name FROM people WHERE name = {}",
    "SELECT id /* {} */ FROM people WHERE id = {} -- {}",
    "INSERT INTO people (name, age, card, phone, note) VALUES ({0}, 451, {0}, {0}, {0})",
    "UPDATE people SET note = {}, name = {}; SELECT {}",
    "SELECT {}",
    "ALTER ROLE people PASSWORD {}",
    "PREPARE people AS SELECT {}",
    "SELECT people {",
)
QUOTED = (
    f"'{SECRET}'",
    f"E'{SECRET}'",
    f"$${SECRET}$$",
    f"'a' \n '{SECRET}'",
    f"/* {SECRET} */ 'x'",
    f"'{SECRET}",
)


def explained(text):
    return explain(text.encode(), planner(claims=Comparisons()).plan(text.encode(), MODE, PATH))


class Explanations(SynchronousTestCase):
    def one(self, text):
        [found] = explained(text)
        return found

    def test_values_that_are_stored_are_marked_by_the_kind_of_their_column(self):
        found = self.one("INSERT INTO people (id, name, card, phone) VALUES (1, 'a', 'b', 'c')")
        self.assertEqual(
            found.text,
            "INSERT INTO people (id, name, card, phone) VALUES (?, <encrypted people.name>, "
            "<masked people.card>, <tokenized people.phone>)",
        )
        self.assertEqual(found.verdict, CHANGED)
        self.assertEqual(found.values[0], Value("literal 2", "encrypted", "people.name", "VALUES"))

    def test_a_word_that_is_encrypted_is_marked(self):
        found = self.one("UPDATE people SET flag = TRUE")
        self.assertEqual(found.text, "UPDATE people SET flag = <encrypted people.flag>")
        self.assertEqual(found.values[0].source, "a word")

    def test_parameters_are_numbered_anew_where_one_has_two_uses(self):
        found = self.one("UPDATE people SET email = $1 WHERE email = $1 AND id = $2")
        self.assertIn("SET email = $1", found.text)
        self.assertIn("($3::bytea[])", found.text)
        self.assertEqual(
            found.parameters,
            [
                Parameter(1, 1, "encrypted", "people.email"),
                Parameter(2, 2, "", ""),
                Parameter(3, 1, "searched", "people.email"),
            ],
        )
        words = {text: word for word, text in found.lines()}
        self.assertEqual(words["$2 is the client's $2, as it is"], "  parameter")
        self.assertIn("$3 is the client's $1, searched people.email", words)

    def test_the_bounds_of_a_search_prefix_are_shown_and_no_number_of_the_client(self):
        found = self.one("SELECT id FROM people WHERE email = 'a' AND id = 33")
        self.assertIn("pg_catalog.substr(email, 1, 33)", found.text)
        self.assertIn("<searched people.email>", found.text)
        self.assertTrue(found.text.endswith("id = ?"), found.text)

    def test_results_are_told_with_their_types(self):
        found = self.one("SELECT id, name, card FROM people")
        self.assertEqual(
            found.results, [Result(2, "people.name", "str"), Result(3, "people.card", "bytes")]
        )
        self.assertEqual(found.verdict, CHANGED)

    def test_statements_that_concern_nothing_protected_pass(self):
        self.assertEqual(self.one("SELECT 'a'")[:2], (PASSED, "SELECT ?"))
        first, second = explained("SELECT 'a'; SELECT name FROM people")
        self.assertEqual((first.verdict, second.verdict), (PASSED, CHANGED))

    def test_a_refusal_tells_the_reason_and_the_way_out(self):
        found = self.one("INSERT INTO people (name) VALUES (upper('x'))")
        self.assertEqual((found.verdict, found.refusal.reason), (REFUSED, "expression"))
        told = dict(found.lines())
        self.assertEqual(told["  reason"], "expression")
        self.assertIn("people.name", told["  because"])
        self.assertEqual(found.record()["refusal"]["column"], "people.name")

    def test_values_of_prepared_statements_and_of_copy_are_told(self):
        found = self.one("PREPARE a AS UPDATE people SET name = $1")
        self.assertEqual(found.values[0].source, "parameter $1")
        found = self.one("COPY people (id, phone) FROM STDIN")
        self.assertEqual(found.values, [Value("field 2", "tokenized", "people.phone", "COPY")])
        found = self.one("COPY people (id, phone) TO STDOUT")
        self.assertEqual((found.values, found.results), ([], [Result(2, "people.phone", "str")]))

    @given(st.lists(st.sampled_from(FORMS), min_size=1, max_size=3), st.sampled_from(QUOTED))
    def test_no_value_or_comment_is_shown(self, forms, value):
        text = ";".join(form.replace("{0}", value).replace("{}", value) for form in forms)
        for found in explained(text):
            shown = f"{found.record()} {list(found.lines())}"
            self.assertNotIn(SECRET, shown)
            self.assertNotIn("0451", shown)

    def test_a_value_that_somebody_forgot_to_quote_is_not_shown(self):
        for found in explained("SELECT name FROM people WHERE id = 12secret"):
            self.assertNotIn("secret", f"{found.record()}")

    def test_a_long_text_is_cut(self):
        rows = ", ".join(["('a')"] * 1000)
        found = self.one(f"INSERT INTO people (name) VALUES {rows}")
        self.assertEqual(len(found.text), 2048)
        self.assertEqual(len(found.values), 1000)
