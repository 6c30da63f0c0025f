"""The schema as one session has it."""

import itertools

from hypothesis import given as property_of
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.postgresql.keeper import (
    CODE,
    DOUBT,
    LOOK,
    MAX_AGE,
    STALE,
    SchemaKeeper,
)
from acra_twisted.encryption.postgresql.naming import SearchPath
from acra_twisted.encryption.postgresql.protection import Protection
from acra_twisted.encryption.postgresql.schema import Schema
from acra_twisted.encryption.postgresql.sessionschema import SessionSchema
from tests.support.schemas import answer, cell, column, table
from tests.unit.encryption.postgresql.test_protection import settings


def answer_path(session, shared, schemas, temporary=None):
    """Have a session learn where it looks bare names up."""
    session.path_question(shared.protection(0.0) or Protection(Schema(0, {}), settings()))
    session.path_answered([cell([schemas, temporary, schemas[-1]])])


class Case(SynchronousTestCase):
    def setUp(self):
        given, numbers = settings("people.name"), itertools.count(1)
        self.shared = SchemaKeeper(given, numbers)
        self.session = SessionSchema(self.shared, given, numbers)
        self.read(self.shared)
        answer_path(self.session, self.shared, ["pg_catalog", "public"])

    def read(self, keeper):
        keeper.answered(keeper.asked(0.0), answer(table(1, "people", column("name", 1))))

    def done(self, tag, text=b"", named=False, open_=False):
        self.session.completed(tag, text, named, open_)


class RowsOfViews(Case):
    def test_a_view_that_keeps_its_rows_ends_like_a_query(self):
        made = b"CREATE Materialized\nVIEW v AS SELECT name FROM people"
        for tag, text, named, is_read in (
            (b"SELECT 1", made, True, True),
            (b"EXPLAIN", b"EXPLAIN ANALYZE " + made, True, True),
            (b"SELECT 1", made, False, False),
            (b"SELECT 1", b"WITH v AS MATERIALIZED (SELECT name FROM people) TABLE v", True, False),
            (b"SELECT 1", b"SELECT name AS view FROM people", True, False),
        ):
            self.setUp()
            self.done(tag, text, named)
            self.assertEqual(self.session.is_due(0.1, False), is_read, text)


class OldTransactions(Case):
    """Others change tables while a transaction is open, which may not see that."""

    def test_what_others_change_since_its_first_statement(self):
        for apart in (False, True):
            self.setUp()
            self.session.is_due(0.1, True)
            if apart:
                self.done(b"ALTER TABLE", named=True, open_=True)
                self.read(self.session.keeper)
            self.session.is_due(0.2, True)
            self.assertFalse(self.session.may_be_old)
            self.shared.told(STALE)
            self.assertTrue(self.session.is_due(0.3, True))
            self.assertTrue(self.session.may_be_old)
            self.assertIsNone(self.session.keeper.protection(0.3))
            # It stays so until the transaction ends.
            self.read(self.session.keeper)
            self.session.is_due(0.4, True)
            self.assertTrue(self.session.may_be_old)
            self.session.is_due(0.5, False)
            self.session.is_due(0.6, True)
            self.assertFalse(self.session.may_be_old)

    def test_what_it_changes_itself_it_sees(self):
        self.session.is_due(0.1, True)
        self.done(b"ALTER TABLE", named=True, open_=True)
        self.done(b"DO", open_=True)
        self.session.is_due(0.2, True)
        self.assertFalse(self.session.may_be_old)

    def test_what_both_change(self):
        self.session.is_due(0.1, True)
        self.shared.told(STALE)
        self.done(b"ALTER TABLE", named=True, open_=True)
        self.session.is_due(0.2, True)
        self.assertTrue(self.session.may_be_old)

    def test_what_was_changed_before_it_is_seen(self):
        self.shared.told(STALE)
        self.session.is_due(0.1, False)
        self.session.is_due(0.1, True)
        self.assertFalse(self.session.may_be_old)

    def test_other_settings_are_no_change_of_tables(self):
        self.session.is_due(0.1, True)
        given = settings("people.name")
        shared = SchemaKeeper(given, itertools.count(100))
        for _ in range(3):
            shared.told(STALE)
        self.session.reconfigure(shared, given)
        self.session.is_due(0.2, True)
        self.assertFalse(self.session.may_be_old)


