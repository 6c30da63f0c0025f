"""When a database's schema is read, and what is kept of it."""

import itertools

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.postgresql import keeper
from acra_twisted.encryption.postgresql.keeper import (
    CODE,
    DOUBT,
    LOOK,
    LOST,
    MAX_AGE,
    NONE,
    STALE,
    SchemaKeeper,
    severest,
)
from acra_twisted.encryption.postgresql.schema import SchemaError
from tests.support.schemas import answer, column, table
from tests.unit.encryption.postgresql.test_protection import settings


class Effects(SynchronousTestCase):
    def test_definitions_that_name_a_protected_table_make_it_stale(self):
        for tag in (b"ALTER TABLE", b"CREATE VIEW", b"DROP TABLE", b"CREATE TRIGGER"):
            self.assertEqual(keeper.effect(tag, True), STALE)
            self.assertEqual(keeper.effect(tag, False), NONE)

    def test_definitions_that_need_not_name_one_always_do(self):
        for tag in (b"ALTER SCHEMA", b"DROP SCHEMA", b"ALTER DOMAIN", b"CREATE EXTENSION"):
            self.assertEqual(keeper.effect(tag, False), STALE)
        for tag in (
            *(b"DROP OWNED", b"IMPORT FOREIGN SCHEMA", b"CREATE PUBLICATION"),
            b"COMMIT PREPARED",
        ):
            self.assertEqual(keeper.effect(tag, False), STALE)

    def test_a_new_type_changes_no_column(self):
        for kind in (b"TYPE", b"DOMAIN"):
            self.assertEqual(keeper.effect(b"CREATE " + kind, False), NONE)
            self.assertEqual(keeper.effect(b"CREATE " + kind, True), STALE)
            self.assertEqual(keeper.effect(b"DROP " + kind, False), STALE)

    def test_behind_code_nothing_is_certain_and_data_does_nothing(self):
        self.assertEqual(keeper.effect(b"DO", False), CODE)
        self.assertEqual(keeper.effect(b"CALL", False), CODE)
        for tag in (b"SELECT 3", b"INSERT 0 1", b"UPDATE 2", b"BEGIN", b"SET", b"VACUUM", b""):
            self.assertEqual(keeper.effect(tag, True), NONE)

    def test_errors_of_names_and_types_cast_doubt(self):
        for state in (b"42703", b"42P01", b"42804", b"0A000"):
            self.assertEqual(keeper.effect_of_error(state), DOUBT)
        self.assertEqual(keeper.effect_of_error(b"23505"), NONE)

    def test_of_several_the_severest_counts(self):
        effects = (NONE, DOUBT, CODE, STALE)
        for number, one in enumerate(effects):
            for other in effects[: number + 1]:
                self.assertEqual(severest(one, other), one)
                self.assertEqual(severest(other, one), one)


class KeeperCase(SynchronousTestCase):
    def setUp(self):
        self.numbers = itertools.count(1)
        self.keeper = self.made()

    def made(self):
        return SchemaKeeper(settings("people.name"), self.numbers)

    def read(self, now, *columns, made=None):
        made = made or self.keeper
        made.answered(
            made.asked(now), answer(table(1, "people", *(columns or (column("name", 1),))))
        )


