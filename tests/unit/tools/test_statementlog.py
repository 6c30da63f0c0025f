"""Statements of a text, with their lines."""

import json

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.tools.statementlog import captured_of, statements_of


def found(text):
    return list(statements_of(text.encode()))


def captured(*texts, db="postgresql", **more):
    lines = [json.dumps({"query": text, "count": 3, **more}) for text in texts]
    return [text.decode() for _, text in captured_of("\n".join(lines).encode(), db)]


class Captured(SynchronousTestCase):
    def test_what_was_cut_out_becomes_parameters(self):
        for text, postgresql, mysql in (
            ("insert into t values (?, ?)", "insert into t values ($1, $2)", "(?, ?)"),
            ("select a from t where b =? or c=-?", "= $1 or c= $2", "=? or c=?"),
            ("select a from t where b in (?, ?) limit ?", "in ($1, $2) limit $3", "(?, ?) limit ?"),
            # Acra's.
            ("select a from t where b = :replaced1", "where b = $1", "where b = ?"),
            ("select a from t where b in ::replaced1", "where b in ($1)", "where b in (?)"),
            ("begin", "begin", "begin"),
        ):
            self.assertIn(postgresql, *captured(text))
            self.assertIn(mysql, *captured(text, db="mysql"))

    def test_a_text_that_is_no_statement_stays(self):
        for text in ("selec ?", "select '", "%%VALUE%%", "select '\ud800"):
            self.assertEqual(captured(text), [text.replace("\ud800", "?")])

    def test_lines_are_those_of_the_file(self):
        lines = [
            '{"raw_query": "select 1"}',
            "",
            "no statement",
            '{"query": null}',
            '{"query": "b"}',
        ]
        self.assertEqual(
            captured_of("\n".join(lines).encode(), "postgresql"),
            [(1, b"select $1"), (5, b"b")],
        )

    def test_other_files_are_none(self):
        for text in ("", "select 1", 'select 1;\n{"query": "a"}', "{}", '{"a": 1}', "{\n"):
            self.assertEqual(captured_of(text.encode(), "postgresql"), [])

    @given(st.binary())
    def test_any_bytes(self, data):
        for line, text in captured_of(b'{"query": "select 1"}\n' + data, "mysql"):
            self.assertIsInstance(text, bytes)
            self.assertLessEqual(line, data.count(b"\n") + 2)


class Statements(SynchronousTestCase):
    def test_they_end_with_semicolons_wherever_the_lines_end(self):
        text = "select 1\n  from a;select 2;\n\n-- of two\nselect ';' /* ; */,\n $$;$$;\n;\n"
        self.assertEqual(
            found(text),
            [(1, b"select 1\n  from a"), (2, b"select 2"), (5, b"select ';' /* ; */,\n $$;$$")],
        )

    def test_the_last_one_needs_no_semicolon(self):
        self.assertEqual(found("a;\nb\n"), [(1, b"a"), (2, b"b")])

    def test_a_text_without_semicolons_has_one_a_line(self):
        text = "select 1\n\n-- nothing\n  select ';'\n"
        self.assertEqual(found(text), [(1, b"select 1"), (4, b"select ';'")])
        self.assertEqual(found(""), [])

    def test_what_cannot_be_divided_is_one_statement(self):
        self.assertEqual(found("a;\nb 'c; d"), [(1, b"a"), (2, b"b 'c; d")])
        self.assertEqual(found("a;\n'c; d"), [(1, b"a"), (2, b"'c; d")])

    @given(st.lists(st.sampled_from(["select 1", "select ';\n'", "x\ny"])))
    def test_each_is_found_on_its_line(self, statements):
        text = ";\n".join([*statements, ""])
        expected, line = [], 1
        for one in statements:
            expected.append((line, one.encode()))
            line += one.count("\n") + 1
        self.assertEqual(found(text), expected)