class Certain(Case):
    """The short way to what a statement is planned by is the long one."""

    events = st.sampled_from(
        (
            *(("told", what) for what in (DOUBT, CODE, STALE)),
            *(("done", tag) for tag in (b"ALTER TABLE", b"CALL", b"COMMIT", b"SET", b"SELECT 1")),
            *(("read", whose) for whose in ("own", "shared")),
            *(("pass", seconds) for seconds in (0.1, 3.0, LOOK, MAX_AGE - 0.2, 2 * MAX_AGE)),
            *(("failed", None), ("asked", None), ("settled", None)),
        )
    )

    @property_of(st.lists(st.tuples(events, st.booleans()), max_size=12))
    def test_whatever_has_happened(self, events):
        found = []
        for is_short in (True, False):
            self.setUp()
            found.append(list(self.seen(events, is_short)))
        self.assertEqual(*found)

    def seen(self, events, is_short):
        now = 0.0
        for (event, what), in_transaction in [(("pass", 0.1), False), *events]:
            if event == "told":
                self.shared.told(what)
            elif event == "done":
                self.done(what, b"set search_path = a", True, in_transaction)
            elif event == "read":
                keeper = self.session.keeper if what == "own" else self.shared
                asked = keeper.asked(now)
                if keeper.looked(asked, [b"mark"]) is None:
                    keeper.answered(asked, answer(table(1, "people", column("name", 1))))
            elif event == "pass":
                now += what
            elif event == "failed":
                self.session.keeper.failed(self.session.keeper.asked(now))
            elif event == "asked":
                self.session.keeper.asked(now)
            else:
                self.session.settled()
            if is_short:
                found = self.session.certain(now, in_transaction)
            else:
                is_due = self.session.is_due(now, in_transaction)
                found = None if is_due else self.session.keeper.protection(now)
            kept = found and (found.schema.number, self.session.keeper is self.shared)
            yield kept, self.session.may_be_old, self.session.is_path_due


class OtherSettings(Case):
    def reconfigure(self):
        given = settings("people.email")
        shared = SchemaKeeper(given, itertools.count(100))
        self.session.reconfigure(shared, given)
        self.assertIs(self.session.settings, given)
        return shared

    def test_tables_and_path_are_asked_for_anew(self):
        shared = self.reconfigure()
        self.assertIs(self.session.keeper, shared)
        self.assertTrue(self.session.is_due(0.1, False))
        self.assertTrue(self.session.is_path_due)

    def test_a_transaction_that_has_defined_something_stays_apart(self):
        self.done(b"ALTER TABLE", named=True, open_=True)
        self.read(self.session.keeper)
        shared = self.reconfigure()
        self.assertIsNot(self.session.keeper, shared)
        self.assertIsNone(self.session.keeper.protection(0.1))
        # The others read what was there before, until it ends.
        self.read(shared)
        self.done(b"COMMIT")
        self.assertIs(self.session.keeper, shared)
        self.assertIsNone(shared.protection(0.1))

    def test_a_transaction_that_stays_apart_keeps_no_mark_of_its_own(self):
        self.done(b"CALL", open_=True)
        self.reconfigure()
        own = self.session.keeper
        for now in (0.1, 0.2):
            self.assertIsNone(own.look)
            asked = own.asked(now)
            self.assertIsNone(own.looked(asked, [b"mine"]))
            own.answered(asked, answer(table(1, "people", column("name", 1))))
            self.done(b"CALL", open_=True)


