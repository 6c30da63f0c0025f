"""Values for prepared statements on protected columns: encoded, refused, and left to be."""

from acra_twisted.exchange import Exchange, Parameters, Statement, ToldType
from acra_twisted.verdicts import PASS, Deny
from tests.support.encryptors import SECRET, BoundCase


class Bound(BoundCase):
    def test_each_role_of_a_parameter_is_one_for_the_database(self):
        statement = self.prepare(types=(23, 1043))
        self.assertEqual(
            statement.text, b"INSERT INTO people (id, name, age, note) VALUES ($1, $2, $3, $4)"
        )
        self.assertEqual(statement.types, [23, 17, 17, 1043])
        self.assertEqual(statement.told, [ToldType(1), ToldType(2, 25), ToldType(3, 23)])
        values = [b"\0\0\0\1", SECRET.encode(), b"42"]
        sent = self.bind(statement, values, [1, 0, 0], [23, 1043, 23]).item
        self.assertEqual((sent.values[0], sent.values[3]), (values[0], values[1]))
        self.assertEqual(sent.formats, [1, 1, 1, 0])
        self.assertEqual([self.opened(one) for one in sent.values[1:3]], values[1:])

    def test_a_statement_without_protected_values_is_left_alone(self):
        statement = self.prepare("SELECT id FROM people WHERE id = $1")
        self.assertIsNone(statement.told)
        self.assertIs(self.bind(statement, [b"1"]), PASS)
        self.assertIs(self.bind(self.prepare("SELECT $1"), [b"1"]), PASS)

    def test_values_are_not_sent_to_a_statement_that_is_not_certain(self):
        statement = self.prepare()
        values = [b"1", SECRET.encode(), b"42"]
        self.refused(self.bind(None, values))
        self.refused(self.bind(statement, values, is_meant=False))
        self.refused(self.bind(statement, values[:2]))
        exchange = Exchange(self.session, "execute", statement, 1)
        unknown = Parameters(values, [0] * 3, statement, None)
        self.refused(self.settled(self.stage.on_parameters(unknown, exchange)))

    def test_nor_to_one_that_was_prepared_for_other_tables(self):
        statement = self.prepare()
        self.database.oid = 99
        self.now += 301
        self.refused(self.bind(statement, [b"1", SECRET.encode(), b"42"]))

    def run_text(self, text, tag):
        verdict, _ = self.judge(text)
        self.assertIs(verdict, PASS)
        self.exchange.tags.append(tag)
        self.exchange.close("ok")

    def test_nor_where_bare_names_are_looked_up_elsewhere(self):
        for text, values in ((self.TEXT, [b"1", SECRET.encode(), b"42"]), ("TABLE people", [])):
            self.database.path = [["pg_catalog", "public"], None]
            self.run_text("SET search_path = public", b"SET")
            statement = self.prepare(text)
            self.assertNotEqual(type(self.bind(statement, values)), Deny)
            self.database.path = [["pg_catalog", "other", "public"], None]
            self.run_text("SET search_path = other, public", b"SET")
            self.refused(self.bind(statement, values))

    def test_nor_to_one_whose_table_has_become_a_protected_one(self):
        statement = self.prepare("INSERT INTO kid (name) VALUES ($1)")
        values = [SECRET.encode()]
        self.assertIs(self.bind(statement, values), PASS)
        self.run_text("ALTER TABLE kid INHERIT people", b"ALTER TABLE")
        self.assertIs(self.bind(statement, values), PASS)
        self.database.kids = ["kid"]
        self.run_text("ALTER TABLE kid INHERIT people", b"ALTER TABLE")
        self.refused(self.bind(statement, values))

    def test_nor_to_an_execute_of_another_statement(self):
        self.judge("PREPARE p AS SELECT $1")
        self.exchange.tags.append(b"PREPARE")
        self.exchange.close("ok")
        statement = self.prepare("EXECUTE p($1)")
        exchange = Exchange(self.session, "execute", statement, 1)
        bound = Parameters([b"1"], [0], statement, [0])
        self.assertIs(self.settled(self.stage.on_parameters(bound, exchange)), PASS)
        exchange.close("ok")
        self.judge("INSERT INTO people (name) VALUES ($1)", b"p", ())
        self.refused(self.bind(statement, [SECRET.encode()]))

    def test_nor_to_one_that_was_never_judged(self):
        self.refused(self.bind(Statement(b"INSERT INTO people VALUES ($1)", b"s"), [b"x"]))

    def test_a_value_that_its_column_does_not_have(self):
        values = [b"1", b"x", SECRET.encode()]
        self.assertIn("people.age", self.refused(self.bind(self.prepare(), values), b"22P02"))

    def test_a_definition_that_is_executed_is_followed_by_another_look(self):
        statement = self.prepare("DROP TABLE people")
        exchange = Exchange(self.session, "execute", statement, 1)
        bound = Parameters([], [], statement, [])
        self.assertIs(self.settled(self.stage.on_parameters(bound, exchange)), PASS)
        self.database.asked.clear()
        exchange.tags.append(b"DROP TABLE")
        exchange.close("ok")
        self.judge("SELECT 1")
        self.assertIn("schema", self.database.asked)
