"""Bounds of partitions of tables by protected columns."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.postgresql.partitions import refused_bound, refused_child
from acra_twisted.encryption.postgresql.schema import PARTITION_KEY, Attached, Relation
from tests.unit.encryption.postgresql.test_protection import columns, protection, settings

LIST = {"strategy": "l", "listdatums": [{}]}
RANGE = {"strategy": "r", "lowerdatums": [{}], "upperdatums": [{}]}
HASH = {"strategy": "h", "modulus": 4, "remainder": 1}


class Bounds(SynchronousTestCase):
    def column(self, bound, key, protected="people.name"):
        """The column for which a bound is refused, where the table has the columns id and name."""
        attached = (Attached("check", "c", (2,)), Attached(PARTITION_KEY, PARTITION_KEY, key))
        people = Relation(1, "public", "people", "p", columns("id", "name"), attached=attached)
        found = refused_bound(bound, protection([people], settings(protected)), people)
        return found and found.column

    def test_the_values_of_a_bound_are_kept_in_clear(self):
        for bound in (LIST, RANGE):
            self.assertEqual(self.column(bound, (2,)), "people.name")
            self.assertEqual(self.column(bound, (1, 2)), "people.name")
            self.assertIsNone(self.column(bound, (1,)))
            self.assertIsNone(self.column(bound, (2,), "people.id"))

    def test_an_expression_may_read_any_column(self):
        self.assertEqual(self.column(LIST, (0,)), "people.name")
        self.assertEqual(self.column(LIST, (1, 0)), "people.name")
        self.assertIsNone(self.column(LIST, (0,), "other.name"))

    def test_bounds_without_values(self):
        for bound in (HASH, {"is_default": True}, {}):
            self.assertIsNone(self.column(bound, (2,)))

    def test_a_table_above_whose_key_is_not_known(self):
        given = settings("people.name").tables[0].protected
        for bound in (LIST, RANGE):
            self.assertEqual(refused_child(bound, given).column, "people.name")
            self.assertIsNone(refused_child(bound, {}))
        for bound in (HASH, {"is_default": True}, {}):
            self.assertIsNone(refused_child(bound, given))
