"""Trees: shapes differ exactly where statements differ in more than literals."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.sql import lexer, postgresql
from acra_twisted.sql.tree import Literal, Node, fold, shape, walk


def form(text):
    [parsed] = postgresql.parse(text, lexer.tokens(text))
    return shape(parsed.tree)


class Shape(SynchronousTestCase):
    def test_literals_blanks_case_and_parentheses_do_not_matter(self):
        one, literals = form(b"SELECT a FROM t WHERE b = 1")
        self.assertEqual(form(b"select  A\nfrom \"t\" where ((b) = 'x')")[0], one)
        self.assertEqual([item.ordinal for item in literals], [0])

    def test_everything_else_does(self):
        one = form(b"SELECT a FROM t WHERE b = 1")[0]
        for text in (
            b"SELECT DISTINCT a FROM t WHERE b = 1",
            b"SELECT a FROM t WHERE b = -1",
            b"SELECT a FROM t WHERE b = 1 FOR UPDATE",
            b"SELECT a AS c FROM t WHERE b = 1",
            b'SELECT a FROM "T" WHERE b = 1',
            b"SELECT a FROM t WHERE b = $1",
        ):
            self.assertNotEqual(form(text)[0], one, text)

    def test_names_cannot_forge_structure(self):
        self.assertNotEqual(shape(Node("a", {"b": "c) .d e"}))[0], shape(Node("a", {}))[0])

    def test_walk_finds_everything(self):
        inner = Node("b", {"x": [Literal(3)]})
        found = list(walk(Node("a", {"y": inner, "z": "text"})))
        self.assertEqual(len(found), 3)

    def test_only_ascii_is_folded(self):
        self.assertEqual(fold("ABC"), "abc")
        self.assertEqual(fold("\N{KELVIN SIGN}ey"), "\N{KELVIN SIGN}ey")
