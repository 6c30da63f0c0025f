"""The places of operands in a text."""

import pgparse
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.postgresql.extents import extent, reference
from acra_twisted.encryption.postgresql.syntax import Text, node
from acra_twisted.sql import lexer


class Places(SynchronousTestCase):
    def place(self, operand, find=extent):
        text = f"select 1 where {operand} = f(1)".encode()
        [statement] = pgparse.parse(text.decode())
        item = statement["stmt"]["SelectStmt"]["whereClause"]["A_Expr"]["lexpr"]
        read = Text(text, lexer.tokens(text, True, 1_000))
        found = find(read, item) if find is extent else find(read, node(item)[1])
        if found is None:
            return None
        return text[read.tokens[found.first][1] : read.tokens[found.last][2]].decode()

    def test_operands_with_casts_and_brackets(self):
        for operand in (
            *("a", "t.a", 's."t".a', "((a))", "'x'", "-5", "$1", "null", "true"),
            *("a::text", "a::varchar(3)::text", "(a)::text", "((a)::text)", "a::text[]"),
            *("cast(a as text)", "cast((a) as text)", "(cast('x' as varchar(3)))", "bytea 'x'"),
            *("a::character varying", "a :: pg_catalog.text", "cast('{}' as text[])"),
        ):
            self.assertEqual(self.place(operand), operand)

    def test_other_operands(self):
        for operand in ("f(a)", "a + 1", "array['a']", "(select 1)", "U&'x' uescape '!'"):
            self.assertIsNone(self.place(operand), operand)

    def test_the_name_of_a_column_is_without_brackets(self):
        for operand, name in (("(a)", "a"), ('(s . "T".a)', 's . "T".a')):
            self.assertEqual(self.place(operand, reference), name)
        self.assertIsNone(self.place("U&\"a\" uescape '!'", reference))
