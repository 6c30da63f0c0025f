"""Changes of protected tables, and of what has the name of one in another database."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.settings import EncryptionSettings, TableSetting
from tests.support.mysqlplanning import MAIL, SCHEMA, plan, planner, shown

#: Changes of a table with protected columns, as programs for migrations write them.
_PASSING = (
    "ADD CONSTRAINT people_u UNIQUE (note)",
    "ADD CONSTRAINT PRIMARY KEY (id)",
    "ADD CONSTRAINT fk FOREIGN KEY (note) REFERENCES orders (id) ON DELETE CASCADE",
    "ADD FOREIGN KEY IF NOT EXISTS (note) REFERENCES orders (id)",
    "ADD CONSTRAINT c CHECK (id > 0)",
    "ADD FULLTEXT KEY ft (note)",
    "ADD INDEX IF NOT EXISTS i USING BTREE (note) KEY_BLOCK_SIZE = 4 COMMENT 'i' INVISIBLE",
    "ADD UNIQUE KEY k (email(33)) NOT IGNORED",
    "ADD COLUMN (a INT DEFAULT 1, b INT)",
    "ADD COLUMN a INT AFTER email",
    "MODIFY COLUMN IF EXISTS email VARBINARY(900) NOT NULL AFTER note",
    "CHANGE more less VARCHAR(100) NOT NULL DEFAULT 'x'",
    "CHANGE COLUMN email email VARBINARY(700) NULL",
    "ALTER COLUMN note SET DEFAULT 'x'",
    "ALTER note DROP DEFAULT",
    "ALTER email DROP DEFAULT",
    "ALTER email SET DEFAULT NULL",
    "ALTER INDEX i INVISIBLE",
    "ALTER KEY i NOT IGNORED",
    "RENAME COLUMN more TO less",
    "RENAME INDEX i TO email",
    "ROW_FORMAT=DYNAMIC",
    "DEFAULT CHARACTER SET = utf8mb4 COLLATE utf8mb4_bin, ENGINE InnoDB",
    "FORCE",
)
_REFUSED = (
    "ADD CONSTRAINT fk FOREIGN KEY (email) REFERENCES orders (mail)",
    "ADD CONSTRAINT c CHECK (email > 'a')",
    "ADD CONSTRAINT c",
    "ADD FULLTEXT KEY ft (phone)",
    "ADD (a INT, b INT AS (LENGTH(email)))",
    "ADD (email VARBINARY(600) DEFAULT 'secret')",
    "ADD a VARCHAR(100) AFTER note DEFAULT (email)",
    "CHANGE email mail BLOB",
    "CHANGE email name BLOB",
    "CHANGE note email BLOB",
    "CHANGE email email VARCHAR(80)",
    "CHANGE email email BLOB DEFAULT 'secret'",
    "ALTER email SET DEFAULT 'secret'",
    "ALTER COLUMN IF EXISTS email SET DEFAULT ('secret')",
    "ALTER note SET DEFAULT (email)",
    "ALTER CONSTRAINT c NOT ENFORCED",
    "RENAME COLUMN email TO mail",
    "RENAME COLUMN note TO email",
    "RENAME persons",
    "DEFAULT persons",
    "CONVERT TO CHARACTER SET latin1",
    "ORDER BY email",
    "UNION = (orders)",
)


class Changes(SynchronousTestCase):
    def test_those_that_hold_no_value(self):
        for change in (*_PASSING, ", ".join(_PASSING)):
            text = f"ALTER TABLE shop.people {change}"
            self.assertEqual(shown(text), "as it is", text)
            self.assertTrue(plan(text).plan.renews, text)

    def test_those_that_may_hold_one_or_give_it_another_name(self):
        for change in _REFUSED:
            for text in (f"ALTER TABLE people {change}", f"ALTER TABLE people FORCE, {change}"):
                self.assertTrue(shown(text).startswith("refused"), text)
                self.assertNotIn("secret", plan(text).plan.refusal.text)

    def test_a_table_that_refers_to_a_protected_one(self):
        for change in (
            "ADD CONSTRAINT fk FOREIGN KEY (pid) REFERENCES people (id) ON DELETE CASCADE",
            "ADD FOREIGN KEY (pid) REFERENCES `shop`.`people` (id), ADD x INT",
            "ADD COLUMN pid INT REFERENCES people",
        ):
            self.assertEqual(shown(f"ALTER TABLE orders {change}"), "as it is", change)
        for change in (
            "RENAME TO people",
            "EXCHANGE PARTITION p WITH TABLE people",
            "ADD x INT REFERENCES orders (id), RENAME `People`",
            "UNION = (people)",
        ):
            self.assertEqual(shown(f"ALTER TABLE orders {change}"), "refused: unparsable", change)


class Elsewhere(SynchronousTestCase):
    """Tables and routines that have the names of others."""

    def setUp(self):
        self.of_shop = planner(
            SCHEMA,
            EncryptionSettings([TableSetting("shop", "leads", (), {"mail": MAIL})]),
        )
        self.of_all = planner()

    def shown(self, text, database="shop", by=None):
        refusal = plan(text, database=database, by=by or self.of_all).plan.refusal
        return refusal.reason if refusal else "as it is"

    def test_in_another_database_they_are_not_protected(self):
        for text in (
            "ALTER TABLE other.vip ADD a INT",
            "ALTER TABLE other.vip RENAME TO other.former",
            "RENAME TABLE other.vip TO other.former",
            "RENAME TABLES IF EXISTS other.vip WAIT 5 TO other.a, b NOWAIT TO other.vip",
            "CALL other.add_person('a', @b)",
            "CALL other.vip(1)",
        ):
            self.assertEqual(self.shown(text), "as it is", text)
        for text in ("ALTER TABLE vip ADD a INT", "RENAME TABLE vip TO b", "CALL add_person(1)"):
            self.assertEqual(self.shown(text, "other"), "as it is", text)
            self.assertNotEqual(self.shown(text), "as it is", text)
            self.assertNotEqual(self.shown(text, None), "as it is", text)

    def test_a_table_that_is_configured_for_one_database(self):
        for text in ("RENAME TABLE other.leads TO other.x", "ALTER TABLE other.leads ADD a INT"):
            self.assertEqual(self.shown(text, by=self.of_shop), "as it is", text)
        for text in (
            "RENAME TABLE other.leads TO leads",
            "RENAME TABLE x TO y, leads TO other.leads",
            "ALTER TABLE other.leads RENAME TO shop.leads",
        ):
            self.assertEqual(self.shown(text, by=self.of_shop), "unparsable", text)

    def test_what_may_be_a_protected_one(self):
        for text in (
            "RENAME TABLE other.people TO other.x",
            "RENAME TABLE shop.vip TO other.x",
            "RENAME TABLE orders TO shop.people",
            "RENAME TABLE other.vip TO",
            "RENAME USER vip TO b",
            "RENAME TABLE other.vip TO b c",
        ):
            self.assertEqual(self.shown(text), "unparsable", text)
        for text in (
            "CALL shop.add_person('a')",
            "CALL Shop.Add_Person('a')",
            "CALL add_person.run('a')",
            "CALL other.add_person((SELECT id FROM vip))",
        ):
            self.assertNotEqual(
                self.shown(text, by=planner(SCHEMA._replace(folds=True))), "as it is"
            )
