"""The encryptor: what it writes, what it refuses, and what it leaves to be."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from acra_twisted import purposes
from acra_twisted.crypto import envelopes
from acra_twisted.crypto.openers import Opener
from acra_twisted.encryption.postgresql.arrays import to_array
from acra_twisted.encryption.searching import Prefixes
from acra_twisted.encryption.settings import (
    SEARCHABLE,
    ColumnSetting,
    EncryptionSettings,
    TableSetting,
)
from acra_twisted.exchange import Exchange, Parameters, Statement, ToldType
from acra_twisted.interfaces import IParameterStage, IResultStage, IStatementStage
from acra_twisted.results import LINES, Columns
from acra_twisted.session import FAILED_TRANSACTION
from acra_twisted.stages.encryptor import INLINE, Encryptor
from acra_twisted.verdicts import PASS, Deny, Replace
from tests.support.containers import CLIENT, Workbench, Workers
from tests.unit.stages.test_sessioncolumns import Database

NAME = ColumnSetting("", "people", "name", data_type="str")
AGE = ColumnSetting("", "people", "age", data_type="int32")
FOREIGN = ColumnSetting("", "people", "key", owner="nobody")
PROTECTED = {setting.name: setting for setting in (NAME, AGE, FOREIGN)}
SETTINGS = EncryptionSettings([TableSetting("", "people", (), PROTECTED)])
EMAIL = ColumnSetting("", "people", "name", kind=SEARCHABLE, data_type="str")
THEIRS = ColumnSetting("", "people", "key", kind=SEARCHABLE, data_type="str", owner="other")
SEARCHED = EncryptionSettings(
    [TableSetting("", "people", (), {one.name: one for one in (EMAIL, THEIRS)})]
)
SECRET = "my secret"


class Case(SynchronousTestCase):
    def setUp(self):
        self.bench = Workbench()
        self.bench.keys.put(purposes.SEARCH_HMAC, b"h" * 32, CLIENT)
        self.workers = Workers()
        self.session = self.bench.session
        self.session.database = b"db"
        self.database = Database(self.session)
        self.now = 1000.0
        self.stage = Encryptor(SETTINGS, self.bench.keys, self.workers, lambda: self.now)

    def settled(self, verdict):
        if isinstance(verdict, Deferred):
            self.workers.turn()
            return self.successResultOf(verdict)
        return verdict

    def judge(self, text, name=None, types=None):
        """The verdict on a statement, and the statement."""
        statement = Statement(text.encode(), name)
        statement.types = types
        self.exchange = Exchange(self.session, "query", statement, 1)
        return self.settled(self.stage.on_statement(statement, self.exchange)), statement

    def sent(self, text):
        """The text that is sent in place of one."""
        verdict, statement = self.judge(text)
        if verdict is PASS:
            return statement.text
        self.assertIs(type(verdict), Replace, getattr(verdict, "text", ""))
        return verdict.item.text

    def refused(self, verdict, sqlstate=b"0A000"):
        self.assertIs(type(verdict), Deny)
        self.assertEqual(verdict.sqlstate, sqlstate, verdict.text)
        self.assertNotIn(SECRET, verdict.text + verdict.reason + verdict.rule)
        return verdict.text

    def opened(self, stored):
        [found] = envelopes.find(stored)
        return Opener((), [b"s" * 32]).open(found.kind, found.data(stored), {})

    def values(self, text):
        parts = text.split(b" E'\\\\x")[1:]
        return [self.opened(bytes.fromhex(part.partition(b"'")[0].decode())) for part in parts]


class Statements(Case):
    def test_it_is_a_stage_for_statements_values_and_results(self):
        for interface in (IStatementStage, IParameterStage, IResultStage):
            verifyObject(interface, self.stage)

    def test_literals_of_protected_columns_are_encrypted(self):
        text = f"INSERT INTO people (id, name, age) VALUES (1, '{SECRET}', 42)"
        sent = self.sent(text)
        self.assertEqual(self.values(sent), [SECRET.encode(), b"42"])
        self.assertNotIn(SECRET.encode(), sent)
        self.assertEqual(self.exchange.attributes["acra.columns_encrypted"], 2)
        self.assertEqual(self.exchange.attributes["acra.plan"], "miss")
        again = self.sent(text)
        self.assertNotEqual(again, sent)
        self.assertEqual(self.exchange.attributes["acra.plan"], "hit")

    def test_what_concerns_no_protected_column_passes(self):
        for text in ("SELECT 1", "INSERT INTO other VALUES ('x')", "SELECT id FROM people"):
            verdict, _ = self.judge(text)
            self.assertIs(verdict, PASS)
        self.assertEqual(self.database.asked, ["schema", "path"])
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

    def test_many_values_are_a_workers(self):
        rows = ", ".join(f"({n}, 'v{n}')" for n in range(INLINE + 1))
        sent = self.sent(f"INSERT INTO people (id, name) VALUES {rows}")
        self.assertEqual(self.values(sent), [b"v%d" % n for n in range(INLINE + 1)])

    def test_a_long_text_is_planned_by_a_worker(self):
        text = f"UPDATE people SET name = '{SECRET}' WHERE note IN ({', '.join(['1'] * 9_000)})"
        self.assertEqual(self.values(self.sent(text)), [SECRET.encode()])

    def test_what_is_not_understood_is_refused(self):
        for text in (
            f"UPDATE people SET name = upper('{SECRET}')",
            f"SELECT * FROM people WHERE name = '{SECRET}'",
            "COPY people (id, name) FROM STDIN",
            "PREPARE p AS INSERT INTO people (name) VALUES ($1)",
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

    def test_nothing_passes_while_the_tables_are_not_known(self):
        self.database.fails = True
        for text in ("SELECT 1", f"UPDATE people SET name = '{SECRET}'"):
            verdict, _ = self.judge(text)
            self.refused(verdict)
        # But for what must be possible in a transaction that has failed.
        self.session.transaction = FAILED_TRANSACTION
        for text in ("ROLLBACK", "rollback to savepoint a;", "COMMIT"):
            verdict, statement = self.judge(text, b"")
            self.assertIs(verdict, PASS)
            bound = Parameters([], [], statement, [])
            self.assertIs(self.stage.on_parameters(bound, self.exchange), PASS)

    def test_a_definition_is_followed_by_another_look(self):
        self.judge("SELECT 1")
        self.database.asked.clear()
        self.judge("ALTER TABLE people ADD COLUMN x int")
        self.exchange.tags.append(b"ALTER TABLE")
        self.exchange.close("ok")
        self.judge("SELECT 1")
        self.assertEqual(self.database.asked, ["schema"])

    def prepare(self, text, *tags, name=None):
        verdict, _ = self.judge(text, name, None if name is None else ())
        if self.exchange.tags is not None:
            self.exchange.tags += tags
        self.exchange.close("ok" if tags else "error")
        return verdict

    def execute(self, text):
        found = self.judge(text)
        self.exchange.close("ok")
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


class BoundCase(Case):
    TEXT = "INSERT INTO people (id, name, age, note) VALUES ($1, $2, $3, $2)"

    def prepare(self, text=TEXT, types=()):
        """A prepared statement as it goes on."""
        verdict, statement = self.judge(text, b"s", types)
        if type(verdict) is Replace:
            statement.become(verdict.item)
        return statement

    def bind(self, statement, values, formats=None, types=None, is_meant=True):
        formats = [0] * len(values) if formats is None else formats
        types = [0] * len(values) if types is None else types
        exchange = Exchange(self.session, "execute", statement, 1)
        bound = Parameters(values, formats, statement, types, is_meant)
        return self.settled(self.stage.on_parameters(bound, exchange))


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


class Searches(BoundCase):
    def setUp(self):
        super().setUp()
        self.stage = Encryptor(SEARCHED, self.bench.keys, self.workers, lambda: self.now)

    def prefixes(self, value=SECRET, *keys):
        return Prefixes(EMAIL, keys or [b"h" * 32]).all(value.encode())

    def test_a_literal_that_is_compared_becomes_its_prefixes(self):
        self.bench.keys.put(purposes.SEARCH_HMAC, b"n" * 32, CLIENT)
        sent = self.sent(f"SELECT id FROM people WHERE name = '{SECRET}'")
        self.assertNotIn(SECRET.encode(), sent)
        for prefix in self.prefixes(SECRET, b"n" * 32, b"h" * 32):
            self.assertIn(prefix.hex().encode(), sent)
        self.assertEqual(self.exchange.attributes["acra.columns_searched"], 1)
        self.assertNotIn("acra.search_foreign_owner", self.exchange.attributes)

    def test_a_value_is_stored_and_searched_for_at_once(self):
        sent = self.sent(f"UPDATE people SET name = 'x' WHERE name = '{SECRET}'")
        self.assertIn(self.prefixes()[0].hex().encode(), sent)
        attributes = self.exchange.attributes
        counted = [attributes[f"acra.columns_{what}"] for what in ("encrypted", "searched")]
        self.assertEqual(counted, [1, 1])

    def test_a_column_of_another_owner_is_searched_with_the_clients_own_keys(self):
        self.bench.keys.put(purposes.SEARCH_HMAC, b"o" * 32, "other")
        sent = self.sent(f"SELECT id FROM people WHERE key = '{SECRET}'")
        self.assertIn(self.prefixes()[0].hex().encode(), sent)
        self.assertNotIn(self.prefixes(SECRET, b"o" * 32)[0].hex().encode(), sent)
        self.assertEqual(self.exchange.attributes["acra.search_foreign_owner"], "people.key")

    def test_parameters_that_are_compared(self):
        statement = self.prepare(
            "SELECT id FROM people WHERE name = $1 OR name = ANY($2)", types=(1043, 0)
        )
        self.assertEqual(statement.types, [1001, 1001])
        self.assertEqual(statement.told, [ToldType(1, 25), ToldType(2, 1009)])
        sent = self.bind(statement, [SECRET.encode(), b"{a,NULL}"]).item
        self.assertEqual(sent.formats, [1, 1])
        self.assertEqual(sent.values[0], to_array(self.prefixes()))
        self.assertEqual(sent.values[1], to_array([*self.prefixes("a"), None]))

    def test_columns_are_compared_with_each_other_as_long_as_there_is_one_key(self):
        text = "SELECT a.id FROM people a JOIN people b ON a.name = b.name"
        self.assertIn(b"substr(a.name, 1, 33) = ", self.sent(text))
        prepared = self.prepare(text)
        self.assertIs(self.bind(prepared, []), PASS)
        by_sql, _ = self.judge(f"PREPARE p AS {text}")
        self.refused(by_sql)
        self.bench.keys.put(purposes.SEARCH_HMAC, b"n" * 32, CLIENT)
        verdict, _ = self.judge(text)
        self.assertIn("people.name", self.refused(verdict))
        self.refused(self.bind(prepared, []))

    def test_what_the_stored_values_cannot_answer_is_refused(self):
        for condition in ("name < 'a'", "name LIKE 'a%'", "name = note", "upper(name) = 'A'"):
            verdict, _ = self.judge(f"SELECT id FROM people WHERE {condition}")
            self.refused(verdict)


class Results(Case):
    def columns(self, table=7, attribute=2, layout=""):
        described = Columns([b"n"], [table], [17], [0], layout, attributes=[attribute])
        return described.with_meaning(self.session.meaning)

    def test_columns_of_protected_tables_are_read(self):
        self.assertIsNone(self.stage.plan_result(self.columns()))
        self.judge("SELECT 1")
        reading = self.stage.plan_result(self.columns())
        self.assertEqual(reading.columns.types, [25])
        self.assertIsNone(self.stage.plan_result(self.columns(attribute=1)))
        self.assertIsNone(self.stage.plan_result(self.columns(layout=LINES)))
