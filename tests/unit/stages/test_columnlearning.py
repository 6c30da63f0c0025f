"""Questions about protected columns, where a statement cannot be decided without the answers."""

from twisted.internet.defer import fail, succeed

from acra_twisted.encryption.postgresql.keeper import STALE
from acra_twisted.encryption.postgresql.namechanges import Wanted
from acra_twisted.encryption.postgresql.schema import SchemaError
from acra_twisted.errors import QuestionError
from acra_twisted.exchange import Exchange
from acra_twisted.session import IDLE, IN_TRANSACTION
from acra_twisted.stages.statementwatch import watch
from tests.support.encryptors import ColumnsCase, end


class Learning(ColumnsCase):
    def test_where_the_database_cannot_be_asked_nothing_is_known(self):
        self.database.fails = True
        self.failureResultOf(self.learn(), QuestionError)
        self.database.fails = False
        self.successResultOf(self.learn())

    def test_what_is_unanswered_may_begin_a_transaction_and_is_awaited(self):
        self.session.in_flight = True
        self.successResultOf(self.learn())
        self.assertEqual(self.database.asked, ["wait", "schema", "path"])

    def test_an_answer_that_is_no_schema_is_not_taken_for_one(self):
        self.session.ask = lambda text: succeed([[b"x", b"y"]])
        self.failureResultOf(self.learn(), SchemaError)


class Isolation(ColumnsCase):
    def test_a_transaction_that_sees_old_tables_decides_nothing(self):
        for level, decides in (
            *((b"read committed", True), (b"read uncommitted", True)),
            *((b"repeatable read", False), (b"serializable", False), (None, False)),
        ):
            self.setUp()
            self.successResultOf(self.learn())
            self.session.transaction = IN_TRANSACTION
            self.assertIsNotNone(self.columns.snapshot(self.session, self.known))
            self.known.schema.keeper.told(STALE)
            self.assertIsNone(self.columns.snapshot(self.session, self.known))
            self.database.isolation = level
            self.database.asked.clear()
            learned = self.learn()
            if decides:
                self.successResultOf(learned)
                self.assertEqual(self.database.asked, ["isolation", "schema"])
            else:
                self.failureResultOf(learned, SchemaError)
                self.assertEqual(self.database.asked, ["isolation"])
                # The next one sees them.
                self.session.transaction = IDLE
                self.successResultOf(self.learn())

    def test_a_transaction_that_ends_while_the_path_is_due_is_no_older_one(self):
        self.successResultOf(self.learn())
        self.session.transaction = IN_TRANSACTION
        self.columns.snapshot(self.session, self.known)
        self.known.schema.keeper.told(STALE)
        self.known.schema.path_reported()
        # Between two transactions nothing is asked.
        self.session.transaction = IDLE
        self.assertIsNone(self.columns.snapshot(self.session, self.known))
        self.session.transaction = IN_TRANSACTION
        self.database.isolation = b"repeatable read"
        self.successResultOf(self.learn())

    def test_a_view_that_the_transaction_has_made_may_show_what_it_does_not_see(self):
        self.successResultOf(self.learn())
        self.session.transaction = IN_TRANSACTION
        self.database.isolation = b"repeatable read"
        self.database.relations = [["v", False]]
        for made, decides in ((False, True), (True, False)):
            self.database.made = [made]
            learned = self.learn(wanted=Wanted(["v"]))
            if decides:
                self.successResultOf(learned)
                self.known.schema.forget(["v"])
            else:
                self.failureResultOf(learned, SchemaError)

    def test_something_temporary_before_protected_columns_is_not_written(self):
        self.database.relations = [["v", False]]
        for behind, decides in ((["people"], False), (["other"], True), (None, True)):
            self.database.behind = behind
            for _ in range(2):
                learned = self.learn(wanted=Wanted(["v"]))
                if decides:
                    self.successResultOf(learned)
                else:
                    self.failureResultOf(learned, SchemaError)
        # It may be another by the next statement, unless nothing stands behind it.
        self.assertEqual(self.database.asked.count("lookup"), 5)

    def test_what_is_not_there_before_a_batch_is_not_written_in_it(self):
        for runs, decides in ((False, True), (True, False)):
            self.session.runs_before = lambda runs=runs: runs
            learned = self.learn(wanted=Wanted(["v"]))
            if decides:
                self.successResultOf(learned)
            else:
                self.failureResultOf(learned, SchemaError)
        self.database.relations = [["v", True]]
        self.successResultOf(self.learn(wanted=Wanted(["v"])))

    def test_a_definition_behind_others_of_its_batch_may_be_temporary(self):
        for runs in (False, True):
            self.session.runs_before = lambda runs=runs: runs
            self.successResultOf(self.learn(wanted=Wanted((), ("v",), True)))
            path = self.known.schema.path
            self.assertEqual((path.doubtful, path.first is None), (runs, runs))

    def test_nobody_asks_where_nothing_has_changed(self):
        self.session.transaction = IN_TRANSACTION
        for _ in range(2):
            self.successResultOf(self.learn())
        self.assertNotIn("isolation", self.database.asked)


class Changing(ColumnsCase):
    def setUp(self):
        super().setUp()
        self.snapshot = self.successResultOf(self.learn())
        self.database.asked.clear()

    def test_definitions_beside_a_statement_do_not_refuse_it(self):
        other_session, other, other_database = self.begin()

        def ask(text):
            self.run_statement(b"ALTER TABLE people ADD x int", b"ALTER TABLE")
            return other_database.ask(text)

        other_session.ask = ask
        for _ in range(2):
            self.now += 1
            self.assertIs(self.successResultOf(self.learn(other_session, other)), self.snapshot)
            # Later ones ask again.
            self.assertIsNone(self.columns.snapshot(other_session, other))

    def test_definitions_and_a_question_without_an_answer_refuse_it(self):
        other_session, other, _ = self.begin()

        def ask(text):
            self.run_statement(b"ALTER TABLE people ADD x int", b"ALTER TABLE")
            return fail(QuestionError("not now"))

        self.successResultOf(self.learn(other_session, other))
        other_session.ask = ask
        self.now += 301
        self.failureResultOf(self.learn(other_session, other), QuestionError)

    def test_a_statement_that_is_not_answered_must_be_waited_for(self):
        exchange = Exchange(self.session, "query", None, 1)
        watch(self.known, exchange, b"SET search_path = x", False)
        self.failureResultOf(self.learn(), QuestionError)
        self.assertEqual(self.database.asked, ["wait"])
        end(exchange, b"SET")
        self.successResultOf(self.learn())
        self.assertEqual(self.database.asked, ["wait", "path"])