class Reading(KeeperCase):
    def test_nothing_is_known_before_the_first_answer(self):
        self.assertTrue(self.keeper.is_due(0.0))
        self.assertIsNone(self.keeper.protection(0.0))
        self.keeper.asked(0.0)
        self.assertFalse(self.keeper.is_due(0.1))
        self.assertIsNone(self.keeper.protection(0.1))

    def test_the_answer_is_laid_under_the_settings(self):
        self.read(0.0)
        self.assertEqual(self.keeper.protection(1.0).columns(1)[1].label, "people.name")
        self.assertFalse(self.keeper.is_due(1.0))

    def test_it_is_looked_at_after_seconds_and_used_for_ten_minutes(self):
        self.read(5.0)
        self.assertFalse(self.keeper.is_due(5.0 + LOOK - 1))
        self.assertTrue(self.keeper.is_due(5.0 + LOOK))
        self.assertIsNotNone(self.keeper.protection(5.0 + MAX_AGE))
        self.assertIsNone(self.keeper.protection(5.0 + 2 * MAX_AGE))

    def test_the_same_content_keeps_its_number_and_another_gets_one(self):
        self.read(0.0)
        first = self.keeper.protection(0.0)
        self.read(MAX_AGE)
        self.assertIs(self.keeper.protection(MAX_AGE), first)
        self.read(MAX_AGE + 1, column("id", 1), column("name", 2))
        self.assertNotEqual(self.keeper.protection(MAX_AGE + 1).schema.number, first.schema.number)

    def test_two_databases_never_share_a_number(self):
        other = self.made()
        self.read(0.0)
        self.read(0.0, made=other)
        numbers = {made.protection(0.0).schema.number for made in (self.keeper, other)}
        self.assertEqual(len(numbers), 2)

    def test_a_stale_one_is_not_used(self):
        self.read(0.0)
        self.keeper.told(STALE)
        self.assertIsNone(self.keeper.protection(0.1))
        self.assertTrue(self.keeper.is_due(0.1))
        self.read(0.1)
        self.assertIsNotNone(self.keeper.protection(0.2))

    def test_a_doubtful_one_is_used_and_asked_for_once_a_second(self):
        self.read(0.0)
        self.keeper.told(DOUBT)
        self.assertIsNotNone(self.keeper.protection(0.1))
        self.assertFalse(self.keeper.is_due(0.1))
        self.assertTrue(self.keeper.is_due(1.0))
        self.read(1.0)
        self.assertFalse(self.keeper.is_due(5.0))
        self.assertTrue(self.keeper.is_due(6.0))

    def test_each_doubt_and_each_change_counts(self):
        """Also behind others, and at any time of the clock."""
        now = 1e6
        for effects in ((DOUBT,), (DOUBT, DOUBT), (STALE, DOUBT), (CODE, STALE), (DOUBT, STALE)):
            for effect in effects:
                self.read(now)
                self.assertFalse(self.keeper.is_due(now + 2))
                self.keeper.told(effect)
                is_used = self.keeper.protection(now + 2) is not None
                self.assertEqual((is_used, self.keeper.is_due(now + 2)), (effect == DOUBT, True))
                now += 10

    def test_a_question_is_not_asked_twice_until_it_is_lost(self):
        now = 1e6
        self.keeper.asked(now)
        self.assertFalse(self.keeper.is_due(now + LOST - 1))
        self.assertTrue(self.keeper.is_due(now + LOST))

    def test_what_is_told_beside_the_question_holds_after_the_answer(self):
        self.read(0.0)
        self.keeper.told(STALE)
        asked = self.keeper.asked(1.0)
        self.keeper.told(STALE)
        found = self.keeper.answered(asked, answer(table(1, "people", column("name", 1))))
        self.assertEqual(list(found.schema.relations), [1])
        self.assertIsNone(self.keeper.protection(1.1))
        self.assertTrue(self.keeper.is_due(1.1))

    def test_a_failure_leaves_what_was_known_and_is_tried_again_after_a_pause(self):
        self.read(0.0)
        self.keeper.failed(self.keeper.asked(MAX_AGE))
        self.assertIsNotNone(self.keeper.protection(MAX_AGE + 0.5))
        self.assertFalse(self.keeper.is_due(MAX_AGE + 0.5))
        self.assertTrue(self.keeper.is_due(MAX_AGE + 1))

    def test_an_answer_that_is_not_understood_is_a_failure(self):
        asked = self.keeper.asked(0.0)
        self.assertRaises(SchemaError, self.keeper.answered, asked, [b"x"])
        self.assertIsNone(self.keeper.protection(0.1))
        self.assertTrue(self.keeper.is_due(1.0))

    def test_a_schema_that_no_database_has_is_a_failure(self):
        rule = "({QUERY :targetList (%s)})"
        target = "{TARGETENTRY :resno %d :resorigtbl 2 :resorigcol %d :resjunk false}"
        shown = rule % " ".join(target % pair for pair in ((1, 2), (2, 1)))
        columns = column("name", 1), column("card", 2)
        cells = answer(
            table(1, "people", *columns),
            table(2, "t", *columns, parents=[1, 3]),
            table(3, "v", *columns, kind="v", view=shown),
        )
        made = SchemaKeeper(settings("people.name", "people.card"), itertools.count(1))
        self.assertRaises(SchemaError, made.answered, made.asked(0.0), cells)
        self.assertIsNone(made.protection(0.1))
        self.assertTrue(made.is_due(1.0))

    def test_an_answer_says_nothing_of_what_was_told_after_its_question(self):
        """Two sessions may ask at a time."""
        first_table = table(1, "people", column("name", 1))
        only = answer(first_table)
        both = answer(first_table, table(2, "more", column("name", 1), parents=[1]))
        first = self.keeper.asked(1.0)
        self.keeper.told(STALE)
        second = self.keeper.asked(2.0)
        self.keeper.answered(first, only)
        self.assertIsNone(self.keeper.protection(3.0))
        self.keeper.answered(second, both)
        self.assertEqual(sorted(self.keeper.protection(3.0).schema.relations), [1, 2])
        self.assertFalse(self.keeper.is_due(3.0))

    def test_an_older_answer_does_not_replace_a_newer_one(self):
        first_table = table(1, "people", column("name", 1))
        only = answer(first_table)
        both = answer(first_table, table(2, "more", column("name", 1), parents=[1]))
        first, second = self.keeper.asked(1.0), self.keeper.asked(2.0)
        self.keeper.answered(second, both)
        for _ in range(2):
            kept = self.keeper.answered(first, only)
            self.assertIs(kept, self.keeper.protection(3.0))
            self.keeper.answered(second, [b"x"])
            self.assertEqual(sorted(self.keeper.protection(3.0).schema.relations), [1, 2])

    def test_the_failure_of_one_question_leaves_the_other_on_its_way(self):
        first, second = self.keeper.asked(1.0), self.keeper.asked(2.0)
        self.keeper.failed(first)
        self.assertFalse(self.keeper.is_due(4.0))
        self.keeper.failed(second)
        self.assertTrue(self.keeper.is_due(4.0))

    def test_a_question_that_was_lost_is_asked_again(self):
        self.keeper.asked(0.0)
        self.assertFalse(self.keeper.is_due(29.0))
        self.assertTrue(self.keeper.is_due(30.0))

    def test_the_question_names_the_tables(self):
        self.assertIn(b"E'people'", self.keeper.question)


