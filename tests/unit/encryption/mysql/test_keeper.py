"""When a MySQL server's schema is read."""

from itertools import count

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.mysql.keeper import LOOK, MAX_AGE, PAUSE, SchemaKeeper
from acra_twisted.encryption.mysql.lookup import Named
from acra_twisted.encryption.mysql.question import SchemaError
from acra_twisted.encryption.mysql.schema import Column
from acra_twisted.encryption.mysql.targets import UNREAD, Target
from tests.support.mysqlplanning import PEOPLE, SCHEMA, SETTINGS
from tests.support.mysqlsessions import mark_of, rows_of

OTHER = SCHEMA._replace(
    tables=[PEOPLE._replace(columns=[*PEOPLE.columns, Column("new", "int")])], code=()
)


class Keeping(SynchronousTestCase):
    def setUp(self):
        self.keeper = SchemaKeeper(SETTINGS, count(1))

    def read(self, now=0.0, schema=SCHEMA):
        return self.keeper.answered(self.keeper.asked(now), rows_of(schema))

    def test_nothing_is_known_before_an_answer(self):
        self.assertIsNone(self.keeper.protection(0.0))
        found = self.read()
        self.assertIs(self.keeper.protection(0.0), found)
        self.assertIn("people", found.names)
        self.assertIn(b"people".hex().encode(), self.keeper.question)

    def test_it_is_read_anew_after_a_time(self):
        found = self.read()
        self.assertFalse(self.keeper.is_due(LOOK - 1))
        self.assertTrue(self.keeper.is_due(LOOK))
        self.assertIs(self.keeper.protection(2 * MAX_AGE - 1), found)
        self.assertIsNone(self.keeper.protection(2 * MAX_AGE))
        # The same content has the same plans.
        self.assertIs(self.read(MAX_AGE), found)

    def look(self, now, changes, schema=SCHEMA):
        """Look, and ask if that is to be done; tell whether it was."""
        asked = self.keeper.asked(now)
        self.assertIsNotNone(self.keeper.look)
        if self.keeper.looked(asked, mark_of(changes, 100 + int(now))) is not None:
            return False
        self.keeper.answered(asked, rows_of(schema))
        return True

    def test_a_mark_that_is_the_same_says_that_nothing_has_changed(self):
        found = self.read()
        # The mark was not known before.
        self.assertTrue(self.look(LOOK, 7))
        for number in range(2, int(MAX_AGE / LOOK)):
            self.assertFalse(self.look(number * LOOK, 7))
            self.assertFalse(self.keeper.is_due((number + 1) * LOOK - 1))
            self.assertTrue(self.keeper.is_due((number + 1) * LOOK))
        self.assertIs(self.keeper.protection(MAX_AGE), found)

    def test_it_is_read_in_whole_after_a_time_all_the_same(self):
        self.read()
        self.look(LOOK, 7)
        self.assertFalse(self.look(LOOK + MAX_AGE - 1, 7))
        self.assertTrue(self.look(LOOK + MAX_AGE, 7))
        self.assertFalse(self.look(2 * LOOK + MAX_AGE, 7))

    def test_what_another_program_changes_is_read_with_two_marks(self):
        self.read()
        self.look(LOOK, 7)
        # It has begun to change something, and may not be done yet.
        self.assertTrue(self.look(2 * LOOK, 8))
        self.assertTrue(self.look(3 * LOOK, 8, OTHER))
        self.assertFalse(self.look(4 * LOOK, 8))
        (people,) = self.keeper.protection(4 * LOOK).schema.tables
        self.assertEqual(people.columns[-1].name, "new")

    def test_a_mark_that_is_not_whole_says_nothing(self):
        self.read()
        self.look(LOOK, 7)
        asked = self.keeper.asked(2 * LOOK)
        self.assertIsNone(self.keeper.looked(asked, mark_of(7, 200)[:-1]))

    def test_a_mark_that_is_older_than_what_is_known_says_nothing(self):
        self.read()
        self.look(LOOK, 7)
        asked = self.keeper.asked(2 * LOOK)
        self.read(2 * LOOK)
        self.assertIsNone(self.keeper.looked(asked, mark_of(7, 200)))

    def test_there_is_no_look_where_nothing_is_known(self):
        self.assertIsNone(self.keeper.look)
        self.read()
        self.keeper.changed()
        self.assertIsNone(self.keeper.look)

    def test_a_change_that_is_told_while_it_looks(self):
        self.read()
        self.look(LOOK, 7)
        asked = self.keeper.asked(2 * LOOK)
        self.keeper.changed()
        self.assertIsNone(self.keeper.looked(asked, mark_of(7, 200)))

    def test_a_statement_that_does_not_fit(self):
        self.read()
        self.look(LOOK, 7)
        self.keeper.suspect()
        self.assertFalse(self.keeper.is_due(LOOK + PAUSE / 2))
        self.assertTrue(self.keeper.is_due(LOOK + PAUSE))
        self.assertFalse(self.look(LOOK + PAUSE, 7))
        self.assertFalse(self.keeper.is_due(LOOK + 2 * PAUSE))

    def test_another_content_has_another_number(self):
        first, second = self.read(), self.read(1.0, OTHER)
        self.assertNotEqual(first.schema.number, second.schema.number)

    def test_a_change_makes_it_unknown_at_once(self):
        self.read()
        self.keeper.changed()
        self.assertIsNone(self.keeper.protection(0.0))

    def test_a_change_while_the_question_is_on_its_way(self):
        asked = self.keeper.asked(0.0)
        self.keeper.changed()
        # It holds for the statement that asked, and for no other.
        self.assertIsNotNone(self.keeper.answered(asked, rows_of(SCHEMA)))
        self.assertIsNone(self.keeper.protection(0.0))

    def test_an_older_answer_changes_nothing(self):
        first, second = self.keeper.asked(0.0), self.keeper.asked(0.0)
        kept = self.keeper.answered(second, rows_of(SCHEMA))
        self.assertIs(self.keeper.answered(first, rows_of(OTHER)), kept)

    def test_errors_that_may_tell_of_a_change(self):
        self.read()
        self.keeper.failed_with("1062")
        self.assertFalse(self.keeper.is_due(PAUSE))
        self.keeper.failed_with("1054")
        self.assertFalse(self.keeper.is_due(PAUSE / 2))
        self.assertTrue(self.keeper.is_due(PAUSE))
        self.assertTrue(self.look(PAUSE, 7))
        self.assertFalse(self.keeper.is_due(2 * PAUSE))
        self.keeper.failed_with("1054")
        # The mark does not explain it.
        self.assertTrue(self.look(2 * PAUSE, 7))

    def test_an_answer_that_is_not_understood(self):
        self.assertRaises(SchemaError, self.keeper.answered, self.keeper.asked(0.0), [])
        self.assertIsNone(self.keeper.protection(0.0))


