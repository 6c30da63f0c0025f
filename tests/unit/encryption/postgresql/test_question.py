"""The questions about a database's schema, as texts."""

import re

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.postgresql.question import (
    lookup_question,
    mark_question,
    path_question,
    schema_question,
)

QUESTIONS = (
    *(schema_question, path_question, lookup_question),
    lambda names: mark_question(names, (2, 1)),
)
STRING = re.compile(rb"E?'(?:[^']|'')*'")


class Texts(SynchronousTestCase):
    def test_every_name_is_of_pg_catalog(self):
        """Functions, tables and types alike: a search_path puts no other in their place."""
        for made in QUESTIONS:
            text = STRING.sub(b"", made(("people",)))
            self.assertEqual(re.findall(rb"(?<![.\w])pg_(?!catalog\.)\w+", text), [])
            self.assertEqual(re.findall(rb"::(?!pg_catalog\.)", text), [])
            calls = set(re.findall(rb"(?<![.\w])(\w+) ?\(", text))
            syntax = b"ANY ALL AS EXISTS AND OR OPERATOR FROM THEN ARRAY LATERAL WHERE OVER"
            own = set(re.findall(rb"(\w+) \([\w, ]+\) AS \(", text))
            aliases = {b"x", b"a", b"n"}
            self.assertLessEqual(calls, {*syntax.split(), *own, *aliases})

    def test_every_operator_is_of_pg_catalog(self):
        for made in QUESTIONS:
            text = STRING.sub(b"", made(("people",)))
            text = re.sub(rb"OPERATOR\(pg_catalog\.\S+?\)", b"", text)
            self.assertEqual(
                re.findall(rb"[=<>+*/|~-]|\bIN\b|\bLIKE\b|\bUSING\b|CASE \w+ W", text), []
            )

    def test_it_is_one_statement(self):
        for made in QUESTIONS:
            self.assertNotIn(b";", made(("people", "x;y")))

    @given(st.lists(st.text(max_size=70)))
    def test_names_are_ascii_and_mean_themselves(self, names):
        text = path_question(frozenset(names))
        self.assertTrue(text.isascii())
        [array] = re.findall(rb"ARRAY\[(.*?)\]::", text)
        found = re.findall(rb"E'([^']*)'", array)
        self.assertEqual(array, b", ".join(b"E'%s'" % literal for literal in found))
        possible = {name for name in names if 0 < len(name.encode()) < 64 and "\0" not in name}
        self.assertEqual({literal.decode("unicode_escape") for literal in found}, possible)

    def test_quotes_and_other_alphabets_are_escaped(self):
        text = schema_question(("o'x", "\\", "Größe", "\U0001f600"))
        for literal in (b"E'o\\u0027x'", b"E'\\u005c'", b"E'Gr\\u00f6\\u00dfe'", b"E'\\U0001f600'"):
            self.assertIn(literal, text)

    def test_a_mark_names_its_relations(self):
        self.assertIn(b"ARRAY[1, 2]::", mark_question(("people",), {2, 1}))
        self.assertIn(b"ARRAY[]::", mark_question(("people",), ()))

    def test_names_that_no_table_has_are_left_out(self):
        text = path_question(frozenset(("", "a\0b", "x" * 64, "\ud800", "ok")))
        self.assertIn(b"ARRAY[E'ok']", text)