class Strangers(KeeperCase):
    """Names that may have come to mean others since the schema was read."""

    def test_names_are_strange_until_they_are_looked_up(self):
        self.assertEqual(self.keeper.strange(["people"]), ["people"])
        self.read(0.0)
        self.assertEqual(self.keeper.strange(["people", "a", "b", ""]), ["a", "b", ""])
        self.keeper.looked_up(["a"])
        self.assertEqual(self.keeper.strange(["people", "a", "b"]), ["b"])
        # A transaction of its own knows them, and learns for itself.
        own = self.keeper.forked()
        own.looked_up(["b"])
        self.assertEqual(own.strange(["a", "b"]), [])
        self.assertEqual(self.keeper.strange(["a", "b"]), ["b"])

    def test_by_another_schema_they_may_be_others(self):
        self.read(0.0)
        self.keeper.looked_up(["a"])
        self.read(1.0)
        self.assertEqual(self.keeper.strange(["a"]), [])
        self.keeper.told(STALE)
        self.assertEqual(self.keeper.strange(["a"]), ["a"])
        self.read(2.0)
        self.keeper.looked_up(["a"])
        self.read(3.0, column("id", 1), column("name", 2))
        self.assertEqual(self.keeper.strange(["a"]), ["a"])

    def test_few_are_kept(self):
        self.read(0.0)
        for number in range(10_001):
            self.keeper.looked_up([str(number)])
        self.assertEqual(self.keeper.strange(["1", "10000"]), ["1"])


