"""Nodes of a MySQL tree, as patterns see them."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.sql import mysql, mysqllexer, mysqltrees, tree
from acra_twisted.sql.tree import Node, Table


def read(text):
    raw = text.encode()
    [parsed] = mysql.parse(raw, mysqllexer.tokens(raw))
    return parsed.tree


class Nodes(SynchronousTestCase):
    def test_columns_values_and_functions(self):
        text = (
            "SELECT *, a, 1, NULL, ?, f(a), a + 1, t.a, (SELECT 1), CASE WHEN a THEN 1 END FROM t"
        )
        found = read(text).fields[mysqltrees.SELECT_LIST]
        self.assertEqual([mysqltrees.is_star(item) for item in found[:3]], [True, False, False])
        self.assertEqual([mysqltrees.name_of(item) for item in found[:3]], [None, "a", None])
        self.assertIsNone(mysqltrees.name_of(found[7]))
        columns = [mysqltrees.is_column(item) for item in found]
        self.assertEqual(columns, [n != 6 for n in range(len(found))])
        values = [mysqltrees.is_value(item) for item in found]
        self.assertEqual(values, [n in (2, 3, 4) for n in range(len(found))])
        self.assertTrue(mysqltrees.is_function(found[5]))

    def test_relations_and_writing(self):
        whole = read("INSERT INTO a WITH c AS (SELECT 1) SELECT 1 FROM c, s.b, dual")
        nodes = [node for node in tree.walk(whole) if type(node) is Node]
        relations = {mysqltrees.relation(node) for node in nodes} - {None}
        self.assertEqual(relations, {Table("", "a"), Table("s", "b")})
        self.assertEqual({n.kind for n in nodes if mysqltrees.is_writing(n)}, {"Insert"})

    def test_what_may_hide(self):
        self.assertTrue(mysqltrees.may_hide("load_file"))
        self.assertFalse(mysqltrees.may_hide("upper"))
        [call] = read("SELECT load_file('/x')").fields[mysqltrees.SELECT_LIST]
        self.assertTrue(mysqltrees.is_opaque_call(call))
