"""Values for prepared statements on protected columns: encoded, refused, and left to be."""

from acra_twisted import purposes
from acra_twisted.dialects.postgresql import replies
from acra_twisted.exchange import Exchange, Parameters, Statement, ToldType
from acra_twisted.outstanding import FORWARD
from acra_twisted.session import FAILED_TRANSACTION, IN_TRANSACTION
from acra_twisted.verdicts import PASS, Deny, Replace
from tests.support.containers import CLIENT
from tests.support.encryptors import COLUMNS, SECRET, BoundCase, end


class Bound(BoundCase):
    def test_each_role_of_a_parameter_is_one_for_the_database(self):
        statement = self.prepare(types=(23, 1043))
        self.assertEqual(
            statement.text, b"INSERT INTO people (id, name, age, note) VALUES ($1, $2, $3, $4)"
        )
        self.assertEqual(statement.types, [23, 17, 17, 1043])
        self.assertEqual(statement.told, [ToldType(1), ToldType(2, 1043), ToldType(3, 23)])
        values = [b"\0\0\0\1", SECRET.encode(), b"42"]
        sent = self.bind(statement, values, [1, 0, 0], [23, 1043, 23]).item
        self.assertEqual((sent.values[0], sent.values[3]), (values[0], values[1]))
        self.assertEqual(sent.formats, [1, 1, 1, 0])
        self.assertEqual([self.opened(one) for one in sent.values[1:3]], values[1:])

    def test_the_client_is_told_of_a_copy_at_each_execution(self):
        self.session.told = set()
        statement = self.prepare("SELECT name INTO copies FROM people WHERE id = $1")
        self.assertIsNone(self.exchange.told)
        for _ in range(2):
            exchange = Exchange(self.session, "execute", statement, 1)
            bound = Parameters([b"1"], [0], statement, [0])
            self.assertIs(self.settled(self.stage.on_parameters(bound, exchange)), PASS)
            [notice] = exchange.told
            self.assertIn("table copies ", notice.text)
            end(exchange, b"SELECT 1")

    def test_encoded_values_are_for_the_same_portal(self):
        statement = self.prepare()
        exchange = Exchange(self.session, "execute", statement, 1)
        bound = Parameters([b"1", b"x", b"42"], [0] * 3, statement, [0] * 3, True, b"portal")
        sent = self.settled(self.stage.on_parameters(bound, exchange)).item
        self.assertEqual((sent.portal, sent.statement, sent.is_meant), (b"portal", statement, True))
        # There are more of them, of types that nobody has told.
        self.assertEqual((len(sent.values), sent.types), (4, None))

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

    def outdated(self, verdict):
        """It is refused, and drivers prepare the statement anew."""
        self.assertEqual(verdict.routine, "RevalidateCachedQuery")
        return self.refused(verdict)

    def test_nor_to_one_that_was_prepared_for_other_tables(self):
        statement = self.prepare("INSERT INTO people VALUES ($1, $2, $3)")
        values = [b"1", SECRET.encode(), b"42"]
        self.assertIs(type(self.bind(statement, values)), Replace)
        self.database.oid, self.database.columns = 99, ("id", "note", "name", "age", "key")
        self.now += 301
        self.outdated(self.bind(statement, values))

    def test_tables_may_change_as_long_as_the_statement_is_sent_in_the_same_form(self):
        written = self.prepare()
        shown = self.prepare("SELECT name FROM people WHERE id = $1")
        before = shown.meanings
        self.database.oid, self.database.columns = 99, (*COLUMNS, "more")
        self.now += 301
        sent = self.bind(written, [b"1", SECRET.encode(), b"42"]).item
        self.assertEqual(self.opened(sent.values[1]), SECRET.encode())
        self.assertIs(self.bind(shown, [b"1"]), PASS)
        self.assertIsNot(shown.meanings[0].protection, before[0].protection)
        self.assertEqual(shown.meanings[0].results, before[0].results)

    def test_nor_where_the_results_would_have_other_columns(self):
        statement = self.prepare("TABLE people")
        self.database.columns = (*COLUMNS, "more")
        self.now += 301
        self.outdated(self.bind(statement, []))

    def run_text(self, text, tag):
        verdict, _ = self.judge(text)
        self.assertIs(verdict, PASS)
        end(self.exchange, tag)

    def test_nor_where_bare_names_are_looked_up_elsewhere(self):
        self.database.schemas.append("other")
        for text, values in ((self.TEXT, [b"1", SECRET.encode(), b"42"]), ("TABLE people", [])):
            self.database.path = [["pg_catalog", "public"], None, "public"]
            self.run_text("SET search_path = public", b"SET")
            statement = self.prepare(text)
            self.assertNotEqual(type(self.bind(statement, values)), Deny)
            self.database.path = [["pg_catalog", "public", "other"], None, "public"]
            self.run_text("SET search_path = public, other", b"SET")
            self.assertNotEqual(type(self.bind(statement, values)), Deny)
            self.database.path = [["pg_catalog", "other", "public"], None, "public"]
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
        end(self.exchange, b"PREPARE")
        statement = self.prepare("EXECUTE p($1)")
        exchange = Exchange(self.session, "execute", statement, 1)
        bound = Parameters([b"1"], [0], statement, [0])
        self.assertIs(self.settled(self.stage.on_parameters(bound, exchange)), PASS)
        exchange.close("ok")
        self.judge("INSERT INTO people (name) VALUES ($1)", b"p", ())
        self.refused(self.bind(statement, [SECRET.encode()]))

    def test_a_name_that_may_be_anothers_is_asked_for(self):
        """A procedure may prepare statements, and DEALLOCATE may have any name."""
        prepared = self.session.prepared
        values = [b"1", SECRET.encode(), b"42"]
        for names, is_known in (([b"s", b"t"], True), ([b"t"], False)):
            statement = self.prepare()
            prepared.parse_sent(statement)
            prepared.parse_complete(statement)
            statement.parameter_types = [0, 0, 0]
            prepared.command_complete(b"CALL", None)
            self.assertFalse(prepared.is_meant(statement))
            self.database.prepared = names
            verdict = self.bind(statement, values, types=None, is_meant=False)
            self.assertEqual(self.database.asked[-1], "prepared")
            if is_known:
                self.assertEqual(self.opened(verdict.item.values[1]), SECRET.encode())
                self.assertTrue(prepared.is_meant(statement))
            else:
                self.outdated(verdict)
        self.database.fails = True
        self.outdated(self.bind(statement, values, is_meant=False))

    def test_the_end_of_a_transaction_whose_name_is_doubted(self):
        statement = self.prepare("ROLLBACK")
        for transaction, names, fails, passes in (
            (IN_TRANSACTION, [b"s"], False, True),
            (IN_TRANSACTION, [b"t"], False, False),
            (IN_TRANSACTION, [b"s"], True, False),
            # The database answers no question there, and does nothing else.
            (FAILED_TRANSACTION, [b"s"], True, True),
        ):
            self.session.prepared.parse_complete(statement)
            self.session.prepared.command_complete(b"CALL", None)
            self.session.transaction = transaction
            self.database.prepared, self.database.fails = names, fails
            verdict = self.bind(statement, [], is_meant=False)
            if passes:
                self.assertIs(verdict, PASS)
            else:
                self.outdated(verdict)

    def test_the_end_of_a_transaction_that_was_not_prepared(self):
        statement = self.prepare("COMMIT")
        self.session.prepared.parse_complete(Statement(b"", b"s"))
        self.session.transaction, self.database.fails = FAILED_TRANSACTION, True
        self.outdated(self.bind(statement, [], is_meant=False))

    def test_the_end_of_a_transaction_behind_what_may_end_it(self):
        statement = self.prepare("COMMIT")
        self.session.prepared.parse_complete(statement)
        self.session.transaction, self.database.fails = FAILED_TRANSACTION, True
        self.session.outstanding.append((FORWARD, replies.QUERY, None, None))
        self.outdated(self.bind(statement, [], is_meant=False))

    def test_a_literal_that_older_keys_have_encoded_is_not_sent_again(self):
        written = self.prepare(f"INSERT INTO people (id, name) VALUES ($1, '{SECRET}')")
        shown = self.prepare("SELECT name FROM people WHERE id = $1")
        self.assertIs(self.bind(written, [b"1"]), PASS)
        self.bench.keys.put(purposes.STORAGE_SYMMETRIC, b"n" * 32, CLIENT)
        self.assertIn("keys", self.outdated(self.bind(written, [b"1"])))
        self.assertIs(self.bind(shown, [b"1"]), PASS)

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
        end(exchange, b"DROP TABLE")
        self.judge("SELECT 1")
        self.assertIn("schema", self.database.asked)
