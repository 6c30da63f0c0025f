"""The place of a definition: its tables and their settings."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.postgresql import defining
from acra_twisted.encryption.postgresql.naming import Resolved
from tests.unit.encryption.postgresql.test_definitions import GIVEN, PART, PATH, PEOPLE
from tests.unit.encryption.postgresql.test_protection import protection


class Places(SynchronousTestCase):
    place = defining.Place(protection([PEOPLE, PART], GIVEN), PATH, [])

    def test_a_table_is_found_by_the_name_that_a_session_gives_it(self):
        for where in ({"relname": "people"}, {"schemaname": "public", "relname": "people"}):
            self.assertEqual(self.place.resolved(where), Resolved(PEOPLE))
        self.assertEqual(self.place.resolved({"relname": "other"}), Resolved())

    def test_settings_are_those_of_columns_that_are_there_and_of_those_to_come(self):
        present, coming = self.place.settings(PEOPLE)
        self.assertEqual((set(present), set(coming)), ({"name", "nick"}, {"name", "nick"}))
        present, coming = self.place.settings(PART)
        self.assertEqual((set(present), coming), ({"name"}, {}))

    def test_columns_take_types_that_hold_what_is_stored(self):
        setting = self.place.settings(PEOPLE)[0]["name"]
        for kind, is_fit in (("bytea", True), ("int4", False)):
            column = {"typeName": {"names": [{"String": {"sval": kind}}]}}
            self.assertEqual(self.place.refused_type(column, setting) is None, is_fit)

    def test_refusals_name_what_they_are_about(self):
        refused = defining.unknown({"relname": "people"}, Resolved(unknown="it is gone"))
        self.assertEqual((refused.reason, refused.column), ("schema_unknown", "people"))
        setting = self.place.settings(PEOPLE)[0]["name"]
        refused = defining.refused_column("expression", setting, "it is read")
        self.assertEqual((refused.reason, refused.column), ("expression", "people.name"))
