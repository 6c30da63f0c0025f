"""Rows that are read through cursors mean what they mean to the statement of the cursor."""

from acra_twisted.dialects.postgresql.prepared import Portal
from acra_twisted.encryption.settings import EncryptionSettings, TableSetting
from acra_twisted.exchange import Exchange, Parameters
from acra_twisted.results import Columns
from acra_twisted.session import IDLE, IN_TRANSACTION
from acra_twisted.verdicts import PASS
from tests.support.containers import CLIENT
from tests.support.encryptors import AGE, NAME, BoundCase, end

UNION = "SELECT name FROM people UNION ALL SELECT name FROM people"
DECLARE = "DECLARE c CURSOR FOR SELECT id, name FROM people"


class CursorCase(BoundCase):
    def setUp(self):
        super().setUp()
        self.session.ready = True
        self.session.transaction = IN_TRANSACTION

    def meant(self, statement, count=1):
        """The settings of the last result of a text, whose columns are no table's."""
        meaning = self.session.meaning
        if statement.meanings is not None:
            meaning = statement.meanings[-1]
        nothing = [0] * count
        names = [b"id", b"name"][-count:]
        found = meaning.settings(Columns(names, nothing, nothing, nothing, attributes=nothing))
        return found and [setting and setting.name for setting in found]

    def passes(self, text):
        """Send a text that is not changed, and return its statement."""
        verdict, statement = self.judge(text)
        self.assertIs(verdict, PASS, getattr(verdict, "text", ""))
        return statement

    def done(self, text, outcome="ok", transaction=IN_TRANSACTION):
        """Send a text, and answer it."""
        statement = self.passes(text)
        self.end(self.exchange, transaction, outcome)
        return statement

    def end(self, exchange, transaction, outcome="ok"):
        self.session.transaction = transaction
        exchange.outcome = outcome
        end(exchange, outcome=outcome)

    def fetched(self, name="c", count=2):
        return self.meant(self.passes(f"FETCH ALL FROM {name}"), count)

    def execution(self, statement, portal=b"", is_run=True):
        """The verdict on a statement that is bound to a portal, and its exchange.  ``is_run``: an
        Execute follows."""
        exchange = Exchange(self.session, "execute", statement, 1)
        bound = Parameters([], [], exchange.statement, [], True, portal)
        verdict = self.settled(self.stage.on_parameters(bound, exchange))
        self.session.prepared.bind_sent(Portal(portal, statement))
        exchange.is_run = is_run
        return verdict, exchange

    def open(self, text, portal):
        verdict, exchange = self.execution(self.prepare(text), portal)
        self.assertIs(verdict, PASS)
        return exchange


