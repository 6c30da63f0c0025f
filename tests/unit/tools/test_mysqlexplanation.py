"""Explanations of texts of MySQL."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.tools.mysqlexplanation import explain
from tests.support.mysqlplanning import plan


def explained(text):
    return explain(text.encode(), plan(text))


class Explanations(SynchronousTestCase):
    def test_values_are_marked_and_others_hidden(self):
        one = explained("INSERT INTO people (id, email, age) VALUES (5, 'a', 7) -- note")
        self.assertEqual(one.verdict, "change")
        self.assertIn("VALUES (?, <encrypted people.email>, <tokenized people.age>)", one.text)
        self.assertEqual(
            [(value.source, value.action) for value in one.values],
            [("literal 2", "encrypted"), ("literal 3", "tokenized")],
        )

    def test_searches_and_parameters(self):
        one = explained("SELECT id, email FROM people WHERE email = ? AND id = ?")
        self.assertIn(
            "(email >= <searched people.email> AND email < <searched people.email, next>)", one.text
        )
        found = [(parameter.source, parameter.action) for parameter in one.parameters]
        self.assertEqual(found, [(1, "searched"), (1, "searched"), (2, "")])
        self.assertEqual(list(one.results), [(2, "people.email", "str")])

    def test_fields_of_a_file(self):
        one = explained("LOAD DATA LOCAL INFILE 'secret' INTO TABLE people (id, email, age)")
        self.assertEqual(one.verdict, "change")
        self.assertNotIn("secret", one.text)
        self.assertEqual(
            [(value.source, value.action, value.column) for value in one.values],
            [("field 2", "encrypted", "people.email"), ("field 3", "tokenized", "people.age")],
        )

    def test_what_passes_and_what_is_refused(self):
        self.assertEqual(explained("SELECT 1 FROM orders WHERE x = 'a'").verdict, "pass")
        one = explained("SELECT id FROM people WHERE email > 'secret'")
        self.assertEqual((one.verdict, one.refusal.reason), ("refuse", "order"))
        self.assertNotIn("secret", one.text)

    @given(
        st.sampled_from(
            [
                "INSERT INTO people (email, note) VALUES ({}, {})",
                "SELECT 1 FROM people WHERE email = {} AND note = {}",
                "SELECT 1 FROM people WHERE email > {} /* {} */",
            ]
        ),
        st.sampled_from(["'{}'", '"{}"', "_utf8mb4'{}'", "N'{}'"]),
    )
    def test_no_value_is_shown(self, text, form):
        value = form.format("hidden")
        self.assertNotIn("hidden", explained(text.format(value, value)).text)
