"""The tables of a database that concern protected columns."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.postgresql.schema import Attribute, Relation, Schema


class Names(SynchronousTestCase):
    def test_one_name_may_stand_in_several_schemas(self):
        here = Relation(1, "public", "people", "r", ())
        there = Relation(2, "other", "people", "r", ())
        schema = Schema(1, {1: here, 2: there, 3: Relation(3, "public", "firms", "r", ())})
        self.assertEqual(schema.named("people"), [here, there])
        self.assertEqual(schema.named("People"), [])

    def test_a_column_is_found_by_its_name_as_written(self):
        mixed = Attribute("Name", 2, 17, 17)
        relation = Relation(1, "public", "people", "r", (Attribute("id", 1, 23, 23), mixed))
        self.assertEqual(relation.attribute("Name"), mixed)
        self.assertIsNone(relation.attribute("name"))