class Strangers(SynchronousTestCase):
    """Tables that may have been made since the schema was read."""

    def setUp(self):
        self.keeper = SchemaKeeper(SETTINGS, count(1))
        self.read(0.0)

    def read(self, now, changes=7, schema=SCHEMA):
        asked = self.keeper.asked(now)
        if self.keeper.look and self.keeper.looked(asked, mark_of(changes, 100 + int(now))):
            return
        self.keeper.answered(asked, rows_of(schema))

    def is_strange(self, name, database=""):
        return bool(self.keeper.strange([Target(database, name)], "shop"))

    def test_a_table_is_one_until_it_is_told_of(self):
        self.assertEqual(
            self.keeper.strange([Target("", "orders"), Target("x", "vip")], "shop"),
            [Target("shop", "orders"), Target("x", "vip")],
        )
        self.keeper.told([Named("shop", "orders", False)])
        self.assertFalse(self.is_strange("orders"))
        self.assertFalse(self.is_strange("orders", "shop"))
        self.assertTrue(self.is_strange("orders", "other"))

    def test_where_case_counts_it_makes_another_name(self):
        self.keeper.told([Named("shop", "orders", False)])
        self.assertTrue(self.is_strange("Orders"))
        self.assertTrue(self.is_strange("People"))
        self.keeper.told([Named("shop", "orders", False), Named("shop", "Orders", True)])
        self.assertIsNone(self.keeper.protection(0.0))

    def test_where_case_does_not_count_it_makes_none(self):
        self.read(0.0, schema=SCHEMA._replace(folds=True))
        self.keeper.told([Named("shop", "orders", False)])
        self.assertFalse(self.is_strange("ORDERS", "Shop"))
        self.assertFalse(self.is_strange("LEADS"))

    def test_all_of_the_schema_is_known_where_it_is(self):
        for name in ("vip", "cheap", "add_person", "people", "leads"):
            self.assertFalse(self.is_strange(name), name)
            self.assertTrue(self.is_strange(name, "other"), name)
            self.keeper.told([Named("shop", name, True)])
        self.keeper.told([Named("shop", "people", False)])
        self.assertIsNotNone(self.keeper.protection(0.0))

    def test_a_view_that_is_not_known_has_the_schema_read(self):
        self.keeper.told([Named("shop", "fresh", True)])
        self.assertIsNone(self.keeper.protection(0.0))
        self.assertIsNone(self.keeper.look)

    def test_a_table_with_a_configured_name_has_the_schema_read(self):
        self.keeper.told([Named("mysql", "people", False)])
        self.assertIsNotNone(self.keeper.protection(0.0))
        self.keeper.told([Named("other", "people", False)])
        self.assertIsNone(self.keeper.protection(0.0))

    def is_read_for(self, name, is_code=False):
        """Tell whether the schema is to be read for what the server has of a name."""
        self.keeper.told([Named("other", name, is_code)])
        return self.keeper.protection(0.0) is None

    def test_what_a_reading_does_not_bring_has_it_read_once_until_something_changes(self):
        # The user sees that it is there, and none of its columns.
        for name, is_code in (("people", False), ("fresh", True)):
            self.keeper = SchemaKeeper(SETTINGS, count(1))
            self.read(0.0)
            self.read(LOOK)
            self.assertTrue(self.is_read_for(name, is_code))
            self.read(LOOK + 1)
            for _ in range(3):
                self.assertFalse(self.is_read_for(name, is_code))
            self.read(2 * LOOK)
            self.assertFalse(self.is_read_for(name, is_code))
            self.assertFalse(self.is_strange(name, "other"))
            # Another program has changed something.
            self.read(3 * LOOK, changes=8)
            self.assertTrue(self.is_strange(name, "other"))
            self.assertTrue(self.is_read_for(name, is_code))
            self.read(3 * LOOK + 1, changes=8)
            self.assertFalse(self.is_read_for(name, is_code))
            # A definition has passed.
            self.keeper.changed()
            self.read(3 * LOOK + 2, changes=8)
            self.assertTrue(self.is_read_for(name, is_code))
            self.read(3 * LOOK + 3, changes=8)
            # It is another schema.
            self.read(4 * LOOK, changes=8, schema=OTHER)
            self.assertTrue(self.is_read_for(name, is_code))

    def test_a_table_that_was_missing_and_is_a_view_now_has_the_schema_read(self):
        self.assertTrue(self.is_read_for("people"))
        self.read(1.0)
        self.assertFalse(self.is_read_for("people"))
        self.assertTrue(self.is_read_for("people", is_code=True))

    def test_an_answer_to_a_question_before_a_name_was_told_does_not_say_that_it_is_missing(self):
        asked = self.keeper.asked(1.0)
        self.assertTrue(self.is_read_for("people"))
        self.keeper.answered(asked, rows_of(SCHEMA))
        self.assertIsNone(self.keeper.protection(1.0))
        people = PEOPLE._replace(database="other")
        self.read(2.0, schema=SCHEMA._replace(tables=[*SCHEMA.tables, people]))
        self.assertFalse(self.is_strange("people", "other"))

    def test_after_changes_a_table_may_be_another(self):
        def known():
            self.keeper.told([Named("shop", "orders", False)])
            self.assertFalse(self.is_strange("orders"))

        known()
        self.keeper.changed()
        self.assertTrue(self.is_strange("orders"))
        self.read(1.0)
        self.read(LOOK)
        known()
        self.read(2 * LOOK)
        self.assertFalse(self.is_strange("orders"))
        self.read(3 * LOOK, changes=8)
        self.assertTrue(self.is_strange("orders"))

    def test_what_cannot_be_read_is_never_known(self):
        self.keeper.told([Named("shop", "", False)])
        self.assertEqual(self.keeper.strange([UNREAD], "shop"), [UNREAD])

    def test_few_are_kept(self):
        for number in range(12_000):
            self.keeper.told([Named("shop", f"t{number}", False)])
        self.assertTrue(self.is_strange("t1"))
        self.assertFalse(self.is_strange("t11999"))