class Definitions(Case):
    def test_outside_a_transaction_everybody_reads_anew(self):
        self.done(b"ALTER TABLE", named=True)
        self.assertIs(self.session.keeper, self.shared)
        self.assertIsNone(self.shared.protection(0.1))

    def test_inside_one_the_session_alone_does_until_it_ends(self):
        for end in (b"COMMIT", b"ROLLBACK"):
            self.read(self.shared)
            self.done(b"ALTER TABLE", named=True, open_=True)
            self.assertIsNone(self.session.keeper.protection(0.1))
            self.read(self.session.keeper)
            # The others read what was there before.
            self.read(self.shared)
            self.assertIsNotNone(self.shared.protection(0.1))
            self.assertIsNot(self.session.keeper, self.shared)
            self.assertIsNotNone(self.session.keeper.protection(0.1))
            self.done(end)
            self.assertIs(self.session.keeper, self.shared)
            self.assertIsNone(self.shared.protection(0.1))

    def test_a_transaction_that_begins_behind_one_does_not_hide_it(self):
        self.done(b"CREATE TABLE", named=True, open_=True)
        self.assertIsNone(self.shared.protection(0.1))

    def test_a_transaction_ends_where_another_is_open_at_once(self):
        for end in (b"COMMIT", b"PREPARE TRANSACTION"):
            self.done(b"CREATE TABLE", named=True, open_=True)
            self.read(self.shared)
            self.done(end, open_=True)
            self.assertIsNone(self.shared.protection(0.1))
            self.assertIs(self.session.keeper, self.shared)
            # The next one may be rolled back.
            self.read(self.shared)
            self.done(b"ROLLBACK")
            self.assertIsNotNone(self.shared.protection(0.1))

    def test_a_transaction_may_also_end_with_an_error(self):
        self.done(b"DROP TABLE", named=True, open_=True)
        self.session.failed(b"40001", False)
        self.assertIs(self.session.keeper, self.shared)
        self.assertIsNone(self.shared.protection(0.1))

    def test_a_savepoint_takes_definitions_back(self):
        self.done(b"DROP TABLE", named=True, open_=True)
        self.read(self.session.keeper)
        self.done(b"ROLLBACK", open_=True)
        self.assertIsNone(self.session.keeper.protection(0.1))

    def test_a_transaction_without_definitions_changes_nothing(self):
        self.done(b"BEGIN", open_=True)
        self.done(b"INSERT 0 1", named=True, open_=True)
        self.done(b"COMMIT")
        self.assertIsNotNone(self.shared.protection(0.1))

    def test_an_error_of_names_casts_doubt(self):
        self.session.failed(b"42P01", False)
        self.assertTrue(self.shared.is_due(1.0))
        self.assertIsNotNone(self.shared.protection(1.0))


class Answers(Case):
    def test_one_inside_a_transaction_is_for_the_session_alone(self):
        self.shared.told(STALE)
        self.assertTrue(self.session.is_due(0.1, True))
        own = self.session.keeper
        self.assertIsNot(own, self.shared)
        self.read(own)
        self.assertFalse(self.session.is_due(0.2, True))
        self.assertIsNone(self.shared.protection(0.2))
        self.assertTrue(self.session.is_due(0.3, False))
        self.assertIs(self.session.keeper, self.shared)

    def test_inside_one_nothing_is_asked_while_something_is_known(self):
        self.assertFalse(self.session.is_due(MAX_AGE, True))
        self.assertIs(self.session.keeper, self.shared)
        self.assertTrue(self.session.is_due(MAX_AGE, False))
        self.assertTrue(self.session.is_due(2 * MAX_AGE, True))
        self.assertIsNot(self.session.keeper, self.shared)

    def test_a_transaction_that_only_read_leaves_what_everybody_knows(self):
        self.assertTrue(self.session.is_due(2 * MAX_AGE, True))
        self.read(self.shared)
        self.done(b"COMMIT")
        self.assertIs(self.session.keeper, self.shared)
        self.assertIsNotNone(self.shared.protection(0.1))

    def test_definitions_are_told_at_the_end_whoever_tells_of_it(self):
        self.done(b"ALTER TABLE", named=True, open_=True)
        self.assertTrue(self.session.is_due(0.1, False))
        self.assertIs(self.session.keeper, self.shared)
        self.assertIsNone(self.shared.protection(0.1))

    def test_a_definition_whose_transaction_ends_with_its_text_is_told(self):
        self.shared.told(STALE)
        self.assertTrue(self.session.is_due(0.1, True))
        self.read(self.shared)
        self.done(b"ALTER TABLE", named=True)
        self.assertIsNone(self.shared.protection(0.1))

    def test_behind_code_inside_a_transaction_nothing_is_certain_at_its_end_again(self):
        self.done(b"DO", open_=True)
        self.read(self.shared)
        self.assertFalse(self.shared.is_due(1.0))
        self.done(b"COMMIT")
        self.assertTrue(self.shared.is_due(1.0))
        self.assertIsNone(self.shared.protection(1.0))


