"""When a MySQL server's schema is read."""

from itertools import count

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.mysql.keeper import MAX_AGE, PAUSE, SchemaKeeper
from acra_twisted.encryption.mysql.question import SchemaError
from acra_twisted.encryption.mysql.schema import Column
from tests.support.mysqlplanning import PEOPLE, SCHEMA, SETTINGS
from tests.support.mysqlsessions import rows_of

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
        self.assertFalse(self.keeper.is_due(MAX_AGE - 1))
        self.assertTrue(self.keeper.is_due(MAX_AGE))
        self.assertIs(self.keeper.protection(2 * MAX_AGE - 1), found)
        self.assertIsNone(self.keeper.protection(2 * MAX_AGE))
        # The same content has the same plans.
        self.assertIs(self.read(MAX_AGE), found)

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
        self.read(PAUSE)
        self.assertFalse(self.keeper.is_due(2 * PAUSE))

    def test_an_answer_that_is_not_understood(self):
        self.assertRaises(SchemaError, self.keeper.answered, self.keeper.asked(0.0), [])
        self.assertIsNone(self.keeper.protection(0.0))