class Cursors(CursorCase):
    def test_fetch_shows_the_columns_of_the_cursor(self):
        for text in ("fetch all from c", "FETCH c", 'fetch first "c"', 'fetch 5 in u&"\\0063"'):
            # Known by then, as a statement that touches nothing protected.
            self.done(text)
        self.done(DECLARE)
        for text in (
            *("fetch all from c", "FETCH c", 'fetch first "c"', 'fetch 5 in u&"\\0063"'),
            *("/* ; */ fetch c", "-- a\nfetch c", "SELECT 1; fetch c"),
        ):
            self.assertEqual(self.meant(self.done(text), 2), [None, "name"], text)
        for text in ('fetch "C"', "fetch d", "SELECT 1", "SELECT id FROM o FETCH FIRST ROW ONLY"):
            self.assertEqual(self.meant(self.done(text), 2), [None, None], text)

    def test_the_protocol_describes_it_by_its_name(self):
        self.done(DECLARE)
        [meaning] = self.session.cursor_meanings(b"c")
        nothing = [0, 0]
        shown = Columns([b"id", b"name"], nothing, nothing, nothing, attributes=nothing)
        self.assertEqual(meaning.settings(shown), [None, NAME])
        self.assertIsNone(self.session.cursor_meanings(b"d"))
        # Another name may be that of any cursor.
        self.open(UNION, "\xe9".encode("latin-1"))
        self.assertIsNone(self.session.cursor_meanings(b"d"))

    def test_a_cursor_may_be_declared_and_read_in_one_text(self):
        for behind in ("", "; CLOSE c"):
            statement = self.done(f"{DECLARE}; FETCH c{behind}; FETCH c")
            self.assertEqual(self.meant(statement, 2), [None, None if behind else "name"])
        self.done(DECLARE)
        statement = self.done("SELECT ';', (SELECT 1); SELECT id FROM people; FETCH c")
        self.assertEqual(self.meant(statement, 2), [None, "name"])

    def test_another_cursor_has_the_name_later(self):
        for text, expected in (
            ("CLOSE c", [None, None]),
            (DECLARE, [None, "name"]),
            ("CLOSE ALL", [None, None]),
            (DECLARE, [None, "name"]),
            ("MOVE 5 IN c", [None, "name"]),
            ("CLOSE d", [None, "name"]),
            ("DECLARE c CURSOR FOR SELECT id, note FROM people", [None, None]),
            (DECLARE, [None, "name"]),
            ("DECLARE c CURSOR FOR SELECT 1, 2", [None, None]),
            (DECLARE, [None, "name"]),
            ("DISCARD ALL", [None, None]),
        ):
            self.done(text)
            self.assertEqual(self.fetched(), expected, text)

    def test_what_has_failed_gives_the_name_to_nobody(self):
        self.done(DECLARE)
        for text in ("CLOSE c", "DECLARE c CURSOR FOR SELECT 1, 2"):
            self.passes(text)
            sent = self.exchange
            # It may fail yet: then nothing behind it in its transaction is done.
            self.assertEqual(self.fetched(), [None, None])
            self.end(sent, IN_TRANSACTION, "error")
            self.assertEqual(self.fetched(), [None, "name"])
        self.done("CLOSE c")
        self.done(DECLARE, outcome="error")
        self.assertEqual(self.fetched(), [None, None])
        self.done(DECLARE.replace(" c ", " d "), outcome="error")
        self.assertEqual(self.fetched("d"), [None, "name"])

    def test_cursors_end_with_their_transaction_unless_they_are_held(self):
        self.done(DECLARE)
        self.done(DECLARE.replace("c CURSOR", "kept CURSOR WITH HOLD"))
        self.done("COMMIT", transaction=IDLE)
        self.assertIsNone(self.session.on_ready)
        self.assertEqual(self.fetched(), [None, None])
        for _ in range(2):
            self.assertEqual(self.fetched("kept"), [None, "name"])
            self.done("SELECT 1", transaction=IDLE)
        self.done("CLOSE kept", transaction=IDLE)
        self.assertEqual(self.fetched("kept"), [None, None])
        self.assertIsNone(self.session.on_ready)

    def test_statements_that_were_prepared_read_the_cursor_of_the_moment(self):
        fetches = self.prepare("FETCH ALL FROM c")
        declares = self.prepare(DECLARE)
        closes = self.prepare("CLOSE c")
        for statement, expected in (
            (fetches, [None, None]),
            (declares, [None, "name"]),
            (closes, [None, None]),
            (declares, [None, "name"]),
        ):
            verdict, exchange = self.execution(statement)
            self.assertIs(verdict, PASS)
            self.end(exchange, IN_TRANSACTION)
            verdict, exchange = self.execution(fetches)
            self.assertIs(verdict, PASS)
            self.assertEqual(self.meant(fetches, 2), expected)
            self.end(exchange, IN_TRANSACTION)
        self.done("COMMIT", transaction=IDLE)
        self.execution(fetches)
        self.assertEqual(self.meant(fetches, 2), [None, None])

    def test_a_statement_that_is_prepared_says_what_the_cursor_of_the_moment_shows(self):
        self.prepare(DECLARE)
        self.assertEqual(self.fetched(), [None, None])
        self.done(DECLARE)
        self.prepare("CLOSE c")
        fetches = self.prepare("FETCH c")
        self.assertEqual(self.meant(fetches, 2), [None, "name"])
        self.done("CLOSE c")
        self.done("COMMIT", transaction=IDLE)
        self.execution(fetches)
        self.assertEqual(self.meant(fetches, 2), [None, None])

    def test_a_text_that_cannot_be_read_is_not_sent_where_it_may_fetch(self):
        self.done(DECLARE)
        for text in ("FETCH c c", "FETCH c; SELECT '\\' '"):
            self.refused(self.judge(text)[0])
        self.assertIs(self.judge("SELECT 'x' 'fetch'")[0], PASS)

    def test_long_texts_are_read_by_a_worker(self):
        self.done(DECLARE)
        statement = self.passes(f"FETCH c /* {'x' * 20_000} */")
        self.assertEqual(self.meant(statement, 2), [None, "name"])

    def test_a_table_that_was_made_past_the_server_is_known_by_its_names(self):
        self.done(DECLARE)
        [meaning] = self.passes("FETCH c").meanings
        for names, expected in (([b"id", b"name"], [None, NAME]), ([b"name", b"id"], None)):
            columns = Columns(names, [99, 99], [0] * 2, [0] * 2, attributes=[1, 2])
            self.assertEqual(meaning.settings(columns), expected)


