"""Tables are there once, with each of their columns once."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.configuration.columns import Owner
from acra_twisted.encryption.configuration.tables import (
    GivenColumn,
    GivenTable,
    labels_of,
    merged,
    mistakes_in_tables,
    settings_of,
)
from acra_twisted.encryption.settings import ColumnSetting


def column(name, where="c.yaml:2", owner=("", "t")):
    return GivenColumn(name, where, ColumnSetting(*owner, name))


def table(*columns, schema="", name="t", listed=(), where="c.yaml:1"):
    return GivenTable(Owner(schema, name), where, listed, columns)


class Tables(SynchronousTestCase):
    def wrong(self, *tables):
        return "\n".join(map(str, mistakes_in_tables(tables)))

    def test_settings(self):
        a = column("a")
        unread = GivenColumn("b", "c.yaml:3", None)
        [found] = settings_of([table(a, unread, listed=["a", "b"])])
        self.assertEqual((found.schema, found.name, found.columns), ("", "t", ("a", "b")))
        self.assertEqual((dict(found.protected), found.line), ({"a": a.setting}, 1))

    def test_tables_of_one_name_become_one(self):
        first = table(column("a"), listed=["a", "b"])
        second = table(column("b", "s.ini:1"), where="s.ini:1")
        other = table(column("a"), schema="hr")
        found = merged([first, second, other])
        self.assertEqual([len(each.protected) for each in found], [2, 1])
        self.assertEqual((found[0].where, found[0].columns), ("c.yaml:1", ["a", "b"]))
        self.assertEqual(merged([second, first])[0].columns, ["a", "b"])

    def test_labels_have_the_schema_where_there_is_one(self):
        found = labels_of([table(column("a")), table(GivenColumn("b", "", None), schema="hr")])
        self.assertEqual(found, {("", "t", "a"): "t.a", ("hr", "t", "b"): "hr.t.b"})

    def test_columns_of_columns(self):
        self.assertEqual(self.wrong(table(column("a"), listed=["a"])), "")
        self.assertEqual(self.wrong(table(column("a"))), "")
        told = self.wrong(table(column("emial", "c.yaml:9"), listed=["id", "email"]))
        expected = "c.yaml:9: column 'emial' is not in columns of table 't'; did you mean 'email'?"
        self.assertEqual(told, expected)

    def test_a_column_twice(self):
        told = self.wrong(table(column("a"), column("a", "s.ini:4"), schema="hr"))
        expected = "s.ini:4: column 'a' of table 'hr.t' is given twice; the other is at c.yaml:2"
        self.assertEqual(told, expected)

    def test_a_table_with_and_without_schema(self):
        told = self.wrong(table(where="c.yaml:5"), table(schema="hr"), table(schema="a", name="u"))
        self.assertIn("c.yaml:1: table 'hr.t': the entry at c.yaml:5 has no schema", told)
        self.assertEqual(len(told.splitlines()), 1)

    def test_names_that_no_database_has(self):
        for name in ("n" * 64, "ż" * 32):
            for found in (
                table(name=name),
                table(schema=name),
                table(listed=[name]),
                table(column(name)),
            ):
                self.assertIn("has more than 63 bytes", self.wrong(found))
        self.assertEqual(self.wrong(table(column("n" * 63))), "")
