"""The meaning of MySQL's results."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.mysql.protection import Protection
from acra_twisted.encryption.plan import ResultColumn
from acra_twisted.encryption.settings import EncryptionSettings, TableSetting
from acra_twisted.stages.mysqlmeanings import MysqlSnapshot
from tests.support.mysqlplanning import EMAIL, MODE, NAME, SCHEMA, SETTINGS
from tests.support.mysqlsessions import described

PLAIN, REST = ResultColumn(None), ResultColumn(None, True, True)
OF_NAME, OF_EMAIL = ResultColumn(NAME, False, True), ResultColumn(EMAIL, False, True)
BY_TREE = ResultColumn(NAME)


class Case(SynchronousTestCase):
    def setUp(self):
        self.doubts = []
        self.snapshot = MysqlSnapshot(
            Protection(SCHEMA, SETTINGS), lambda: self.doubts.append(True)
        )

    def settings(self, results, *names, **more):
        meaning = self.snapshot.meaning(results, "utf8mb4")
        return meaning.settings(described(*names, **more))


class Settings(Case):
    def test_plain_columns_are_those_of_the_tree(self):
        self.assertEqual(self.settings([OF_NAME, PLAIN], "name", "note"), [NAME, None])
        self.assertEqual(self.doubts, [])

    def test_a_column_that_is_computed_has_the_tree_s_setting(self):
        self.assertEqual(self.settings([BY_TREE], ""), [NAME])
        # What the server tells of it, through a derived table, may be wrong.
        self.assertEqual(self.settings([BY_TREE], "email"), [NAME])

    def test_any_number_of_columns(self):
        self.assertEqual(self.settings([REST], "id", "name"), [None, NAME])
        self.assertEqual(
            self.settings([PLAIN, REST, OF_EMAIL], "id", "name", "email", "email"),
            [None, NAME, EMAIL, EMAIL],
        )
        self.assertEqual(
            self.settings([REST, OF_NAME, REST], "id", "name", "email"), [None, NAME, EMAIL]
        )

    def test_a_result_that_is_not_the_tree_s(self):
        for results, names in (
            ([OF_NAME], ["email"]),
            ([OF_NAME], ["note"]),
            ([OF_NAME], ["name", "name"]),
            ([OF_NAME, OF_EMAIL, REST], ["name"]),
        ):
            self.doubts.clear()
            self.assertIsNone(self.settings(results, *names), (results, names))
            self.assertEqual(self.doubts, [True])

    def test_a_statement_that_was_thought_to_show_nothing(self):
        self.assertEqual(self.settings(None, "id", "note"), [None, None])
        self.assertIsNone(self.settings(None, "id", "name"))
        self.assertEqual(self.doubts, [True])
        self.assertEqual(self.settings(None, "name", table="others"), [None])

    def test_names_as_the_server_compares_them(self):
        self.assertEqual(self.settings([REST], "NAME"), [NAME])
        self.assertEqual(self.settings([REST], "name", table="PEOPLE"), [None])


class Kept(Case):
    def test_the_same_columns_have_the_same_meaning(self):
        one = self.snapshot.meaning([OF_NAME], "utf8mb4")
        self.assertIs(self.snapshot.meaning([OF_NAME], "utf8mb4"), one)
        self.assertIsNot(self.snapshot.meaning([OF_NAME], "latin1"), one)

    def test_one_for_each_statement(self):
        planned = self.snapshot.planner.plan(b"SELECT name FROM people; SELECT 1", MODE, "shop")
        first, second = self.snapshot.meanings(planned.plan, "utf8mb4")
        self.assertIsNotNone(first.results)
        self.assertIsNone(second.results)

    def test_planners_of_bypasses(self):
        planner = self.snapshot.planner_without(frozenset(("people.name",)))
        self.assertIs(self.snapshot.planner_without(frozenset(("people.name",))), planner)
        text = b"SELECT UPPER(name) FROM people"
        self.assertIsNotNone(self.snapshot.planner.plan(text, MODE, "shop").plan.refusal)
        self.assertIsNone(planner.plan(text, MODE, "shop").plan.refusal)

    def test_readers(self):
        self.assertEqual(self.snapshot.readers, set())
        own = NAME._replace(readers=frozenset(("alice",)))
        settings = EncryptionSettings([TableSetting("", "people", (), {"name": own})])
        snapshot = MysqlSnapshot(Protection(SCHEMA, settings), lambda: None)
        self.assertEqual(snapshot.readers, {frozenset(("alice",))})
        self.assertEqual(snapshot.meaning(None, "").readers, snapshot.readers)
