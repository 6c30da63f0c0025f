"""Statements of a text, with their lines."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.tools.statementlog import statements_of


def found(text):
    return list(statements_of(text.encode()))


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