class Portals(CursorCase):
    def test_fetch_shows_the_columns_of_a_portal(self):
        fetches = self.prepare("FETCH ALL FROM later")
        self.assertEqual(self.fetched('"C1"', 1), [None])
        self.open(UNION, b"C1")
        self.open(UNION, b"later")
        for text in ('SELECT 1; fetch "C1"', 'fetch u&"\\0043\\0031"'):
            self.assertEqual(self.meant(self.done(text)), ["name"])
        self.execution(fetches)
        self.assertEqual(self.meant(fetches), ["name"])
        for text in ("FETCH ALL FROM another", "SELECT 1", "SELECT 'c1' FROM other"):
            self.assertEqual(self.meant(self.passes(text)), [None])

    def test_others_are_fetched(self):
        self.open("SELECT id FROM people", b"c1")
        self.open("SELECT 1", b"c1")
        self.open(UNION, b"")
        self.assertEqual(self.fetched("c1", 1), [None])

    def test_a_portal_of_fetch_shows_what_its_cursor_does(self):
        self.open(UNION, b"c1")
        self.open("FETCH c1", b"c2")
        self.assertEqual(self.fetched("c2", 1), ["name"])

    def test_portals_end_when_the_database_is_ready_without_a_transaction(self):
        self.end(self.open(UNION, b"c1"), IN_TRANSACTION)
        self.assertEqual(self.fetched("c1", 1), ["name"])
        self.end(self.open(UNION, b"c2"), IDLE)
        self.assertIsNone(self.session.on_ready)
        for transaction in (IDLE, IN_TRANSACTION):
            self.session.transaction = transaction
            self.assertEqual(self.fetched("c1", 1), [None])

    def test_portals_live_until_the_database_is_ready(self):
        self.session.transaction = IDLE
        exchange = self.open(UNION, b"c1")
        # Flush has brought all replies that are owed.
        exchange.outcome = "ok"
        exchange.close("ok")
        self.assertTrue(self.session.idle)
        self.assertEqual(self.fetched("c1", 1), ["name"])

    def test_portals_outlive_the_end_of_requests_before_them(self):
        self.session.transaction = IDLE
        first = self.open(UNION, b"first")
        second = self.open(UNION, b"later")
        self.end(first, IDLE)
        self.assertEqual(self.fetched("later", 1), ["name"])
        self.end(second, IDLE)

    def test_the_database_cuts_names_and_sql_doubles_their_quotes(self):
        self.open(UNION, b"a" * 70)
        self.open(UNION, b'B"c')
        for name in ("a" * 63, "a" * 64, '"B""c"'):
            self.assertEqual(self.fetched(name, 1), ["name"])
        for name in ("a" * 62, '"b""c"'):
            self.assertEqual(self.fetched(name, 1), [None])

    def test_no_name_is_fetched_that_a_client_may_have_written_in_another_encoding(self):
        self.open(UNION, "\xe9".encode("latin-1"))
        self.refused(self.judge("FETCH other")[0])

    def test_nor_by_a_name_that_is_the_same_for_the_database(self):
        """It is cut, or it was written in another encoding."""
        latin = "\xe9".encode("latin-1")
        for fetched, name in (("a" * 63, b"a" * 64), ("a" * 70, b"a" * 63), ('"\xe9"', latin)):
            self.open(f"FETCH {fetched}", b"reads")
            self.refused(self.execution(self.prepare(UNION), name)[0])
        self.open("FETCH " + "a" * 62, b"reads")
        self.open(UNION, b"a" * 64)

    def test_a_fetch_that_was_bound_does_not_read_what_has_its_name_later(self):
        for text in ("FETCH c", "FETCH c; SELECT '\\' '", f"FETCH f /* {'x' * 20_000} */"):
            _, exchange = self.execution(self.prepare(text), b"reads")
            self.refused(self.execution(self.prepare(UNION), b"c")[0])
            self.refused(self.judge(DECLARE)[0])
            self.open("SELECT id FROM people", b"c")
            # It takes the place of that portal.
            self.open(UNION, b"reads")
        self.open("FETCH d", b"reads")
        self.open(UNION, b"c")
        self.open("FETCH e", b"")
        # As does a simple query.
        self.passes(DECLARE.replace(" c ", " e "))


