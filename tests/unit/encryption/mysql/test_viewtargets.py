"""Views that can be written like a table."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.mysql import viewtargets
from acra_twisted.encryption.mysql.cursor import Cursor
from acra_twisted.encryption.mysql.reader import Reader
from acra_twisted.encryption.mysql.schema import VIEW, Code
from acra_twisted.sql import lexer, mysqllexer
from tests.support.mysqlplanning import NAME
from tests.unit.encryption.mysql.test_moving import ID, STORED, table

PEOPLE = table(ID, STORED)


def written(text, name="shown"):
    """The view of a query as a table."""
    data = text.encode()
    tokens = mysqllexer.tokens(data)
    literals = [start for kind, start, _ in tokens if kind in lexer.LITERALS]
    ordinals = {start: number for number, start in enumerate(literals)}
    query = Reader().query(Cursor(data, tokens, ordinals))
    code = Code(VIEW, "shop", name, text)
    return viewtargets.written(
        code, query, lambda named: PEOPLE if named.name == "people" else None
    )


class Written(SynchronousTestCase):
    def test_columns_of_one_table_by_their_names_in_the_view(self):
        found = written("SELECT id, name AS Shown, 1 AS n FROM people WHERE id > 0")
        self.assertEqual((found.table.database, found.table.name), ("shop", "shown"))
        self.assertIs(found.behind, PEOPLE)
        self.assertEqual([*found.columns], ["id", "shown", "n"])
        self.assertEqual(found.sources, {"id": "id", "shown": "name"})
        self.assertEqual(found.settings, {"shown": NAME})
        self.assertEqual(found.first, NAME)
        self.assertEqual(found.columns["n"].type, "")

    def test_a_view_without_a_protected_column_names_that_of_its_table(self):
        found = written("SELECT id FROM people")
        self.assertEqual((found.settings, found.first), ({}, NAME))

    def test_what_is_not_one_table_as_it_is(self):
        for text in (
            "SELECT DISTINCT name FROM people",
            "SELECT name FROM people GROUP BY name",
            "SELECT name FROM people HAVING name > 'a'",
            "SELECT name FROM people ORDER BY name",
            "SELECT name FROM people LIMIT 1",
            "SELECT name FROM people UNION SELECT name FROM people",
            "WITH a AS (SELECT 1) SELECT name FROM people",
            "SELECT p.name FROM people p, people q",
            "SELECT name FROM (SELECT name FROM people) p",
            "SELECT name FROM nobody",
            "SELECT * FROM people",
            "SELECT name, id AS NAME FROM people",
            "SELECT 1 FROM people",
            "SELECT 1",
        ):
            self.assertIsNone(written(text), text)
