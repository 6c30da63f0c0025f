"""Expressions to trees."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.mysql import nodes
from acra_twisted.encryption.mysql.cursor import Cursor, UnreadableError
from acra_twisted.encryption.mysql.reader import Reader
from acra_twisted.sql import lexer, mysqllexer


def tree(text):
    """The tree of an expression, in brackets."""
    whole = b"SELECT " + text
    tokens = mysqllexer.tokens(whole)
    literals = [token for token in tokens if token[0] in lexer.LITERALS]
    ordinals = {token[1]: number for number, token in enumerate(literals)}
    cursor = Cursor(whole, tokens, ordinals)
    found = Reader().statement(cursor)
    return shown(found.branches[0].outputs[0].value)


def shown(node):
    if node.kind == nodes.VALUE:
        source = node.source
        if source.parameter:
            return f"?{source.parameter}"
        word = source.word.decode() or f"v{source.ordinal}"
        return ("-" if source.negative else "") + source.introducer + word
    if node.kind == nodes.COLUMN:
        return ".".join(node.names)
    routine = "/".join(node.names) if node.kind == nodes.CALL else ""
    mark = f"{node.kind} {node.word or routine}".strip() + (" not" if node.flag else "")
    return f"({' '.join((mark, *map(shown, node.items)))})"


class Trees(SynchronousTestCase):
    def test_values(self):
        for text, wanted in (
            (b"'a'", "v0"),
            (b"'a' 'b'", "v0"),
            (b"-5", "-v0"),
            (b"x'41'", "v0"),
            (b"_utf8mb4'a'", "utf8mb4v0"),
            (b"_binary x'41'", "binaryv0"),
            (b"DATE '2026-01-01'", "datev0"),
            (b"TRUE", "true"),
            (b"?", "?1"),
            (b"(?, ?)", "(row ?1 ?2)"),
            (b"NULL", "(null)"),
            (b"\\N", "(null)"),
        ):
            self.assertEqual(tree(text), wanted, text)

    def test_operators_by_how_they_bind(self):
        for text, wanted in (
            (b"a = 1 AND b <> 2 OR c", "(call and (compare = a v0) (compare <> b v1) c)"),
            (b"NOT a = 1", "(call not (compare = a v0))"),
            (b"a + b * -c = d", "(compare = (call + a b (call - c)) d)"),
            (b"a = b IN (1, 2)", "(compare = a (among b v0 v1))"),
            (b"a NOT IN (1)", "(among not a v0)"),
            (b"a = b = c", "(compare = (compare = a b) c)"),
            (b"a IS NOT NULL", "(is null not a)"),
            (b"a IS TRUE", "(call is a)"),
            (b"a BETWEEN 1 AND 2 AND b", "(call and (call between a v0 v1) b)"),
            (b"a NOT LIKE 'x' ESCAPE '!'", "(like not a v0 v1)"),
            (b"! a = 1", "(compare = (call ! a) v0)"),
            (b"BINARY a = 'x'", "(compare = (cast binary a) v0)"),
            (b"a COLLATE utf8mb4_bin = 'x'", "(compare = (collate utf8mb4_bin a) v0)"),
            (b"a <=> 1", "(compare <=> a v0)"),
            (b"d + INTERVAL 1 DAY", "(call + d (call interval v0))"),
            (b"a->'$.x'", "(call + a v0)"),
        ):
            self.assertEqual(tree(text), wanted, text)

    def test_what_is_not_understood(self):
        for text in (
            b"a || b",
            b"a = ANY (SELECT 1)",
            b"@a := 1",
            b"_gbk'a'",
            b"a NOT",
            b"a IS 5",
            b"CASE a",
            b"a b c",
            b"(1",
            b"a =",
        ):
            with self.assertRaises(UnreadableError, msg=text):
                tree(text)

    def test_depth_and_length_are_bounded(self):
        for text in (b"(" * 60 + b"1" + b")" * 60, b"NOT " * 60 + b"1", b"- " * 60 + b"a"):
            with self.assertRaises(UnreadableError):
                tree(text)
        with self.assertRaises(UnreadableError):
            tree(b"1" + b" = 1" * 60)
        with self.assertRaises(UnreadableError):
            tree(b"1" + b" BETWEEN 1 AND 1" * 60)
        self.assertTrue(tree(b"1" + b" + 1" * 5000))
        self.assertTrue(tree(b"a = 1" + b" OR a = 1" * 5000))
