"""The model of a configuration of protected columns."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.settings import Bypass, ColumnSetting, EncryptionSettings, TableSetting


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

    def test_the_settings_of_the_other_columns(self):
        first, second = ColumnSetting("", "t", "a"), ColumnSetting("", "t", "b")
        third = ColumnSetting("s", "t", "a")
        tables = [
            TableSetting("", "t", ("a", "b"), {"a": first, "b": second}),
            TableSetting("s", "t", (), {"a": third}),
        ]
        settings = EncryptionSettings(tables)
        self.assertEqual(settings.without({"t.a"}).columns, [second, third])
        left = settings.without({"s.t.a"})
        self.assertEqual([table.schema for table in left.tables], [""])
        self.assertEqual(settings.without(()).columns, settings.columns)
        told = {"allow_text": True, "trusted": frozenset("f")}
        told |= {"strict_copies": True, "retypes": True}
        left = settings._replace(**told, remarks=["x"]).without({"t.a"})
        self.assertEqual({name: getattr(left, name) for name in told}, told)
        self.assertEqual((left.bypasses, left.remarks), ((), ()))

    def test_a_table_is_told_with_its_schema_if_it_has_one(self):
        for schema, label in (("", "people"), ("hr", "hr.people")):
            self.assertEqual(TableSetting(schema, "people", (), {}).label, label)


class Sameness(SynchronousTestCase):
    def test_lines_do_not_matter_and_all_else_does(self):
        email = ColumnSetting("", "people", "email", line=3)
        table = TableSetting("", "people", ("id", "email"), {"email": email}, 1)
        bypass = Bypass("migrator", "SELECT 1", frozenset(("people.email",)), 1.0, "", 9)
        settings = EncryptionSettings([table], [bypass], ["told"])
        moved = TableSetting("", "people", ["id", "email"], {"email": email._replace(line=4)}, 2)
        same = EncryptionSettings((moved,), (bypass._replace(line=10),))
        self.assertTrue(settings.is_same(same))
        for other in (
            settings._replace(bypasses=()),
            settings._replace(allow_text=True),
            settings._replace(strict_copies=True),
            settings._replace(retypes=True),
            settings._replace(trusted=frozenset(("add_partition",))),
            settings._replace(bypasses=[bypass._replace(until=2.0)]),
            settings._replace(tables=[table._replace(columns=())]),
            settings._replace(tables=[table._replace(schema="hr")]),
            settings._replace(
                tables=[table._replace(protected={"email": email._replace(scoped=True)})]
            ),
        ):
            self.assertFalse(settings.is_same(other))
            self.assertFalse(other.is_same(settings))