class Several(CursorCase):
    def test_each_statement_of_a_text_has_its_meaning(self):
        self.done(DECLARE)
        self.done("DECLARE d CURSOR FOR SELECT id, age FROM people")
        statement = self.passes(f"FETCH c; SELECT 1; FETCH d; {UNION}; FETCH c")
        found = [
            meaning.results and [one.setting for one in meaning.results]
            for meaning in statement.meanings
        ]
        self.assertEqual(found, [[None, NAME], None, [None, AGE], [NAME], [None, NAME]])

    def test_all_are_closed_by_one_statement_of_a_text(self):
        self.done(DECLARE)
        self.done("CLOSE ALL; SELECT id FROM people")
        self.assertEqual(self.fetched(), [None, None])


class Apart(CursorCase):
    def test_what_a_portal_declares_or_closes_counts_if_it_is_executed(self):
        for text, shown in ((DECLARE, "name"), ("CLOSE c", None)):
            self.done("DECLARE c CURSOR FOR SELECT id, age FROM people")
            _, exchange = self.execution(self.prepare(text), b"p", is_run=False)
            self.assertFalse(exchange.watch.executed(exchange))
            self.assertEqual(self.fetched(), [None, "age"])
            exchange.is_run = True
            self.assertEqual(self.fetched(), [None, shown])
        # A FETCH may be executed again, and what concerns no protected column.
        for text in ("FETCH c", "SELECT 1"):
            self.assertIsNone(self.execution(self.prepare(text), b"p")[1].watch)


class Limited(CursorCase):
    """A client that may not read all columns, and names that code may have given to others."""

    def setUp(self):
        super().setUp()
        hidden = AGE._replace(readers=frozenset(["other"]))
        columns = {"name": NAME, "age": hidden}
        self.stage = self.made(EncryptionSettings([TableSetting("", "people", (), columns)]))
        self.database.prepared = [b"s"]

    def prepare(self, text, types=()):
        statement = super().prepare(text, types)
        self.session.prepared.parse_sent(statement)
        self.session.prepared.parse_complete(statement)
        return statement

    def test_cursors_and_portals_of_unions_are_not_fetched(self):
        self.done(f"DECLARE c CURSOR FOR {UNION}")
        self.open(UNION, b"p")
        for name in "cp":
            self.refused(self.judge(f"FETCH {name}")[0], b"42501")
        self.done("DECLARE d CURSOR FOR SELECT name FROM people")
        self.assertIsNot(self.passes("FETCH d").meanings, None)

    def test_who_may_read_all_columns_fetches_them(self):
        readers = AGE._replace(readers=frozenset([CLIENT]))
        columns = {"name": NAME, "age": readers}
        self.stage = self.made(EncryptionSettings([TableSetting("", "people", (), columns)]))
        self.done(f"DECLARE c CURSOR FOR {UNION}")
        self.assertEqual(self.fetched("c", 1), ["name"])
        self.assertIsNone(self.open(UNION, b"p").watch)
        self.assertEqual(self.fetched("p", 1), ["name"])

    def test_a_portal_of_a_union_is_executed_at_once(self):
        for text, is_watched in (
            (UNION, True),
            ("SELECT name FROM people", False),
            ("SELECT id FROM people UNION SELECT id FROM people", False),
        ):
            exchange = self.open(text, b"p")
            self.assertEqual(exchange.watch is not None, is_watched, text)
            # Nothing can have the name of an unnamed one.
            self.assertIsNone(self.open(text, b"").watch)

    def test_what_is_no_tables_column_is_not_shown_in_the_place_of_one(self):
        statement = self.passes("SELECT name FROM people")
        self.assertIsNone(self.meant(statement))
        self.assertEqual(self.meant(self.passes(UNION)), ["name"])

    def test_the_database_is_asked_for_the_names_of_statements(self):
        for text, asks in ((UNION, True), ("SELECT name FROM people", False)):
            for names, passes in (([b"s"], True), ([], not asks)):
                self.database.prepared = names
                statement = self.prepare(text)
                statement.is_described = -1
                self.database.asked.clear()
                verdict, _ = self.execution(statement)
                self.assertEqual(verdict is PASS, passes)
                self.assertEqual(self.database.asked, ["prepared"] * asks)
                # It is described again, for the rows of this execution.
                self.assertFalse(statement.is_described)


class Settings(CursorCase):
    def test_the_settings_of_the_cursors_statement_count(self):
        self.done("DECLARE c CURSOR FOR SELECT name, age FROM people")
        [meaning] = self.passes("FETCH c").meanings
        self.assertEqual([one.setting for one in meaning.results], [NAME, AGE])
