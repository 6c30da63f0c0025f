"""The model of a configuration of protected columns."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.settings import ColumnSetting, EncryptionSettings, TableSetting


class Names(SynchronousTestCase):
    def test_a_label_has_the_schema_where_there_is_one(self):
        self.assertEqual(ColumnSetting("", "people", "email").label, "people.email")
        self.assertEqual(ColumnSetting("hr", "people", "email").label, "hr.people.email")

    def test_the_columns_of_all_tables(self):
        email, name = ColumnSetting("", "people", "email"), ColumnSetting("", "firms", "name")
        tables = [
            TableSetting("", "people", ("id", "email"), {"email": email}),
            TableSetting("", "firms", (), {"name": name}),
        ]
        self.assertEqual(EncryptionSettings(tables).columns, [email, name])
