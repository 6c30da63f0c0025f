"""Protected columns of a schema."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.mysql.protection import Protection
from acra_twisted.encryption.mysql.schema import ROUTINE, TRIGGER, VIEW, Code, Column, Schema, Table
from acra_twisted.encryption.refusals import StatementRefusedError
from acra_twisted.encryption.settings import ColumnSetting, EncryptionSettings, TableSetting
from tests.support.mysqlplanning import EMAIL, PEOPLE, SCHEMA, SETTINGS


def setting(database, name, *columns):
    own = {one: ColumnSetting(database, name, one) for one in columns}
    return TableSetting(database, name, (), own)


class Tables(SynchronousTestCase):
    def test_by_name_and_database(self):
        protection = Protection(SCHEMA, SETTINGS)
        found = protection.find("shop", "people")
        self.assertEqual(found.settings["email"], EMAIL)
        self.assertEqual(list(found.columns)[:2], ["id", "email"])
        self.assertIsNone(protection.find("shop", "orders"))
        self.assertIsNone(protection.find("mysql", "people"))

    def test_case_counts_where_the_server_says_so(self):
        self.assertIsNone(Protection(SCHEMA, SETTINGS).find("shop", "People"))
        folding = Protection(SCHEMA._replace(folds=True), SETTINGS)
        self.assertIsNotNone(folding.find("SHOP", "People"))

    def test_the_case_of_columns_never_counts(self):
        table = Table("shop", "t", [Column("Secret", "blob")])
        settings = EncryptionSettings([setting("", "t", "SECRET")])
        found = Protection(Schema(1, [table]), settings).find("shop", "t")
        self.assertEqual(list(found.settings), ["secret"])

    def test_a_table_of_another_database_is_another(self):
        settings = EncryptionSettings([setting("shop", "people", "email")])
        other = PEOPLE._replace(database="copy")
        protection = Protection(Schema(1, [PEOPLE, other]), settings)
        self.assertIsNotNone(protection.find("shop", "people"))
        self.assertIsNone(protection.find("copy", "people"))

    def test_databases_of_the_server(self):
        settings = EncryptionSettings([setting("", "people", "email")])
        tables = [PEOPLE._replace(database=one) for one in ("Sys", "MYSQL")]
        for folds in (False, True):
            protection = Protection(Schema(1, tables, folds), settings)
            for database in ("Sys", "MYSQL"):
                # Their names are others where case counts.
                self.assertIs(protection.find(database, "people") is None, folds)
            for database in ("sys", "mysql", "Information_Schema", "PERFORMANCE_SCHEMA"):
                self.assertIsNone(protection.find(database, "people"))

    def test_views(self):
        protection = Protection(SCHEMA, SETTINGS)
        self.assertEqual(protection.view("shop", "vip").name, "vip")
        for database, name in (("other", "vip"), ("shop", "VIP"), ("shop", "cheap"), (None, "x")):
            self.assertIsNone(protection.view(database, name))
        folding = Protection(SCHEMA._replace(folds=True), SETTINGS)
        self.assertIsNotNone(folding.view("SHOP", "Vip"))
        self.assertRaises(StatementRefusedError, protection.view, None, "vip")

    def test_what_is_not_known_is_refused(self):
        protection = Protection(SCHEMA, SETTINGS)
        for database, name in ((None, "people"), ("new", "people")):
            with self.assertRaises(StatementRefusedError):
                protection.find(database, name)


class Uses(SynchronousTestCase):
    def names(self, *code, trusted=()):
        schema = SCHEMA._replace(code=code)
        settings = SETTINGS._replace(trusted=frozenset(trusted))
        return Protection(schema, settings).names - {"people", "leads"}

    def test_views_of_views_and_routines_that_use_them(self):
        found = self.names(
            Code(ROUTINE, "shop", "f", "BEGIN SELECT * FROM w; END"),
            Code(VIEW, "shop", "w", "select * from `shop`.`v`"),
            Code(VIEW, "shop", "v", "select 1 from `shop`.`PEOPLE`"),
            Code(VIEW, "shop", "x", "select 'people' from `shop`.`orders`"),
        )
        self.assertEqual(found, {"f", "w", "v"})

    def test_in_whatever_order_they_use_each_other(self):
        chain = [Code(VIEW, "shop", "w0", "select `people`.`id` from `shop`.`people`")]
        for at in range(1, 50):
            chain.append(Code(VIEW, "shop", f"w{at}", f"select `id` from `shop`.`w{at - 1}`"))
        chain.append(Code(VIEW, "shop", "cheap", "select 1 from `shop`.`orders`"))
        for code in (chain, chain[::-1]):
            found = Protection(SCHEMA._replace(code=code), SETTINGS).uses
            self.assertEqual({one.name for one in found}, {f"w{at}" for at in range(50)})

    def test_routines_that_do_what_nobody_sees(self):
        for text in (
            "BEGIN SET @a = 1, ROLE viewer; END",
            "BEGIN PREPARE s FROM @v; EXECUTE s; END",
            "EXECUTE IMMEDIATE CONCAT('a', t)",
            "BINLOG @v",
            "BEGIN SET check_constraint_checks = 0; END",
        ):
            calls = Code(ROUTINE, "shop", "q", "CALL p()")
            self.assertEqual(self.names(Code(ROUTINE, "shop", "p", text), calls), {"p", "q"}, text)
            self.assertEqual(self.names(Code(ROUTINE, "shop", "p", text), trusted=["p"]), set())
        harmless = Code(ROUTINE, "shop", "p", "BEGIN UPDATE users SET role = 1; END")
        self.assertEqual(self.names(harmless), set())
        self.assertEqual(self.names(Code(VIEW, "shop", "v", "select prepare from x")), set())

    def test_tables_whose_triggers_set_a_role(self):
        schema = SCHEMA._replace(
            code=[
                Code(ROUTINE, "shop", "p", "SET ROLE viewer"),
                Code(TRIGGER, "shop", "t", "CALL p()", "Fired"),
                Code(TRIGGER, "shop", "u", "INSERT INTO people (note) VALUES (1)", "orders"),
            ]
        )
        protection = Protection(schema, SETTINGS)
        self.assertEqual(protection.names - {"people", "leads"}, {"p", "fired"})
        for database in ("shop", None):
            self.assertRaises(StatementRefusedError, protection.find, database, "Fired")
        self.assertIsNone(protection.find("other", "Fired"))
        self.assertIsNone(protection.find("shop", "orders"))
        trusting = SETTINGS._replace(trusted=frozenset(("t",)))
        self.assertIsNone(Protection(schema, trusting).find("shop", "Fired"))

    def test_what_the_server_does_not_show_is_among_them(self):
        self.assertEqual(self.names(Code(ROUTINE, "shop", "p", None)), {"p"})
        self.assertEqual(self.names(Code(ROUTINE, "shop", "p", "'")), {"p"})
        self.assertEqual(self.names(Code(ROUTINE, "shop", "P", None), trusted=["p"]), set())

    def test_triggers_are_told_and_are_no_names(self):
        trigger = Code(TRIGGER, "shop", "t", "INSERT INTO people VALUES (1)", "orders")
        protection = Protection(SCHEMA._replace(code=(trigger,)), SETTINGS)
        self.assertEqual(list(protection.triggers), [trigger])
        self.assertNotIn("t", protection.names)