class Looking(KeeperCase):
    """A mark tells whether there is another schema."""

    def look(self, now, mark, made=None):
        """Return the protected columns by a mark; if it is not enough, the whole is read."""
        made = made or self.keeper
        self.assertIsNotNone(made.look)
        asked = made.asked(now)
        found = made.looked(asked, [mark])
        if found is None:
            made.answered(asked, answer(table(1, "people", column("name", 1))))
        return found

    def known(self):
        """Read it with a mark, at 0."""
        self.read(0.0)
        self.assertIsNone(self.look(0.0, b"one"))

    def test_there_is_no_look_before_the_whole_was_read(self):
        self.assertIsNone(self.keeper.look)
        self.read(0.0)
        self.assertIn(b"E'people'", self.keeper.look)
        self.assertIn(b"ARRAY[1]::", self.keeper.look)

    def test_the_same_mark_is_enough_and_the_first_is_none(self):
        self.known()
        protection = self.keeper.protection(0.0)
        for now in (LOOK, 2 * LOOK):
            self.assertTrue(self.keeper.is_due(now))
            self.assertIs(self.look(now, b"one"), protection)
            self.assertFalse(self.keeper.is_due(now + LOOK - 1))
        self.assertIsNone(self.look(3 * LOOK, b"two"))
        self.assertIs(self.look(4 * LOOK, b"two"), protection)

    def test_behind_code_nothing_is_decided_before_a_look(self):
        self.known()
        self.keeper.told(CODE)
        self.assertIsNone(self.keeper.protection(0.1))
        self.assertTrue(self.keeper.is_due(0.1))
        protection = self.look(0.1, b"one")
        self.assertIs(self.keeper.protection(0.2), protection)
        self.assertFalse(self.keeper.is_due(0.2))

    def test_code_that_is_told_beside_a_look_holds_behind_it(self):
        self.known()
        asked = self.keeper.asked(1.0)
        self.keeper.told(CODE)
        self.assertIsNotNone(self.keeper.looked(asked, [b"one"]))
        self.assertIsNone(self.keeper.protection(1.1))

    def test_a_look_is_not_enough_for_doubts_changes_and_what_is_old(self):
        self.known()
        self.keeper.told(DOUBT)
        self.assertIsNone(self.look(1.0, b"one"))
        self.assertIsNotNone(self.look(2.0, b"one"))
        self.keeper.told(STALE)
        self.assertIsNone(self.keeper.look)
        self.assertIsNone(self.keeper.looked(self.keeper.asked(3.0), [b"one"]))
        self.known()
        self.assertIsNotNone(self.look(MAX_AGE - 1, b"one"))
        self.assertIsNone(self.look(MAX_AGE, b"one"))

    def test_a_mark_is_never_younger_than_the_schema(self):
        for answers_come in (False, True):
            self.setUp()
            self.known()
            before = self.keeper.asked(1.0)
            asked = self.keeper.asked(2.0)
            self.assertIsNone(self.keeper.looked(asked, [b"two"]))
            self.keeper.failed(asked)
            if answers_come:
                self.keeper.answered(before, answer(table(1, "people", column("name", 1))))
            self.assertIsNone(self.look(LOOK + 2, b"two"))

    def test_an_older_look_says_nothing(self):
        self.known()
        asked = self.keeper.asked(1.0)
        self.look(2.0, b"two")
        self.assertIsNone(self.keeper.looked(asked, [b"two"]))

    def test_the_mark_of_other_relations_is_another(self):
        self.known()
        asked = self.keeper.asked(1.0)
        self.assertIsNone(self.keeper.looked(asked, [b"two"]))
        self.keeper.answered(asked, answer(table(2, "people", column("name", 1))))
        self.assertIsNone(self.look(LOOK + 1, b"two"))

    def test_a_session_that_goes_on_apart_knows_the_same(self):
        self.known()
        own = self.keeper.forked()
        protection = self.keeper.protection(1.0)
        self.assertIs(own.protection(1.0), protection)
        own.told(CODE)
        self.assertIsNotNone(self.keeper.protection(1.0))
        self.assertIs(self.look(1.0, b"one", own), protection)
        own.told(STALE)
        self.assertIsNone(self.keeper.forked().forked().look and own.look)

    def test_a_mark_of_an_open_transaction_says_nothing_of_its_next_change(self):
        self.known()
        first = self.keeper.forked()
        for own in (first, first, first.forked()):
            own.told(CODE)
            asked = own.asked(1.0)
            # What the others know is another schema; each of its own has the same mark.
            if own.look is not None:
                self.assertIsNone(own.looked(asked, [b"mine"]))
            own.answered(asked, answer(table(1, "people", column("name", 1))))
            own.told(CODE)
            self.assertIsNone(own.look)
            self.assertIsNone(own.protection(1.0))
            self.assertIsNone(own.looked(own.asked(2.0), [b"mine"]))
            self.assertIsNone(own.protection(2.0))
        self.keeper.told(CODE)
        self.assertIsNotNone(self.look(3.0, b"one"))
