"""Functions of other databases are names like any other in MySQL's trees."""

from sqlglot.dialects.mysql import MySQL
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.sql import tree
from acra_twisted.sql.languages import LANGUAGES
from acra_twisted.sql.mysqlforeign import is_foreign
from acra_twisted.sql.tree import Table

MYSQL = LANGUAGES["mysql"]
#: Statements whose names may be any name.
FORMS = (
    "SELECT {}(a, b) FROM t",
    "SELECT {} (DISTINCT a), 1 FROM t",
    "SELECT s.{}() + 1",
    "SELECT `{}`(a) AS x FROM t",
    "INSERT INTO {} (a, b) VALUES (1, 2)",
    "WITH {} (a) AS (SELECT b FROM t) SELECT a FROM {} JOIN other",
    "CREATE TABLE {} (a INT)",
    "UPDATE t SET a = {}(b) WHERE {}(c) = 2",
    "SELECT a {}, b AS {}, {}.c FROM t {} WHERE {} > 1",
)


def shown(item):
    """A tree as text."""
    if isinstance(item, list):
        return [shown(part) for part in item]
    if type(item) is tree.Node:
        return (item.kind, {name: shown(value) for name, value in item.fields.items()})
    return (item.ordinal, item.negative) if type(item) is tree.Literal else item


class Foreign(SynchronousTestCase):
    def parsed(self, text):
        raw = text.encode()
        (found,) = MYSQL.parse(raw, MYSQL.tokens(raw, MYSQL.mode), MYSQL.mode)
        return found

    def test_they_are_read_as_what_somebody_has_written(self):
        parser, words = MySQL.parser_class, MySQL.tokenizer_class.KEYWORDS
        types = (word for word, kind in words.items() if kind in parser.TYPE_TOKENS)
        known = {*parser.FUNCTIONS, *parser.FUNCTION_PARSERS, *types}
        foreign = sorted(filter(is_foreign, (name.lower() for name in known)))
        foreign = [name for name in foreign if name.isidentifier()]
        self.assertGreater(len(foreign), 300)
        self.assertTrue({"struct", "map", "unnest", "try_cast", "xmltable"} <= set(foreign))
        for name in foreign:
            for form in FORMS:
                one, other = (
                    self.parsed(form.replace("{}", name)),
                    self.parsed(form.replace("{}", "somebodys")),
                )
                text = repr(shown(other.tree)).replace("somebodys", name)
                self.assertEqual(repr(shown(one.tree)), text, (form, name))
                tables = {Table(*(p.replace("somebodys", name) for p in t)) for t in other.tables}
                self.assertEqual(one.tables, tables, (form, name))
                self.assertEqual({n.replace("somebodys", name) for n in other.names}, one.names)

    def test_those_of_mysql_and_its_types_are_not(self):
        for name in ("count", "json_table", "group_concat", "values", "varchar", "vector", "list"):
            self.assertFalse(is_foreign(name), name)