class Path(Case):
    def moved(self):
        found = self.session.is_path_due
        answer_path(self.session, self.shared, ["public"])
        return found

    def test_it_is_due_at_first_and_unknown_until_then(self):
        given, numbers = settings("people.name"), itertools.count(1)
        session = SessionSchema(self.shared, given, numbers)
        self.assertTrue(session.is_path_due)
        self.assertEqual(session.path, SearchPath())
        answer_path(session, self.shared, ["public"], ["people"])
        self.assertFalse(session.is_path_due)
        self.assertEqual(session.path, SearchPath(("public",), frozenset(("people",)), "public"))

    def test_the_question_names_what_a_temporary_table_could_hide(self):
        self.assertIn(b"E'people'", self.session.path_question(self.shared.protection(0.0)))

    def test_settings_that_bare_names_depend_on_move_it(self):
        for text in (
            b"SET search_path = other",
            b"set local SEARCH_PATH to x",
            b"SET SCHEMA 'other'",
            b"SET ROLE other",
            b"SET SESSION AUTHORIZATION other",
            b'SET U&"\\0073earch_path" = x',
        ):
            self.done(b"SET", text)
            self.assertTrue(self.moved(), text)
        self.done(b"RESET", b"RESET ALL")
        self.assertTrue(self.moved())
        for tag in (b"DISCARD ALL", b"DO", b"CALL", b"CREATE SCHEMA", b"DROP SCHEMA"):
            self.done(tag)
            self.assertTrue(self.moved(), tag)

    def test_others_do_not(self):
        self.done(b"SET", b"SET statement_timeout = 5")
        self.done(b"RESET", b"RESET work_mem")
        self.done(b"SELECT 1", b"SELECT name FROM people", True)
        self.done(b"DISCARD PLANS", b"DISCARD PLANS")
        self.assertFalse(self.moved())

    def test_a_query_can_set_it_too(self):
        self.done(b"SELECT 1", b"SELECT pg_catalog.Set_Config('search_path', 'x', false)")
        self.assertTrue(self.moved())
        self.done(b"UPDATE 1", b"UPDATE pg_settings SET setting = 'x'")
        self.assertTrue(self.moved())

    def test_a_temporary_table_of_a_protected_name_moves_it(self):
        self.done(b"CREATE TABLE", b"CREATE TEMP TABLE people (name text)", True)
        self.assertTrue(self.moved())
        self.done(b"DROP TABLE", b"DROP TABLE people", True)
        self.assertTrue(self.moved())
        self.done(b"CREATE TABLE", b"CREATE TEMP TABLE firms (name text)")
        self.assertFalse(self.moved())

    def test_the_end_of_a_transaction_may_take_it_back(self):
        for end, still_open in ((b"COMMIT", False), (b"ROLLBACK", False), (b"ROLLBACK", True)):
            self.done(b"SET", b"SET LOCAL search_path = x", open_=True)
            self.assertTrue(self.moved())
            self.done(b"INSERT 0 1", open_=True)
            self.assertFalse(self.moved())
            self.done(end, open_=still_open)
            self.assertTrue(self.moved(), end)
            self.done(b"COMMIT")
            self.moved()

    def test_a_database_that_reports_it_is_believed(self):
        self.session.path_reported()
        self.assertTrue(self.moved())

    def test_each_definition_of_a_protected_name_moves_it(self):
        for tag in (b"CREATE VIEW", b"ALTER TABLE", b"DROP VIEW"):
            self.done(tag, b"something of people", True)
            self.assertTrue(self.moved(), tag)
            self.done(tag, b"something of firms")
            self.assertFalse(self.moved(), tag)

    def test_schemas_change_past_the_session_and_it_is_asked_for_with_each_reading(self):
        self.assertFalse(self.moved())
        before = self.session.path
        self.read(self.shared)
        self.assertTrue(self.session.is_path_due)
        # What is known counts where nobody can be asked.
        self.assertEqual(self.session.path, before)
        self.assertTrue(self.moved())
        self.assertIs(self.session.path, before)

    def test_a_reading_behind_the_question_makes_it_due_again(self):
        self.session.path_question(self.shared.protection(0.0))
        self.read(self.shared)
        self.session.path_answered([cell([["public"], None, "public"])])
        self.assertTrue(self.session.is_path_due)

    def test_rights_on_schemas_and_roles_make_all_others_ask(self):
        for tag, text, moves in (
            (b"GRANT", b"GRANT USAGE ON SCHEMA hr TO bob", True),
            (b"REVOKE", b"revoke all on schema hr from bob", True),
            (b"GRANT ROLE", b"GRANT hr TO bob", True),
            (b"REVOKE ROLE", b"REVOKE hr FROM bob", True),
            (b"ALTER ROLE", b"ALTER ROLE bob SUPERUSER", True),
            (b"ALTER ROLE", b"ALTER USER bob RENAME TO hr", True),
            (b"ALTER ROLE", b"ALTER ROLE bob PASSWORD 'x'", False),
            (b"GRANT", b"GRANT SELECT ON firms TO bob", False),
        ):
            self.done(tag, text)
            self.assertEqual(self.shared.protection(0.0) is None, moves, text)
            self.read(self.shared)

    def test_it_is_doubted_until_it_is_asked_for(self):
        session = SessionSchema(self.shared, settings("people.name"), itertools.count(1))
        self.assertFalse(session.doubt_path())
        self.moved()
        self.assertTrue(self.session.doubt_path())
        self.assertEqual(self.session.path.schemas, ("public",))
        self.assertTrue(self.session.path.doubtful)
        self.assertTrue(self.moved())
        self.assertFalse(self.session.path.doubtful)


class Memory(Case):
    """Names that were looked up."""

    def test_a_definition_makes_everybody_forget_its_words(self):
        self.shared.looked_up(["orders", "firms"])
        self.assertEqual(self.session.strange(["orders", "firms"]), [])
        self.session.forget(["orders", "a"])
        self.assertEqual(self.shared.strange(["orders", "firms"]), ["orders"])

    def test_one_that_cannot_be_read_makes_them_forget_all(self):
        self.shared.looked_up(["orders", "firms"])
        self.session.forget(["orders", ""])
        self.assertEqual(self.session.strange(["orders", "firms"]), ["orders", "firms"])

    def test_a_transaction_that_stays_apart_forgets_what_it_changes_and_all_that_others_may_have(
        self,
    ):
        self.shared.looked_up(["orders", "firms"])
        own = self.session.apart()
        own.looked_up(["leads"])
        self.session.forget(["orders"])
        self.assertEqual(self.session.strange(["orders", "firms", "leads"]), ["orders"])
        self.shared.forget(["x"])
        found = self.session.strange(["firms", "leads"])
        self.assertEqual(found, ["firms", "leads"])
        own.looked_up(["firms"])
        self.assertEqual(self.session.strange(["firms"]), [])
