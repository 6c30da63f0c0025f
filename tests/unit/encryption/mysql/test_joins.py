"""The tables of a statement."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.mysql.cursor import Cursor, UnreadableError
from acra_twisted.encryption.mysql.reader import Reader
from acra_twisted.sql import lexer, mysqllexer


def source(text):
    data = f"SELECT 1 FROM {text}".encode()
    tokens = mysqllexer.tokens(data)
    ordinals = {one[1]: at for at, one in enumerate(t for t in tokens if t[0] in lexer.LITERALS)}
    return Reader().statement(Cursor(data, tokens, ordinals)).branches[0].source


class Tables(SynchronousTestCase):
    def test_names_and_aliases(self):
        found = source("a, shop.b AS c, (SELECT 1 AS x) d (y), `e` PARTITION (p) f")
        shown = [(one.table.name if one.table else "", one.alias) for one in found.factors]
        self.assertEqual(shown, [("a", ""), ("b", "c"), ("", "d"), ("e", "f")])
        self.assertEqual(list(found.factors[2].columns), ["y"])

    def test_joins(self):
        found = source("a LEFT OUTER JOIN (b CROSS JOIN c) ON a.x = b.x NATURAL JOIN d")
        self.assertEqual(len(found.factors), 4)
        self.assertEqual((len(found.conditions), found.natural), (1, True))
        self.assertEqual(source("a JOIN b USING (x, y)").using, ["x", "y"])

    def test_hints(self):
        text = "a USE INDEX (i, PRIMARY) IGNORE KEY FOR ORDER BY (j)"
        self.assertEqual(len(source(text).factors), 1)

    def test_what_is_not_understood(self):
        for text in ("f(1)", "a NATURAL b", "a USE INDEX FOR x (i)", "JSON_TABLE('[]', '$')"):
            self.assertRaises(UnreadableError, source, text)
