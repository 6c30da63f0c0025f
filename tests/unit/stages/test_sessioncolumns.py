"""Protected columns of a session: asked for when they are not certain, and shared when they are."""

from acra_twisted.errors import QuestionError
from acra_twisted.session import FAILED_TRANSACTION, IDLE, IN_TRANSACTION
from tests.support.encryptors import NAME, ColumnsCase


class Learning(ColumnsCase):
    def test_a_session_asks_once_and_others_of_its_database_for_their_path_alone(self):
        self.assertIsNone(self.columns.snapshot(self.session, self.known))
        snapshot = self.successResultOf(self.learn())
        self.assertEqual(self.database.asked, ["schema", "path"])
        self.assertEqual(dict(snapshot.protection.by_column), {(7, 2): NAME})
        self.assertIs(self.columns.snapshot(self.session, self.known), snapshot)
        session, known, database = self.begin()
        self.assertIsNone(self.columns.snapshot(session, known))
        self.assertIs(self.successResultOf(self.learn(session, known)), snapshot)
        self.assertEqual(database.asked, ["path"])
        session, known, database = self.begin(b"another database")
        self.assertIsNot(self.successResultOf(self.learn(session, known)), snapshot)

    def test_what_is_old_is_asked_for_again_and_holds_if_it_cannot_be(self):
        snapshot = self.successResultOf(self.learn())
        self.now += 301
        self.assertIsNone(self.columns.snapshot(self.session, self.known))
        self.database.fails = True
        self.assertIs(self.successResultOf(self.learn()), snapshot)
        self.now += 600
        self.failureResultOf(self.learn(), QuestionError)

    def test_a_reading_inside_a_transaction_is_for_that_session_alone(self):
        """It may have seen what is rolled back, or what was before others' changes."""
        self.session.transaction = IN_TRANSACTION
        own = self.successResultOf(self.learn())
        self.assertIs(self.columns.snapshot(self.session, self.known), own)
        session, known, database = self.begin()
        database.oid = 8
        self.assertIsNone(self.columns.snapshot(session, known))
        shared = self.successResultOf(self.learn(session, known))
        self.assertEqual(dict(shared.protection.by_column), {(8, 2): NAME})
        self.session.transaction = IDLE
        self.assertIs(self.successResultOf(self.learn()), shared)
        self.assertIs(self.columns.snapshot(self.session, self.known), shared)

    def test_what_is_old_is_not_asked_for_inside_a_transaction(self):
        snapshot = self.successResultOf(self.learn())
        self.now += 301
        self.session.transaction = IN_TRANSACTION
        self.assertIs(self.columns.snapshot(self.session, self.known), snapshot)
        self.session.transaction = IDLE
        self.assertIsNone(self.columns.snapshot(self.session, self.known))

    def test_the_same_tables_have_the_same_plans(self):
        snapshot = self.successResultOf(self.learn())
        self.now += 301
        self.assertIs(self.successResultOf(self.learn()), snapshot)
        self.database.oid = 8
        self.now += 301
        self.assertIsNot(self.successResultOf(self.learn()), snapshot)


class Changing(ColumnsCase):
    def setUp(self):
        super().setUp()
        self.snapshot = self.successResultOf(self.learn())
        self.database.asked.clear()

    def test_a_definition_makes_everybody_ask(self):
        other_session, other, _ = self.begin()
        self.run_statement(b"ALTER TABLE people ADD x int", b"ALTER TABLE")
        self.assertIsNone(self.columns.snapshot(self.session, self.known))
        self.successResultOf(self.learn())
        self.assertEqual(self.database.asked, ["schema", "path"])
        self.assertIsNone(self.columns.snapshot(other_session, other))

    def test_one_inside_a_transaction_is_the_sessions_own_until_it_ends(self):
        other_session, other, _ = self.begin()
        self.successResultOf(self.learn(other_session, other))
        self.run_statement(b"CREATE TABLE people ()", b"CREATE TABLE", status=IN_TRANSACTION)
        self.database.oid = 8
        own = self.successResultOf(self.learn())
        self.assertEqual(dict(own.protection.by_column), {(8, 2): NAME})
        self.assertIs(self.successResultOf(self.learn(other_session, other)), self.snapshot)
        self.assertIs(self.columns.snapshot(other_session, other), self.snapshot)
        self.assertTrue(self.known.is_dirty)
        self.run_statement(b"COMMIT", b"COMMIT")
        self.assertIsNone(self.columns.snapshot(other_session, other))
        self.assertFalse(self.known.is_dirty)

    def test_an_error_that_tells_of_another_schema(self):
        self.now += 2
        self.run_statement(b"x", outcome="error", code="42P01", status=FAILED_TRANSACTION)
        # Nothing can be asked, and nothing is done, before it is rolled back.
        self.assertIs(self.columns.snapshot(self.session, self.known), self.snapshot)
        self.run_statement(b"ROLLBACK", b"ROLLBACK")
        self.assertIsNone(self.columns.snapshot(self.session, self.known))

    def test_a_search_path_that_the_database_reports_is_asked_for(self):
        """A function that a query calls may set it."""
        for value in (b"public", b"other"):
            self.session.parameters = {b"search_path": value}
            self.assertIsNone(self.columns.snapshot(self.session, self.known))
            self.successResultOf(self.learn())
            self.assertEqual(self.database.asked, ["path"])
            self.assertIs(self.columns.snapshot(self.session, self.known), self.snapshot)
            self.database.asked.clear()

    def test_what_changes_nothing_is_forgotten(self):
        self.run_statement(b"SET TIME ZONE 'UTC'", b"SET")
        self.assertIs(self.columns.snapshot(self.session, self.known), self.snapshot)
        self.assertFalse(self.known.is_dirty)
