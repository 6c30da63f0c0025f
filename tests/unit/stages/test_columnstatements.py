"""Statements on protected columns: written anew, refused, and left to be."""

from hypothesis import given
from hypothesis import strategies as st

from acra_twisted import purposes
from acra_twisted.encryption.postgresql.planner import LONG
from acra_twisted.exchange import Exchange, Parameters, Statement
from acra_twisted.session import IDLE, IN_TRANSACTION
from acra_twisted.verdicts import PASS, Deny
from tests.support.containers import CLIENT
from tests.support.encryptors import NAME, SEARCHED, SECRET, EncryptorCase, end


class Statements(EncryptorCase):
    def test_literals_of_protected_columns_are_encrypted(self):
        text = f"INSERT INTO people (id, name, age) VALUES (1, '{SECRET}', 42)"
        sent = self.sent(text)
        self.assertEqual(self.values(sent), [SECRET.encode(), b"42"])
        self.assertNotIn(SECRET.encode(), sent)
        self.assertEqual(self.session.observer.values("encrypted"), 2)
        self.assertEqual(self.exchange.plan, "miss")
        again = self.sent(text)
        self.assertNotEqual(again, sent)
        self.assertEqual(self.exchange.plan, "hit")

    def test_the_client_is_told_of_each_copy_that_is_not_protected(self):
        self.session.told = set()
        text = "SELECT 1; SELECT name INTO b FROM people; CREATE TABLE c AS TABLE people"
        self.database.relations = [["b", True], ["c", True]]
        for plan in ("miss", "hit"):
            self.sent(text)
            self.assertEqual(self.exchange.plan, plan)
            self.assertEqual([one.place for one in self.exchange.told], [1, 2])
            self.assertIn("table b ", self.exchange.told[0].text)
            self.assertIn("people.age", self.exchange.told[1].text)
            end(self.exchange, b"SELECT 1", b"SELECT 1", b"SELECT 1")
        self.sent("SELECT name FROM people")
        self.assertIsNone(self.exchange.told)

    def test_what_concerns_no_protected_column_passes(self):
        self.database.relations = [["other", True]]
        for text in ("SELECT 1", "INSERT INTO other VALUES ('x')", "SELECT id FROM people"):
            verdict, _ = self.judge(text)
            self.assertIs(verdict, PASS)
        self.assertEqual(self.database.asked, ["schema", "path", "lookup"])
        self.assertIsNotNone(self.session.meaning)

    def test_protected_columns_of_a_database_in_another_encoding_are_refused(self):
        for encoding in (b"LATIN1", b"SQL_ASCII", b"EUC_JP"):
            self.session.notes.clear()
            self.session.parameters = {b"server_encoding": encoding}
            for text in (f"UPDATE people SET name = '{SECRET}'", "SELECT name FROM people"):
                verdict, _ = self.judge(text)
                self.assertIn("UTF8", self.refused(verdict))
                self.assertEqual(verdict.rule, "schema_unknown")
            self.assertIs(self.judge("SELECT 1")[0], PASS)
        self.session.notes.clear()
        self.session.parameters = {b"server_encoding": b"UTF8"}
        self.assertIs(self.judge("SELECT name FROM people")[0], PASS)

    def test_a_long_text_is_planned_by_a_worker(self):
        text = f"UPDATE people SET name = '{SECRET}' WHERE note IN ({', '.join(['1'] * 9_000)})"
        self.assertEqual(self.values(self.sent(text)), [SECRET.encode()])

    def test_what_sql_has_prepared_is_planned_anew_in_turns_of_the_reactor(self):
        count = 30
        for number in range(count):
            self.judge(f"PREPARE p{number} AS SELECT name FROM people")
            end(self.exchange, b"PREPARE")
        self.judge("ALTER TABLE people ADD x int")
        end(self.exchange, b"ALTER TABLE")
        self.database.oid = 8
        self.judge("SELECT 1")
        text = "; ".join(f"EXECUTE p{number}" for number in range(count))
        for least in (count // 5, 0):
            statement = Statement(text.encode())
            exchange = Exchange(self.session, "query", statement, 1)
            verdict = self.stage.on_statement(statement, exchange)
            turns = 0
            while self.workers.turns:
                self.workers.step()
                turns += 1
            self.assertGreaterEqual(turns, least)
            if not least:
                self.assertEqual(turns, 0)
            self.assertIs(self.settled(verdict), PASS)
            end(exchange, *[b"SELECT"] * count)

    def test_what_is_not_understood_is_refused(self):
        for text in (
            f"UPDATE people SET name = upper('{SECRET}')",
            f"SELECT * FROM people WHERE name = '{SECRET}'",
            "COPY people (id, name) FROM STDIN; SELECT 1",
            "COPY people (name) FROM STDIN (ENCODING latin1)",
            "COPY people (name) TO STDOUT (ENCODING latin1)",
            f"DO $$ BEGIN UPDATE people SET name = '{SECRET}'; END $$",
            f"SELECT 1; UPDATE people SET name = name || '{SECRET}'",
            f"UPDATE people SET name = '{SECRET}",
        ):
            verdict, _ = self.judge(text)
            self.refused(verdict)

    def test_a_value_that_its_column_does_not_have(self):
        verdict, _ = self.judge("UPDATE people SET age = 99999999999")
        self.assertIn("people.age", self.refused(verdict, b"22003"))

    def test_an_owner_without_a_key(self):
        verdict, _ = self.judge(f"UPDATE people SET key = '{SECRET}'")
        self.refused(verdict)

    def test_several_statements_have_a_meaning_each(self):
        verdict, statement = self.judge("SELECT id FROM people; SELECT name FROM people")
        self.assertIs(verdict, PASS)
        first, second = statement.meanings
        self.assertIs(first, self.session.meaning)
        self.assertEqual([one.setting for one in second.results], [NAME])

    def test_a_definition_is_followed_by_another_look(self):
        self.judge("SELECT 1")
        self.judge("ALTER TABLE people ADD COLUMN x int")
        end(self.exchange, b"ALTER TABLE")
        self.database.asked.clear()
        self.judge("SELECT 1")
        self.assertEqual(self.database.asked, ["schema", "path"])

    def prepare(self, text, *tags, name=None):
        verdict, _ = self.judge(text, name, None if name is None else ())
        end(self.exchange, *tags, outcome="ok" if tags else "error")
        return verdict

    def execute(self, text):
        found = self.judge(text)
        end(self.exchange)
        return found

    def test_what_sql_executes_is_what_sql_has_prepared(self):
        execute = "EXECUTE p"
        self.refused(self.execute(execute)[0])
        self.assertIs(self.prepare("PREPARE p AS SELECT name FROM people", b"PREPARE"), PASS)
        verdict, statement = self.execute(execute)
        self.assertIs(verdict, PASS)
        self.assertEqual([one.setting for one in statement.meanings[0].results], [NAME])
        # One that fails leaves the one that was there.
        self.prepare("PREPARE p AS SELECT id FROM people")
        _, statement = self.execute(execute)
        self.assertEqual([one.setting for one in statement.meanings[0].results], [NAME])
        self.prepare("PREPARE p AS SELECT id FROM people", b"PREPARE")
        _, statement = self.execute(execute)
        self.assertIs(statement.meanings[0], self.session.meaning)

    def test_values_of_what_sql_executes_are_encrypted(self):
        prepared = "PREPARE p (int, text) AS INSERT INTO people (id, name) VALUES ($1, $2)"
        verdict = self.prepare(prepared, b"PREPARE")
        self.assertNotIn(b"text", verdict.item.text)
        for text in ("EXECUTE p (1, '%s')", "EXPLAIN ANALYZE EXECUTE p (1, '%s')"):
            verdict, _ = self.execute(text % SECRET)
            self.assertEqual(self.values(verdict.item.text), [SECRET.encode()])
        self.refused(self.execute(f"EXECUTE p (1, upper('{SECRET}'))")[0])
        self.refused(self.execute(f"CREATE TABLE people AS EXECUTE p (1, '{SECRET}')")[0])
        self.judge("DISCARD ALL")
        end(self.exchange, b"DISCARD ALL")
        self.refused(self.execute(f"EXECUTE p (1, '{SECRET}')")[0])

    def test_what_sql_has_prepared_is_planned_anew_for_other_tables(self):
        self.prepare("PREPARE p AS INSERT INTO people VALUES ($1, $2)", b"PREPARE")
        self.database.oid = 99
        self.now += 301
        verdict, _ = self.execute(f"EXECUTE p (1, '{SECRET}')")
        self.assertEqual(self.values(verdict.item.text), [SECRET.encode()])
        self.database.columns = ("id", "note", "name", "age", "key")
        self.now += 301
        self.refused(self.execute(f"EXECUTE p (1, '{SECRET}')")[0])

    def test_what_sql_has_prepared_by_older_keys_is_not_executed(self):
        self.prepare(f"PREPARE p AS UPDATE people SET name = '{SECRET}'", b"PREPARE")
        self.assertIs(self.execute("EXECUTE p")[0], PASS)
        self.bench.keys.put(purposes.STORAGE_SYMMETRIC, b"n" * 32, CLIENT)
        self.assertIn("keys", self.refused(self.execute("EXECUTE p")[0]))

    def test_values_of_what_a_long_text_executes_are_encrypted(self):
        """A worker plans it, who is told of what is prepared."""
        self.prepare("PREPARE p (int, text) AS INSERT INTO people (id, name) VALUES ($1, $2)",
                     b"PREPARE")  # fmt: skip
        long = SECRET * (LONG // len(SECRET) + 1)
        verdict, _ = self.execute(f"EXECUTE p (1, '{long}')")
        self.assertEqual(self.values(verdict.item.text), [long.encode()])
        self.refused(self.execute(f"EXECUTE q (1, '{long}')")[0])

    def test_what_the_protocol_has_sql_prepare_is_executed_after_other_tables(self):
        text = "PREPARE p (int, text) AS INSERT INTO people (id, name) VALUES ($1, $2)"
        verdict, statement = self.judge(text, b"s", ())
        statement.become(verdict.item)
        self.database.oid = 99
        self.now += 301
        exchange = Exchange(self.session, "execute", statement, 1)
        bound = Parameters([], [], statement, [], True)
        self.assertIs(self.settled(self.stage.on_parameters(bound, exchange)), PASS)
        end(exchange, b"PREPARE")
        verdict, _ = self.execute(f"EXECUTE p (1, '{SECRET}')")
        self.assertEqual(self.values(verdict.item.text), [SECRET.encode()])

    def test_columns_that_meet_beside_an_execution_need_one_key(self):
        self.stage = self.made(SEARCHED)
        joined = "SELECT 1 FROM people a JOIN people b ON a.name = b.name"
        self.prepare("PREPARE p AS SELECT id FROM people", b"PREPARE")
        text = f"{joined}; EXECUTE p"
        self.assertNotEqual(type(self.execute(text)[0]), Deny)
        self.bench.keys.put(purposes.SEARCH_HMAC, b"n" * 32, CLIENT)
        self.refused(self.execute(text)[0])
        self.assertNotEqual(type(self.execute("EXECUTE p; SELECT 1")[0]), Deny)

    def test_the_end_of_a_transaction_that_changed_tables_is_followed(self):
        for text, tag in (("COMMIT", b"COMMIT"), ("ROLLBACK", b"ROLLBACK")):
            for name in (None, b"s"):
                self.judge("BEGIN")
                end(self.exchange, b"BEGIN")
                self.session.transaction = IN_TRANSACTION
                self.judge("ALTER TABLE people ADD COLUMN x int")
                end(self.exchange, b"ALTER TABLE")
                self.judge("SELECT name FROM people")
                end(self.exchange, b"SELECT 0")
                _, statement = self.judge(text, name, None if name is None else ())
                if name is not None:
                    exchange = self.exchange = Exchange(self.session, "execute", statement, 1)
                    bound = Parameters([], [], statement, [], True)
                    self.assertIs(self.settled(self.stage.on_parameters(bound, exchange)), PASS)
                self.session.transaction = IDLE
                end(self.exchange, tag)
                self.database.asked.clear()
                self.judge("SELECT name FROM people")
                end(self.exchange, b"SELECT 0")
                self.assertIn("schema", self.database.asked, (text, name))

    def test_nor_does_sql_execute_what_the_protocol_has_prepared(self):
        for name in ("p", "p" * 63):
            longer = name.encode() + b"q" if len(name) == 63 else name.encode()
            self.prepare("INSERT INTO people (name) VALUES ($1)", name=longer)
            self.refused(self.execute(f"EXECUTE {name}('{SECRET}')")[0])
            self.prepare(f"PREPARE {name} AS SELECT $1", b"PREPARE")
            self.assertIs(self.execute(f"EXECUTE {name}('x')")[0], PASS)
            self.prepare("INSERT INTO people (name) VALUES ($1)", name=longer)
            self.refused(self.execute(f"EXECUTE {name}('{SECRET}')")[0])
        self.prepare('PREPARE "\xe9" AS SELECT $1', b"PREPARE")
        self.assertIs(self.execute('EXECUTE "\xe9"(1)')[0], PASS)
        self.prepare("INSERT INTO people (name) VALUES ($1)", name=b"\xe9")
        self.refused(self.execute(f"""EXECUTE "\xe9"('{SECRET}')""")[0])

    @given(st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"])))
    def test_any_value_comes_back_and_never_leaves_in_clear(self, value):
        self.setUp()
        escaped = value.replace("'", "''")
        sent = self.sent(f"INSERT INTO people (name) VALUES ('{escaped}')")
        if value:
            self.assertEqual(self.values(sent), [value.encode()])
        else:
            self.assertIn(b"( E'\\\\x')", sent)
