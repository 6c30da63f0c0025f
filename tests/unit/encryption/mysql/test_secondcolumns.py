"""Second columns; tests/integration/test_mysql_switching.py has their definitions run."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.migrating import DECRYPT, ENCRYPT
from acra_twisted.encryption.mysql import secondcolumns
from acra_twisted.encryption.mysql.question import SchemaError
from acra_twisted.encryption.mysql.schema import Column
from acra_twisted.encryption.mysql.secondcolumns import Definition
from acra_twisted.errors import ConfigError
from tests.support.mysqlplanning import AGE, NAME, PHONE, column
from tests.unit.encryption.mysql.test_moving import ID, STORED, table

TEXT = Column("name", "varchar", 320, "utf8mb4", "utf8mb4_bin")
NUMBER = Column("age", "int")
TOKEN = Column("phone", "varchar", 80, "latin1", "latin1_bin")
BESIDE = Column("name__acra", "varbinary", 470, invisible=True)


def prepared(*columns, own=(NAME,), change=ENCRYPT, has_trigger=False, in_place=False):
    return secondcolumns.preparation(table(ID, *columns, own=own), change, has_trigger, in_place)


class Preparation(SynchronousTestCase):
    def test_columns_whose_type_holds_both_forms_need_none(self):
        self.assertEqual(prepared(STORED), [])
        for data_type in ("", "bytes"):
            own = (column("name", data_type=data_type),)
            self.assertEqual(prepared(STORED, own=own, change=DECRYPT), [])
        computed = TEXT._replace(expression="`a`")
        self.assertEqual(prepared(computed), [])

    def test_types_of_second_columns(self):
        for before, setting, after in (
            (TEXT, NAME, "VARBINARY(470)"),
            (Column("name", "varchar", 50, "cp1251", "x"), NAME, "VARBINARY(300)"),
            (Column("name", "varchar", 100, "gbk", "x"), NAME, "VARBINARY(300)"),
            (Column("name", "varchar", 200, "utf16", "x"), NAME, "VARBINARY(350)"),
            (Column("name", "text", 65_535, "latin1", "x"), NAME, "MEDIUMBLOB"),
            (Column("name", "int"), NAME, "VARBINARY(190)"),
            (Column("name", "text", 65_535), NAME, "MEDIUMBLOB"),
            (Column("name", "longtext", (1 << 32) - 1), NAME, "LONGBLOB"),
            (NUMBER, AGE, "INT"),
            (TOKEN, PHONE, "VARCHAR(80) CHARACTER SET latin1 COLLATE latin1_bin"),
            (
                Column("phone", "char", 80, "utf8mb4", "utf8mb4_bin"),
                PHONE,
                "VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
            ),
            (
                Column("phone", "text", 65_535, "latin1", "latin1_bin"),
                PHONE,
                "TEXT CHARACTER SET latin1 COLLATE latin1_bin",
            ),
            (Column("phone", "bigint"), PHONE, "VARCHAR(40) CHARACTER SET utf8mb4"),
            (Column("phone", "varbinary", 30), PHONE, "VARBINARY(30)"),
        ):
            lines = prepared(before, own=(setting,))
            name = before.name
            self.assertEqual(
                lines[0],
                f"ALTER TABLE `shop`.`people` ADD COLUMN `{name}__acra` {after} INVISIBLE;",
            )
            self.assertEqual(len(lines), 2)

    def test_the_way_back_has_the_types_that_applications_see(self):
        for before, setting, after in (
            (STORED, NAME, "VARCHAR(250) CHARACTER SET utf8mb4"),
            (Column("name", "blob", 65_535), NAME, "TEXT CHARACTER SET utf8mb4"),
            (STORED, column("name", data_type="int32"), "INT"),
            (STORED, column("name", data_type="date"), "DATE"),
            (STORED, column("name", data_type="uuid"), "CHAR(36) CHARACTER SET ascii"),
            (NUMBER, AGE, "INT"),
            (TOKEN, PHONE, "VARCHAR(80) CHARACTER SET latin1 COLLATE latin1_bin"),
        ):
            line, _ = prepared(before, own=(setting,), change=DECRYPT)
            self.assertTrue(line.endswith(f"__acra` {after} INVISIBLE;"), line)
        self.assertEqual(
            prepared(STORED, own=(column("name", data_type="bool"),), change=DECRYPT), []
        )

    def test_a_change_of_the_first_empties_the_second(self):
        *_, trigger = prepared(TEXT, TOKEN, own=(NAME, PHONE))
        self.assertEqual(
            trigger,
            "CREATE TRIGGER `shop`.`people__acra` BEFORE UPDATE ON `shop`.`people` FOR EACH ROW "
            "SET NEW.`name__acra` = IF(CAST(NEW.`name` AS BINARY) <=> CAST(OLD.`name` AS BINARY), "
            "NEW.`name__acra`, NULL), NEW.`phone__acra` = IF(CAST(NEW.`phone` AS BINARY) <=> "
            "CAST(OLD.`phone` AS BINARY), NEW.`phone__acra`, NULL);",
        )

    def test_what_is_there_stays_and_the_trigger_knows_all(self):
        self.assertEqual(prepared(TEXT, BESIDE, has_trigger=True), [])
        [made] = prepared(TEXT, BESIDE)
        self.assertIn("CREATE TRIGGER", made)
        added, dropped, made = prepared(TEXT, BESIDE, TOKEN, own=(NAME, PHONE), has_trigger=True)
        self.assertNotIn("`name__acra`", added)
        self.assertEqual(dropped, "DROP TRIGGER IF EXISTS `shop`.`people__acra`;")
        self.assertIn("NEW.`name__acra` =", made)
        self.assertIn("NEW.`phone__acra` =", made)

    def test_the_trigger_goes_on_to_guard_columns_that_are_left_out(self):
        own = (PHONE,)
        for columns in ((TEXT, BESIDE, TOKEN), (TOKEN, TEXT, BESIDE)):
            _, dropped, made = prepared(*columns, own=own, has_trigger=True)
            self.assertIn("DROP TRIGGER", dropped)
            self.assertIn("NEW.`name__acra` =", made)
            self.assertIn("NEW.`phone__acra` =", made)
        mail = STORED._replace(name="mail")
        self.assertEqual(prepared(TEXT, BESIDE, mail, own=(column("mail"),)), [])

    def test_what_the_database_computes_is_not_guarded(self):
        computed = BESIDE._replace(expression="`a`")
        for pair in ((TEXT, computed), (TEXT._replace(expression="1"), BESIDE)):
            *_, made = prepared(*pair, TOKEN, own=(PHONE,), has_trigger=True)
            self.assertNotIn("name__acra", made)

    def test_types_are_changed_in_place_where_one_holds_both_forms(self):
        first, second = TEXT._replace(nullable=False), Column("phone", "int")
        added, _ = prepared(first, second, own=(NAME, PHONE), in_place=True)
        self.assertEqual(
            added,
            "ALTER TABLE `shop`.`people` MODIFY `name` VARBINARY(470) NOT NULL, ADD COLUMN "
            "`phone__acra` VARCHAR(40) CHARACTER SET utf8mb4 INVISIBLE;",
        )
        self.assertEqual(prepared(STORED, in_place=True), [])
        for source, told in (
            (Column("name", "float"), "change the type first"),
            (Column("name", "timestamp"), "change the type first"),
            (TEXT._replace(charset="latin1"), "convert it to utf8mb4 first"),
        ):
            error = self.assertRaises(ConfigError, prepared, source, in_place=True)
            self.assertIn(told, str(error))
        self.assertEqual(prepared(STORED, change=DECRYPT, in_place=True), [])

    def test_names_that_would_be_too_long(self):
        long = "n" * 59
        own = column(long)
        self.assertRaises(ConfigError, prepared, TEXT._replace(name=long), own=(own,))


class Switch(SynchronousTestCase):
    definitions = {
        "name": Definition("varchar(80)", "utf8mb4", "utf8mb4_bin", "it's a \\ name"),
        "name__acra": Definition("varbinary(470)", "", "", ""),
    }

    def test_one_statement_swaps_names_and_places(self):
        comment = "COMMENT 'it''s a \\\\ name'"
        own = "varchar(80) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL INVISIBLE"
        for null, hidden, more in (
            (True, False, "NULL"),
            (False, False, "NOT NULL"),
            (True, True, "NULL INVISIBLE"),
        ):
            first = TEXT._replace(nullable=null, invisible=hidden)
            self.assertEqual(
                secondcolumns.switch(table(ID, first, BESIDE), self.definitions, ENCRYPT),
                f"ALTER TABLE `shop`.`people` CHANGE `name` `name__before` {own} {comment}, CHANGE "
                f"`name__acra` `name` varbinary(470) {more} {comment} AFTER `name__before`",
            )

    def test_the_way_back_leaves_stored_values_under_a_name_of_their_own(self):
        line = secondcolumns.switch(table(ID, TEXT, BESIDE), self.definitions, DECRYPT)
        self.assertIn("CHANGE `name` `name__stored` ", line)
        self.assertIn("AFTER `name__stored`", line)

    def test_a_second_column_that_the_configuration_leaves_out(self):
        """Its values were not compared, and nothing would guard it."""
        found = table(ID, TEXT, BESIDE, TOKEN, Column("phone__acra", "int"))
        said = self.refused(found)
        self.assertIn("shop.people: column phone has a second one", said)

    def refused(self, found, change=ENCRYPT):
        definitions = {**self.definitions, "phone": Definition("int", "", "", "")}
        return str(self.assertRaises(ConfigError, secondcolumns.switch, found, definitions, change))

    def test_a_value_in_one_of_both_columns_alone_is_asked_for(self):
        found = table(ID, TEXT, BESIDE, TOKEN, Column("phone__acra", "int"), own=(NAME, PHONE))
        self.assertEqual(
            secondcolumns.unfilled(found),
            "SELECT 1 FROM `shop`.`people` WHERE (`name` IS NULL) <> (`name__acra` IS NULL) OR "
            "(`phone` IS NULL) <> (`phone__acra` IS NULL) LIMIT 1",
        )

    def test_columns_that_are_gone(self):
        found = table(ID, TEXT)
        self.assertIn("shop.people has no second column", self.refused(found))

    def test_a_column_of_an_earlier_switch(self):
        for name in ("NAME__before", "name__stored"):
            left = Column(name, "int")
            for change in (ENCRYPT, DECRYPT):
                said = self.refused(table(ID, TEXT, BESIDE, left), change)
                self.assertIn(f"drop column {name} of an earlier switch", said)
            self.assertRaises(ConfigError, prepared, TEXT, left)

    def test_a_character_set_that_is_none(self):
        hostile = {**self.definitions, "name": Definition("varchar(80)", "x y", "z", "")}
        found = table(ID, TEXT, BESIDE)
        self.assertRaises(ConfigError, secondcolumns.switch, found, hostile, ENCRYPT)

    def test_definitions_are_read(self):
        cells = ("NAME", "enum('é')", "latin1", "latin1_bin", "")
        row = [one.encode().hex().encode() for one in cells]
        found = secondcolumns.read_definitions([[*row[:4], None]])
        self.assertEqual(found, {"name": Definition("enum('é')", "latin1", "latin1_bin", "")})
        self.assertRaises(SchemaError, secondcolumns.read_definitions, [[b"x"] * 5])
